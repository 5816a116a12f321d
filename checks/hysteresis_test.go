package checks

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestObserve(t *testing.T) {
	then := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now := then.Add(time.Minute)
	const fall, rise = 3, 2
	for _, test := range []struct {
		name    string
		from    State
		ok      bool
		want    State
		transit bool
	}{
		{"the first failure begins a run", State{}, false, State{Run: 1}, true},
		{"the first success begins a run", State{}, true, State{Run: 1, RunOK: true}, true},
		{"unknown stays so one failure short", State{Run: 1}, false, State{Run: 2}, false},
		{"unknown turns down at fall failures", State{Run: 2}, false, State{Verdict: Down, Since: now, Run: 3}, true},
		{"unknown turns up at rise successes", State{Run: 1, RunOK: true}, true, State{Verdict: Up, Since: now, Run: 2, RunOK: true}, true},
		{"unknown begins anew after a mixed result", State{Run: 2}, true, State{Run: 1, RunOK: true}, true},
		{"unknown begins anew the other way too", State{Run: 1, RunOK: true}, false, State{Run: 1}, true},

		{
			"up stays up silently",
			State{Verdict: Up, Since: then, Run: 7, RunOK: true},
			true,
			State{Verdict: Up, Since: then, Run: 8, RunOK: true},
			false,
		},
		{
			"up with one failure begins a contrary run",
			State{Verdict: Up, Since: then, Run: 7, RunOK: true},
			false,
			State{Verdict: Up, Since: then, Run: 1},
			true,
		},
		{
			"up with one failure less than fall goes on silently",
			State{Verdict: Up, Since: then, Run: 1},
			false,
			State{Verdict: Up, Since: then, Run: 2},
			false,
		},
		{
			"up turns down at fall failures",
			State{Verdict: Up, Since: then, Run: 2},
			false,
			State{Verdict: Down, Since: now, Run: 3},
			true,
		},
		{
			"a success resets the failure run (peers' bug 22)",
			State{Verdict: Up, Since: then, Run: 2},
			true,
			State{Verdict: Up, Since: then, Run: 1, RunOK: true},
			true,
		},
		{
			"down stays down silently",
			State{Verdict: Down, Since: then, Run: 9},
			false,
			State{Verdict: Down, Since: then, Run: 10},
			false,
		},
		{
			"down with one success begins a contrary run",
			State{Verdict: Down, Since: then, Run: 9},
			true,
			State{Verdict: Down, Since: then, Run: 1, RunOK: true},
			true,
		},
		{
			"down turns up at rise successes",
			State{Verdict: Down, Since: then, Run: 1, RunOK: true},
			true,
			State{Verdict: Up, Since: now, Run: 2, RunOK: true},
			true,
		},
		{
			"a failure resets the success run",
			State{Verdict: Down, Since: then, Run: 1, RunOK: true},
			false,
			State{Verdict: Down, Since: then, Run: 1},
			true,
		},
		{
			"a restored run longer than a lowered fall turns at the next failure",
			State{Verdict: Up, Since: then, Run: 5},
			false,
			State{Verdict: Down, Since: now, Run: 6},
			true,
		},
		{
			"a restored verdict without a run keeps its verdict",
			State{Verdict: Up, Since: then},
			false,
			State{Verdict: Up, Since: then, Run: 1},
			true,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := test.from.Observe(test.ok, now, fall, rise)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
			if got := test.from.transits(got); got != test.transit {
				t.Errorf("transition %v, want %v", got, test.transit)
			}
		})
	}
}

func TestOneFailureTurnsAtFallOne(t *testing.T) {
	s := State{Verdict: Up, Run: 4, RunOK: true}
	next := s.Observe(false, time.Now(), 1, 1)
	if next.Verdict != Down || next.Contrary() || !s.transits(next) {
		t.Errorf("got %+v", next)
	}
}

func TestEarliest(t *testing.T) {
	next := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const fall, rise = 3, 5
	for _, test := range []struct {
		name  string
		state State
		want  int // rechecks after next; negative: none
	}{
		{"nothing is known yet", State{}, -1},
		{"up and well", State{Verdict: Up, Run: 3, RunOK: true}, -1},
		{"down and still failing", State{Verdict: Down, Run: 3}, -1},
		{"up, two more failures are needed", State{Verdict: Up, Run: 1}, 1},
		{"up, the next failure decides", State{Verdict: Up, Run: 2}, 0},
		{"down, four more successes are needed", State{Verdict: Down, Run: 1, RunOK: true}, 3},
		{"unknown, one failure", State{Run: 1}, 1},
		{"unknown, one success: three failures are sooner than four successes", State{Run: 1, RunOK: true}, 2},
		{"unknown, four successes: one more is sooner", State{Run: 4, RunOK: true}, 0},
		{"a run longer than a lowered fall", State{Verdict: Up, Run: 9}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := time.Time{}
			if test.want >= 0 {
				want = next.Add(time.Duration(test.want) * 2 * time.Second)
			}
			if got := test.state.Earliest(next, 2*time.Second, fall, rise); !got.Equal(want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

// The verdict is what the latest fall or rise results say, and Needed is the shortest way to another one.
func TestHysteresisProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fall := rapid.IntRange(1, 6).Draw(t, "fall")
		rise := rapid.IntRange(1, 6).Draw(t, "rise")
		results := rapid.SliceOfN(rapid.Bool(), 1, 60).Draw(t, "results")
		all := func(tail []bool, n int, ok bool) bool {
			if len(tail) < n {
				return false
			}
			for _, r := range tail[len(tail)-n:] {
				if r != ok {
					return false
				}
			}
			return true
		}
		var s State
		want := Unknown
		for i, ok := range results {
			before := s
			s = s.Observe(ok, time.Unix(int64(i), 0), fall, rise)
			switch seen := results[:i+1]; {
			case all(seen, fall, false):
				want = Down
			case all(seen, rise, true):
				want = Up
			}
			if s.Verdict != want {
				t.Fatalf("after %v: %v, want %v", results[:i+1], s.Verdict, want)
			}
			if changed := s.Verdict != before.Verdict; changed != s.Since.Equal(time.Unix(int64(i), 0)) {
				t.Fatalf("after %v: since %v", results[:i+1], s.Since)
			}
			if way := min(steps(s, true, fall, rise), steps(s, false, fall, rise)); way != s.Needed(fall, rise) {
				t.Fatalf("%+v needs %d, says %d", s, way, s.Needed(fall, rise))
			}
		}
	})
}

// steps counts the like results that change the verdict; a way that can't is infinitely long.
func steps(s State, ok bool, fall, rise int) int {
	from := s.Verdict
	for n := 1; n <= fall+rise; n++ {
		if s = s.Observe(ok, time.Time{}, fall, rise); s.Verdict != from {
			return n
		}
	}
	return 1 << 30
}

func BenchmarkHysteresis(b *testing.B) {
	b.ReportAllocs()
	var s State
	now := time.Now()
	for i := 0; b.Loop(); i++ {
		s = s.Observe(i%7 < 3, now, 3, 5)
	}
}
