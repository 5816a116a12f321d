package control

import (
	"time"

	"dnsfailover/dnsfailover/state"
)

// unsure has the store forget, in the transaction of the operator's change that comes next, which edge bounds what was
// promised: a crash right after it must not believe in an edge that the change has taken away.
func (c *Control) unsure(s *managed, now time.Time) {
	selection := s.selection(now)
	if selection.Edge.IsZero() {
		return
	}
	selection.Edge = time.Time{}
	s.saved = selection
	c.store.PutSelection(s.name(), selection)
}

// known tells what is promised of last, which is stored, beyond now: until when at most, and when it stopped being served if
// that was before. A window that is planned now as it was then has bounded all that was given since.
func (s *managed) known(last state.Selection, served time.Time) (promised, stopped time.Time) {
	promised, stopped = served.Add(time.Duration(last.MaxTTL)*time.Second), served
	if last.Edge.IsZero() || !s.in.Plan.Starts(last.Edge) {
		return promised, stopped
	}
	bound := last.Edge.Add(-time.Second)
	return earliest(promised, bound), earliest(stopped, bound)
}
