package policy

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
)

// row is one of the table above choose.
type row struct {
	situation      []string // a cell for each thing that matters
	selected, rule string
}

// truth reads the table; its columns are those of situation.cells.
func truth(t *testing.T) []row {
	t.Helper()
	source, err := os.ReadFile("decide.go")
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for line := range strings.Lines(string(source)) {
		if cells := strings.Split(strings.TrimPrefix(line, "//"), "|"); len(cells) == 11 {
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, row{cells[:8], cells[9], cells[10]})
		}
	}
	if len(rows) != 16 {
		t.Fatalf("the truth table has %d rows, wanted a head and 15", len(rows))
	}
	return rows[1:]
}

// situation is one combination of everything that a decision depends on.
type situation struct {
	override int  // to which target; none or over
	window   int  // the same
	refuse   bool // guard
	frozen   bool
	verdicts []checks.Verdict
	auto     int
	manual   bool
	tooNew   bool
	onlyIn   string // "", inside or outside
	allDown  config.AllDown
}

const (
	none = -2
	over = -1
)

// input is the situation as a decision is made over it.
func (s *situation) input(periods map[string]*config.Period) Input {
	in := Input{Service: service(1, 1, 1), Auto: s.auto, Now: epoch}
	in.Service.AllDown, in.Service.Guard = s.allDown, config.GuardWarn
	in.Service.Failback.Manual, in.Service.Failback.OnlyIn = s.manual, periods[s.onlyIn]
	since := epoch.Add(-time.Minute)
	if s.tooNew {
		since = since.Add(time.Nanosecond)
	}
	for _, v := range s.verdicts {
		in.Facts = append(in.Facts, []Fact{{State: checks.State{Verdict: v, Since: since}}})
	}
	if s.override != none {
		in.Override = &Override{Target: max(s.override, 0), Until: epoch.Add(time.Duration(s.override+1) * time.Hour)}
	}
	if s.refuse {
		in.Service.Guard = config.GuardRefuse
	}
	if s.window != none {
		end := epoch.Add(time.Duration(s.window+1) * time.Hour)
		in.Plan = NewPlan(in.Service, []Window{{ID: "w1", Target: max(s.window, 0), Start: epoch.Add(-time.Hour), End: end}}, epoch)
	}
	if s.frozen {
		in.Frozen = &Freeze{Since: epoch, Reason: "the canaries are down"}
	}
	return in
}

func (s *situation) first(v checks.Verdict) int { return slices.Index(s.verdicts, v) }

// open tells whether there is a window that decides.
func (s *situation) open() bool {
	return s.window >= 0 && !(s.refuse && s.verdicts[s.window] == checks.Down)
}

// fits tells whether a cell of the table is true, by its column.
func (s *situation) fits(column int, cell string) bool {
	if cell == "any" {
		return true
	}
	up, unknown := s.first(checks.Up), s.first(checks.Unknown)
	either := func(yes bool, a, b string) bool { return cell == a && yes || cell == b && !yes }
	switch column {
	case 0:
		return either(s.override >= 0, "active", "none")
	case 1:
		return either(s.open(), "open", "none")
	case 2:
		return either(s.frozen, "down", "up")
	case 3:
		return cell == s.verdicts[s.auto].String()
	case 4:
		return cell == "auto's" && up == s.auto || cell == "better" && up >= 0 && up < s.auto || cell == "some" && up >= 0 || cell == "none" && up < 0
	case 5:
		return either(unknown >= 0, "some", "none")
	case 6:
		return map[string]bool{
			"manual": s.manual, "auto": !s.manual, "auto, too new": !s.manual && s.tooNew, "auto, outside": !s.manual && s.onlyIn == "outside",
		}[cell]
	}
	return cell == string(s.allDown)
}

// find returns the index of the first row that fits.
func (s *situation) find(rows []row) int {
	return slices.IndexFunc(rows, func(r row) bool {
		for column, cell := range r.situation {
			if !s.fits(column, cell) {
				return false
			}
		}
		return true
	})
}

// selects returns the target that a row selects.
func (s *situation) selects(rows []row, r row) int {
	switch r.selected {
	case "override's":
		return s.override
	case "window's":
		return s.window
	case "as below":
		return s.below(rows)
	}
	return map[string]int{
		"auto's": s.auto, "first up": s.first(checks.Up), "first unknown": s.first(checks.Unknown),
		"first": 0, "last": len(s.verdicts) - 1, "nothing": -1,
	}[r.selected]
}

// below returns the target that the verdicts alone select.
func (s *situation) below(rows []row) int {
	bare := *s
	bare.override, bare.window, bare.frozen = none, none, false
	return bare.selects(rows, rows[bare.find(rows)])
}

// combinations calls each with every situation, with three targets.
func combinations(each func(*situation)) {
	yesno := []bool{false, true}
	var s situation
	verdictsOf := func(then func()) {
		for _, v0 := range verdicts {
			for _, v1 := range verdicts {
				for _, v2 := range verdicts {
					s.verdicts = []checks.Verdict{v0, v1, v2}
					then()
				}
			}
		}
	}
	failbacks := func(then func()) {
		for _, s.manual = range yesno {
			for _, s.tooNew = range yesno {
				for _, s.onlyIn = range []string{"", "inside", "outside"} {
					then()
				}
			}
		}
	}
	overlays := func(then func()) {
		for s.override = none; s.override < 3; s.override++ {
			for s.window = none; s.window < 3; s.window++ {
				for _, s.refuse = range yesno {
					for _, s.frozen = range yesno {
						then()
					}
				}
			}
		}
	}
	verdictsOf(func() {
		for s.auto = range 3 {
			for _, s.allDown = range []config.AllDown{config.AllDownFirst, config.AllDownLast, config.AllDownHold, config.AllDownNone} {
				failbacks(func() { overlays(func() { each(&s) }) })
			}
		}
	})
}

func TestEveryCombinationDecidesAsTheTruthTableSays(t *testing.T) {
	rows := truth(t)
	used, n := make([]int, len(rows)), 0
	periods := map[string]*config.Period{"inside": period(t, "0 12 * * *", time.Hour), "outside": period(t, "0 11 * * *", time.Hour)}
	combinations(func(s *situation) {
		n++
		i := s.find(rows)
		used[i]++
		selected, auto := s.selects(rows, rows[i]), s.below(rows)
		if auto < 0 {
			auto = s.auto
		}
		got := Decide(s.input(periods))
		if got.Target != selected || got.Rule != rows[i].rule || got.Auto != auto {
			t.Fatalf("%+v: selected %d by %s, auto %d; wanted %d, auto %d, by row %v", *s, got.Target, got.Rule, got.Auto, selected, auto, rows[i])
		}
		if got.Reason == "" {
			t.Fatalf("no reason for %+v", got)
		}
	})
	if n != 27*3*4*12*100 {
		t.Errorf("%d combinations", n)
	}
	for i, n := range used {
		if n == 0 {
			t.Errorf("row %v fits nothing", rows[i])
		}
	}
}
