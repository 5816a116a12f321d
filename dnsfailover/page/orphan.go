package page

import (
	"fmt"
	"slices"
	"time"

	"dnsfailover/dnsfailover/api"
)

// orphans returns the orders that hold, but for no site of w. Should one of their names come back, they hold for it again.
func (s *said) orphans(w *world, now time.Time) (out []order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.orders {
		if o.holds(now) && !slices.ContainsFunc(o.Names, w.has) {
			out = append(out, o)
		}
	}
	return out
}

// orphan returns the one of them that is about a name.
func (s *said) orphan(w *world, name string, now time.Time) (order, bool) {
	for _, o := range s.orphans(w, now) {
		if o.about(name) {
			return o, true
		}
	}
	return order{}, false
}

// orphans says of them what an operator can do.
func (h *Host) orphans(w *world, now time.Time) (out []string) {
	for _, o := range h.said.orphans(w, now) {
		out = append(out, fmt.Sprintf("%s was told to %s by %s at %s, but no host has that name any more: give it to one, or take it back with \"dnsfailover page forget %s\"",
			o.Names[0], o.Mode, o.Author, stamp(o.Since), o.Names[0]))
	}
	return out
}

// site is what is told of an orphan that has been forgotten.
func (o order) site() api.Site {
	return api.Site{Name: o.Names[0], Names: o.Names, Mode: "gone", Because: "no host has that name"}
}
