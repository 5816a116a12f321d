package control

import (
	"fmt"
	"slices"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/policy"
	"dnsfailover/dnsfailover/state"
)

// Windows returns all windows that are open or still to come, by start. What comes again is there once.
func (c *Control) Windows(now time.Time) []api.Window {
	b := c.board.Load()
	out := slices.Clone(b.lost)
	for _, v := range b.views {
		out = append(out, v.windows(now)...)
	}
	slices.SortStableFunc(out, func(a, b api.Window) int { return a.Start.Compare(b.Start) })
	return out
}

// windows returns the windows of a service that are open or still to come, by start.
func (v *view) windows(now time.Time) []api.Window {
	out := []api.Window{}
	for _, w := range v.in.Plan.Windows(now) {
		i := slices.IndexFunc(out, func(o api.Window) bool { return o.ID == w.ID })
		if i < 0 {
			out = append(out, *v.showWindow(w, now))
		} else {
			out[i].Next = append(out[i].Next, api.Occurrence{Start: w.Start.UTC(), End: w.End.UTC()})
		}
	}
	return out
}

// window returns the window that is open while step is served, whether or not it decides, and the one that comes next; nil if there
// is none.
func (v *view) window(now time.Time, step policy.Planned) (open, next *api.Window) {
	all := v.in.Plan.Windows(now)
	for i := range all {
		w := &all[i]
		switch {
		case step.Window != nil && w.ID == step.Window.ID && w.Start.Equal(step.Window.Start):
			open = v.showWindow(*w, now)
		case !now.Before(w.Start):
			if step.Window == nil {
				open = v.showWindow(*w, now) // of several the last, which began last
			}
		case next == nil:
			next = v.showWindow(*w, now)
		}
	}
	return open, next
}

func (v *view) showWindow(w policy.Window, now time.Time) *api.Window {
	out := &api.Window{
		ID: w.ID, Service: v.name(), Target: v.target(w.Target), Start: w.Start.UTC(), End: w.End.UTC(),
		Open: !now.Before(w.Start) && now.Before(w.End), HoldsFrom: w.HoldsFrom(v.ahead, v.ledger).UTC(),
		Reason: w.Reason, Author: w.Author, Recurring: w.Recurring, Problems: []string{},
	}
	if !w.Since.IsZero() {
		since := w.Since.UTC()
		out.Since = &since
	}
	if i := slices.IndexFunc(v.in.Service.Windows, func(c config.Window) bool { return c.ID == w.ID }); w.Recurring && i >= 0 {
		c := v.in.Service.Windows[i]
		out.Cron, out.Timezone = c.Cron.String(), c.Timezone.String()
	}
	if v.in.Service.Guard != config.GuardOff {
		in := v.in
		in.Now = now
		out.Problems = append(out.Problems, policy.Doubts(in, w, out.HoldsFrom)...)
	}
	return out
}

// showStored shows a one-shot window of a service, which may not be there.
func (s *managed) showStored(id string, w state.Window, now time.Time) api.Window {
	if s != nil && index(s.in.Service, w.Target) >= 0 {
		return *s.showWindow(planned(s.in.Service, id, w), now)
	}
	missing := "the configuration has no such service"
	if s != nil {
		missing = "the service has no such target, it has " + list(targets(s.in.Service))
	}
	since := w.Since.UTC()
	return api.Window{
		ID: id, Service: w.Service, Target: w.Target, Start: w.Start.UTC(), End: w.End.UTC(), HoldsFrom: w.Start.UTC(),
		Reason: w.Reason, Author: w.Author, Since: &since, Problems: []string{"it is kept but not applied: " + missing},
	}
}

// lost returns the one-shot windows that have no place in the configuration.
func (c *Control) lost(now time.Time) []api.Window {
	var out []api.Window
	for _, id := range c.windowIDs() {
		w := c.windows[id]
		s := c.byName[w.Service]
		if now.Before(w.End) && (s == nil || index(s.in.Service, w.Target) < 0) {
			out = append(out, s.showStored(id, w, now))
		}
	}
	return out
}

// soon is how long before its start what is doubtful about a window is a problem.
const soon = time.Hour

// WindowProblems says what is doubtful about the windows that are open or about to begin, and which have no place in the configuration,
// one sentence each.
func (c *Control) WindowProblems(now time.Time) []string {
	b := c.board.Load()
	all := slices.Clone(b.lost)
	for _, v := range b.views {
		if v.in.Plan == nil {
			continue
		}
		for _, w := range v.windows(now) {
			if w.Start.Sub(now) <= soon {
				all = append(all, w)
			}
		}
	}
	var out []string
	for _, w := range all {
		for _, p := range w.Problems {
			out = append(out, fmt.Sprintf("window %s of service %q to %s, from %s: %s", w.ID, w.Service, w.Target, text(w.Start), p))
		}
	}
	return out
}
