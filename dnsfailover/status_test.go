package dnsfailover

import (
	"fmt"
	"testing"
	"time"

	"dnsfailover/checks"
)

// Decisions are stale if probes don't start, and if they start but this host lacks what they take.
func TestStale(t *testing.T) {
	now := time.Now()
	list := []*checks.Check{
		{ID: "a", Interval: 10 * time.Second, Timeout: 3 * time.Second},
		{ID: "b", Interval: time.Minute, Timeout: 3 * time.Second},
	}
	ago := func(seconds int) time.Time { return now.Add(-time.Duration(seconds) * time.Second) }
	lacking := checks.Result{Inconclusive: true, Reason: "too many open files on this host"}
	for says, c := range map[string]struct {
		known map[string]checks.Snapshot
		want  string
	}{
		"nothing is known":         {nil, "[]"},
		"probed in time":           {map[string]checks.Snapshot{"a": {Next: ago(-5)}, "b": {Next: ago(1)}}, "[]"},
		"a is overdue":             {map[string]checks.Snapshot{"a": {Next: ago(24)}, "b": {Next: ago(24)}}, "[decisions are stale: 1 checks are overdue, among them a]"},
		"inconclusive for a short": {map[string]checks.Snapshot{"a": {Next: ago(-5), Blind: ago(20), Last: lacking}}, "[]"},
		"a can't look": {
			map[string]checks.Snapshot{"a": {Next: ago(-5), Blind: ago(24), Last: lacking}, "b": {Blind: ago(24), Last: lacking}},
			"[decisions are stale: of 1 checks no probe could be run to its end, among them a: too many open files on this host]",
		},
	} {
		got := stale(list, func(id string) (checks.Snapshot, bool) { s, ok := c.known[id]; return s, ok }, now)
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v, want %s", says, got, c.want)
		}
	}
}
