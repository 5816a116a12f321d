package control

import (
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/state"
)

// reminders are how long before the start of a window it is looked at once more whether something is doubtful about it.
var reminders = []time.Duration{time.Hour, time.Minute}

// remind reports what is doubtful about the windows of a service whose reminders have come due.
func (c *Control) remind(s *managed, now time.Time) {
	if s.reminder.IsZero() || now.Before(s.reminder) {
		return
	}
	for _, w := range s.in.Plan.Windows(now) {
		for _, ahead := range reminders {
			if at := w.Start.Add(-ahead); !at.Before(s.reminder) && !at.After(now) {
				c.doubt(*s.showWindow(w, now), "in "+ahead.String())
			}
		}
	}
	s.setReminder(now)
}

// setReminder makes the reminder the next one after now; zero if there is none.
func (s *managed) setReminder(now time.Time) {
	s.reminder = time.Time{}
	for _, w := range s.in.Plan.Windows(now) {
		for _, ahead := range reminders {
			if at := w.Start.Add(-ahead); at.After(now) && (s.reminder.IsZero() || at.Before(s.reminder)) {
				s.reminder = at
			}
		}
	}
}

// doubt logs what is doubtful about a window, and when that was found.
func (c *Control) doubt(w api.Window, when string) {
	for _, p := range w.Problems {
		c.log.Warn("window is doubtful", "window", w.ID, "service", w.Service, "target", w.Target, "start", text(w.Start), "found", when, "problem", p)
	}
}

// doubtRecurring does so for the windows that the configuration has and that it didn't have in the same words before.
func (c *Control) doubtRecurring(s, before *managed, now time.Time) {
	for _, w := range s.windows(now) {
		if w.Recurring && (before == nil || !before.had(w)) {
			c.doubt(w, "configured")
		}
	}
}

func (s *managed) had(w api.Window) bool {
	for _, c := range s.in.Service.Windows {
		if c.ID == w.ID && c.Cron.String() == w.Cron && c.Timezone.String() == w.Timezone && s.target(c.To) == w.Target {
			return true
		}
	}
	return false
}

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
