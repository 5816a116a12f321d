package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/cron"
)

// every returns a window of the configuration.
func every(t interface{ Fatal(...any) }, expression, zone string, length time.Duration, to int) config.Window {
	c, err := cron.Parse(expression)
	if err != nil {
		t.Fatal(err)
	}
	z, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return config.Window{ID: "web-1", To: to, Cron: c, Timezone: z, For: length}
}

// at returns an instant after the epoch.
func at(d time.Duration) time.Time { return epoch.Add(d) }

// scenario is a service with two targets that are up, with windows.
func scenario(once ...Window) Input {
	in := Input{Service: service(1, 1, 1), Facts: [][]Fact{{up()}, {up()}, {up()}}, Now: epoch}
	in.Plan = NewPlan(in.Service, once, in.Now)
	return in
}

// story walks from edge to edge and says what is served from when on, by which rule.
func story(in Input, until time.Time) string {
	var parts []string
	for {
		a := Look(in)
		s := a.Steps[0]
		parts = append(parts, fmt.Sprintf("%s t%d %s", in.Now.Sub(epoch), s.Target, s.Rule))
		next := a.Next()
		if next.IsZero() || next.After(until) {
			return strings.Join(parts, ", ")
		}
		in.Auto, in.Flaps = s.Auto, s.Flaps
		in.Now = next
		if i := a.At(next); i > 0 {
			in.Auto, in.Flaps = a.Steps[i].Auto, a.Steps[i].Flaps
		}
	}
}

func TestWindowIsServedFromASecondBeforeItsStartToItsEnd(t *testing.T) {
	w := Window{ID: "w1", Target: 1, Start: at(90 * time.Second), End: at(150 * time.Second), Reason: "patches", Author: "ann"}
	in := scenario(w)
	if got, want := story(in, at(time.Hour)), "0s t0 verdicts, 1m29s t1 window, 1m30s t1 window, 2m30s t0 verdicts"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	a := Look(in)
	if len(a.Steps) != 3 || !a.Steps[1].Edge.Equal(w.Start) || !a.Steps[1].From.Equal(at(89*time.Second)) || !a.Steps[2].From.Equal(w.End) {
		t.Fatalf("steps %+v", a.Steps)
	}
	if got, want := a.Steps[1].Reason, "window w1 to t1 is open until 2026-03-01T12:02:30Z, planned by ann: patches"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for ms, want := range map[int]uint32{0: 60, 28_999: 60, 29_001: 59, 88_000: 1, 88_001: 0, 88_999: 0, 89_000: 60, 90_000: 59, 148_000: 1, 149_999: 0, 150_000: 60} {
		now := at(time.Duration(ms) * time.Millisecond).UnixNano()
		if got := a.Timeline.At(now).TTL(now); got != want {
			t.Errorf("TTL at %d ms is %d, wanted %d", ms, got, want)
		}
	}
	var l Ledger
	if got := l.Served(a, at(100*time.Second)); !got.DrainedAt().Equal(w.Start) {
		t.Errorf("drained at %v, wanted the start", got.DrainedAt())
	}
}

func TestPrecedence(t *testing.T) {
	window := func(id string, target, from, to int) Window {
		return Window{ID: id, Target: target, Start: at(time.Duration(from) * time.Second), End: at(time.Duration(to) * time.Second)}
	}
	for name, c := range map[string]struct {
		windows  []Window
		override *Override
		frozen   *Freeze
		want     string
	}{
		"the newest start wins, then the older again": {
			windows: []Window{window("w1", 1, 100, 400), window("w2", 2, 200, 300)},
			want:    "0s t0 verdicts, 1m39s t1 window, 1m40s t1 window, 3m19s t2 window, 3m20s t2 window, 5m0s t1 window, 6m40s t0 verdicts",
		},
		"of two that start at once the later one": {
			windows: []Window{window("w1", 1, 100, 400), window("w2", 2, 100, 200)},
			want:    "0s t0 verdicts, 1m39s t2 window, 1m40s t2 window, 3m20s t1 window, 6m40s t0 verdicts",
		},
		"an override lies over a window": {
			windows: []Window{window("w1", 1, 100, 400)}, override: &Override{Target: 2, Until: at(200 * time.Second)},
			want: "0s t2 override, 1m40s t2 override, 3m20s t1 window, 6m40s t0 verdicts",
		},
		"an override that ends early": {
			windows: []Window{window("w1", 1, 100, 400)}, override: &Override{Target: 2, Until: at(50 * time.Second)},
			want: "0s t2 override, 50s t0 verdicts, 1m39s t1 window, 1m40s t1 window, 6m40s t0 verdicts",
		},
		"a window lies over a freeze": {
			windows: []Window{window("w1", 1, 100, 400)}, frozen: &Freeze{Since: epoch},
			want: "0s t0 frozen, 1m39s t1 window, 1m40s t1 window, 6m40s t0 frozen",
		},
		"windows that follow each other": {
			windows: []Window{window("w1", 1, 100, 200), window("w2", 2, 200, 300)},
			want:    "0s t0 verdicts, 1m39s t1 window, 1m40s t1 window, 3m19s t2 window, 3m20s t2 window, 5m0s t0 verdicts",
		},
		"what one window keeps clients away from the next one serves only when that is over": {
			windows: []Window{window("w1", 1, 100, 200), window("w2", 0, 200, 300)},
			want:    "0s t0 verdicts, 1m39s t1 window, 1m40s t1 window, 3m20s t0 window, 5m0s t0 verdicts",
		},
		"nor does a window let go of what an override keeps clients away from": {
			windows: []Window{window("w1", 0, 100, 400)}, override: &Override{Target: 1, Until: at(200 * time.Second)},
			want: "0s t1 override, 1m40s t1 override, 3m20s t0 window, 6m40s t0 verdicts",
		},
		"the same target again": {
			windows: []Window{window("w1", 1, 100, 200), window("w2", 1, 200, 300)},
			want:    "0s t0 verdicts, 1m39s t1 window, 1m40s t1 window, 3m19s t1 window, 3m20s t1 window, 5m0s t0 verdicts",
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := scenario(c.windows...)
			in.Override, in.Frozen = c.override, c.frozen
			if got := story(in, at(time.Hour)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestGuardRefuseDoesNotBeginAWindowWhoseTargetIsDown(t *testing.T) {
	w := Window{ID: "w1", Target: 1, Start: at(100 * time.Second), End: at(400 * time.Second)}
	in := scenario(w)
	in.Facts[1] = []Fact{down()}
	for guard, want := range map[config.Guard]string{
		config.GuardRefuse: "0s t0 verdicts, 1m40s t0 verdicts, 6m40s t0 verdicts",
		config.GuardWarn:   "0s t0 verdicts, 1m39s t1 window, 1m40s t1 window, 6m40s t0 verdicts",
		config.GuardOff:    "0s t0 verdicts, 1m39s t1 window, 1m40s t1 window, 6m40s t0 verdicts",
	} {
		in.Service.Guard = guard
		if got := story(in, at(time.Hour)); got != want {
			t.Errorf("%s: got  %s\nwant %s", guard, got, want)
		}
	}
	in.Service.Guard, in.Now = config.GuardRefuse, at(200*time.Second)
	if got, want := Explain(in)[1].Text, "window w1 is open, but t1 is down and guard is refuse"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestExplainNamesTheNextWindow(t *testing.T) {
	in := scenario(Window{ID: "w1", Target: 1, Start: at(100 * time.Second), End: at(400 * time.Second)})
	if got, want := Explain(in)[1].Text, "no window is open, the next is w1 to t1 at 2026-03-01T12:01:40Z"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	in.Now = at(200 * time.Second)
	in.Override = &Override{Target: 2}
	steps := Explain(in)
	if got, want := steps[1].Text, "without the override: window w1 to t1 is open until 2026-03-01T12:06:40Z"; got != want || steps[1].Applies {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := steps[2].Text, "without either: t0 is up"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestPlannedWorkIsNoFlap: what is down while nobody is sent there doesn't count against it.
func TestPlannedWorkIsNoFlap(t *testing.T) {
	in := scenario(Window{ID: "w1", Target: 1, Start: at(-time.Minute), End: at(time.Minute)})
	in.Facts[0] = []Fact{down()}
	if d := Decide(in); d.Flapped || d.Auto != 1 {
		t.Errorf("%+v", d)
	}
}

// TestWindowsComeAgain follows a weekly window, a nightly one over both changes of the clocks in both hemispheres, and a leap day's.
func TestWindowsComeAgain(t *testing.T) {
	for name, c := range map[string]struct {
		cron, zone string
		length     time.Duration
		now        string
		want       []string // starts
	}{
		"weekly":                     {"0 3 * * SUN", "Europe/Berlin", 30 * time.Minute, "2026-11-25T00:00:00Z", []string{"2026-11-29T02:00:00Z", "2026-12-06T02:00:00Z", "2026-12-13T02:00:00Z"}},
		"in the middle of one":       {"0 3 * * SUN", "Europe/Berlin", 30 * time.Minute, "2026-11-29T02:29:59Z", []string{"2026-11-29T02:00:00Z", "2026-12-06T02:00:00Z", "2026-12-13T02:00:00Z", "2026-12-20T02:00:00Z"}},
		"at its end":                 {"0 3 * * SUN", "Europe/Berlin", 30 * time.Minute, "2026-11-29T02:30:00Z", []string{"2026-12-06T02:00:00Z", "2026-12-13T02:00:00Z", "2026-12-20T02:00:00Z"}},
		"over the gap":               {"30 1 * * *", "Europe/Berlin", 2 * time.Hour, "2026-03-29T01:30:00Z", []string{"2026-03-29T00:30:00Z", "2026-03-29T23:30:00Z", "2026-03-30T23:30:00Z", "2026-03-31T23:30:00Z"}},
		"in the gap":                 {"30 2 * * *", "Europe/Berlin", time.Hour, "2026-03-28T12:00:00Z", []string{"2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z"}},
		"in the hour that repeats":   {"30 2 * * *", "Europe/Berlin", time.Hour, "2026-10-25T00:45:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z", "2026-10-27T01:30:00Z", "2026-10-28T01:30:00Z"}},
		"in the southern gap":        {"30 2 * * SUN", "Australia/Sydney", time.Hour, "2026-10-03T16:45:00Z", []string{"2026-10-03T16:30:00Z", "2026-10-10T15:30:00Z", "2026-10-17T15:30:00Z", "2026-10-24T15:30:00Z"}},
		"in the southern repetition": {"30 2 * * SUN", "Australia/Sydney", time.Hour, "2026-04-04T15:45:00Z", []string{"2026-04-04T15:30:00Z", "2026-04-11T16:30:00Z", "2026-04-18T16:30:00Z", "2026-04-25T16:30:00Z"}},
		"leap day":                   {"0 0 29 2 *", "UTC", 24 * time.Hour, "2028-02-29T23:59:59Z", []string{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z", "2036-02-29T00:00:00Z", "2040-02-29T00:00:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := service(1, 1)
			s.Windows = []config.Window{every(t, c.cron, c.zone, c.length, 1)}
			now, err := time.Parse(time.RFC3339, c.now)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range NewPlan(s, nil, now).Windows(now) {
				got = append(got, w.Start.Format(time.RFC3339))
				if w.End.Sub(w.Start) != c.length {
					t.Errorf("%v lasts %v", w.Start, w.End.Sub(w.Start))
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v\nwant %v", got, c.want)
			}
		})
	}
}

// TestWhatAWindowDoesDependsOnTheClockAlone: whenever a plan was made, and whatever was asked of it before, as after a
// restart, a missed tick or a step of the clock, the decision is the same.
func TestWhatAWindowDoesDependsOnTheClockAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawWindows(t)
		now := at(drawDuration(t, -time.Hour, time.Hour, "now"))
		in.Now = now
		want := Decide(in)
		in.Plan = in.Plan.At(at(drawDuration(t, -time.Hour, time.Hour, "another time")))
		if got := Decide(in); got.Target != want.Target || got.Rule != want.Rule || !got.Next.Equal(want.Next) {
			t.Fatalf("%+v, and after another time %+v", want, got)
		}
		open := false
		for _, w := range in.Plan.Windows(now) {
			open = open || w.open(now)
			if w.Start.Before(now) && !w.open(now) {
				t.Fatalf("window %+v is over", w)
			}
		}
		if open != (want.Rule == RuleWindow) && want.Rule != RuleOverride {
			t.Fatalf("decided by %s, and a window is open: %v", want.Rule, open)
		}
	})
}

// advanced returns in as of now, with what was decided at the edges up to then: a failback that was done stays, though the period
// in which it may be is over.
func advanced(in Input, now time.Time) Input {
	for {
		d := Decide(in)
		in.Auto, in.Flaps = d.Auto, d.Flaps
		if d.Next.IsZero() || d.Next.After(now) {
			in.Now = latest(in.Now, now)
			return in
		}
		in.Now = d.Next
	}
}

// nextEdge returns the first edge after now by the decisions alone.
func nextEdge(in Input, now time.Time) time.Time { return Decide(advanced(in, now)).Next }

func BenchmarkLookWithWindows(b *testing.B) {
	in := Input{Service: service(2, 2), Facts: [][]Fact{{changing(up(), time.Second), up()}, {up(), up()}}, Now: epoch}
	in.Service.Windows = []config.Window{every(b, "0 3 * * SUN", "Europe/Berlin", 30*time.Minute, 1)}
	in.Plan = NewPlan(in.Service, nil, in.Now)
	b.ReportAllocs()
	for b.Loop() {
		Look(in)
	}
}
