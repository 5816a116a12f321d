package control

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/state"
)

// followWindows tells which windows of a service have begun or are over since it was called last, and forgets one-shot windows that
// are over.
func (c *Control) followWindows(s *managed, now time.Time) {
	open := s.openAt(now)
	for _, w := range s.open {
		if !has(open, w) {
			c.windowEdge(w, "window ended", api.EventWindowEnd, "window "+w.ID+" to "+w.Target+" is over", earliest(w.End, now))
		}
	}
	for _, w := range open {
		if !has(s.open, w) {
			sentence := "window " + w.ID + " to " + w.Target + " is open until " + text(w.End)
			if s.in.Refused(index(s.in.Service, w.Target)) {
				sentence += ", but does not begin while " + w.Target + " is down, since guard is refuse"
			}
			c.windowEdge(w, "window opened", api.EventWindowStart, sentence, w.Start)
		}
	}
	s.open = open
	c.forgetWindows(now)
}

// resumeWindows takes up the windows of a service that were open when the server before stopped, at alive, and logs those that are
// open still. Of the others followWindows tells, also of those that ended meanwhile.
func (c *Control) resumeWindows(s *managed, alive, now time.Time) {
	if alive.IsZero() {
		return
	}
	open := s.openAt(now)
	for _, w := range s.openAt(earliest(alive, now)) {
		if !w.Start.Before(alive) { // nobody was told yet
			continue
		}
		s.open = append(s.open, w)
		if has(open, w) {
			c.log.Info("window in force", "window", w.ID, "service", w.Service, "target", w.Target, "end", text(w.End), "reason", w.Reason)
		}
	}
}

// openAt returns the windows that are open at now.
func (v *view) openAt(now time.Time) []api.Window {
	var open []api.Window
	for _, w := range v.in.Plan.Windows(now) {
		if !now.Before(w.Start) {
			open = append(open, *v.showWindow(w, now))
		}
	}
	return open
}

// has tells whether the very occurrence w is among windows.
func has(windows []api.Window, w api.Window) bool {
	return slices.ContainsFunc(windows, func(o api.Window) bool { return o.ID == w.ID && o.Start.Equal(w.Start) })
}

func (c *Control) windowEdge(w api.Window, message, kind, sentence string, at time.Time) {
	c.log.Info(message, "window", w.ID, "service", w.Service, "target", w.Target, "start", text(w.Start), "end", text(w.End), "reason", w.Reason)
	if w.Reason != "" {
		sentence += ": " + w.Reason
	}
	c.happened(api.Event{Time: at, Kind: kind, Service: w.Service, Target: w.Target, Window: w.ID, Text: sentence, Planned: true})
}

// forgetWindows drops the one-shot windows that are over.
func (c *Control) forgetWindows(now time.Time) {
	for id, w := range c.windows {
		if !now.Before(w.End) {
			delete(c.windows, id)
			c.store.DropWindow(id)
		}
	}
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// restoreWindows makes the one-shot windows those that the store remembers.
func (c *Control) restoreWindows(contents state.Contents) {
	c.windows, c.lastWindow, c.alive = map[string]state.Window{}, contents.LastWindow, contents.Alive
	for id, w := range contents.Windows {
		c.windows[id] = w
		if n, err := strconv.Atoi(strings.TrimPrefix(id, "w")); err == nil {
			c.lastWindow = max(c.lastWindow, n)
		}
	}
}
