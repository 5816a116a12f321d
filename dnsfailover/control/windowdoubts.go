package control

import (
	"time"

	"dnsfailover/dnsfailover/api"
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
				c.warn(*s.showWindow(w, now), "in "+ahead.String())
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

// warn logs what is doubtful about a window, and when that was found.
func (c *Control) warn(w api.Window, when string) {
	for _, p := range w.Problems {
		c.log.Warn("window is doubtful", "window", w.ID, "service", w.Service, "target", w.Target, "start", text(w.Start), "found", when, "problem", p)
	}
}

// warnRecurring does so for the windows that the configuration has and that it didn't have in the same words before.
func (c *Control) warnRecurring(s, before *managed, now time.Time) {
	for _, w := range s.windows(now) {
		if w.Recurring && (before == nil || !before.had(w)) {
			c.warn(w, "configured")
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
