package control

import (
	"slices"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/policy"
	"dnsfailover/dnsfailover/state"
	"dnsfailover/zones"
)

// managed is one service as control's goroutine holds it.
type managed struct {
	slot    *zones.Slot
	view          // as it is now
	shown   *view // as it was published
	touched bool  // within one batch of transitions
	fresh   bool  // nothing was known of it when it was made
	// expired is an override that is over and of which nobody was told yet, saved the selection that was told last.
	expired *state.Override
	saved   state.Selection
	allDown bool         // it was told that all targets are down
	rule    string       // the one by which what was told last is served
	open    []api.Window // that it was told of
	// reminder is when it is looked next whether something is doubtful about a window; zero if never.
	reminder time.Time
}

// view is what is published of a service. It is immutable: facts are copied before they change.
type view struct {
	in       policy.Input // as decided over last
	override *state.Override
	ahead    *policy.Ahead
	ledger   policy.Ledger // as of the first step of ahead
	flapped  []uint64      // by target, how often it was left because it was down, since the server has started
}

func (v *view) name() string { return v.in.Service.Name }

// target returns the name of a target by index; empty for none.
func (v *view) target(i int) string {
	if i < 0 {
		return ""
	}
	return v.in.Service.Targets[i].Name
}

// index returns the index of the target with that name, or -1.
func index(s *config.Service, target string) int {
	return slices.IndexFunc(s.Targets, func(t config.Target) bool { return t.Name == target })
}

// set makes fact the one of an address.
func (s *managed) set(p place, fact policy.Fact) {
	s.in.Facts = slices.Clone(s.in.Facts)
	s.in.Facts[p.target] = slices.Clone(s.in.Facts[p.target])
	s.in.Facts[p.target][p.address] = s.in.Facts[p.target][p.address].With(p.part, fact)
}

// impose makes o, or none if it is nil, the override.
func (s *managed) impose(o *state.Override) {
	s.override, s.in.Override = o, nil
	if o != nil {
		s.in.Override = &policy.Override{Target: index(s.in.Service, o.Target), Until: o.Until, Reason: o.Reason, Author: o.Author}
	}
}

// selection returns what a restart must know.
func (s *managed) selection(now time.Time) state.Selection {
	d := s.ahead.Steps[0]
	var edge time.Time
	if then := s.ahead.Then(0); then > 0 {
		if next := s.ahead.Steps[then]; next.From.Before(next.Edge) { // what a window ends a whole second ahead
			edge = next.From.Add(time.Second)
		}
	}
	return state.Selection{
		Edge: edge,
		Auto: s.target(s.in.Auto), Target: s.target(d.Target), Addresses: d.Addresses,
		Since: s.ledger.Since, Present: s.ledger.Present, Earlier: s.ledger.Earlier,
		MaxTTL: uint32(s.in.Service.MaxTTL / time.Second), Saved: now, Flaps: s.flaps(),
	}
}

// flaps returns those that count, as they are stored.
func (s *managed) flaps() []state.Flap {
	var out []state.Flap
	for _, f := range s.in.Flaps {
		out = append(out, state.Flap{Target: s.target(f.Target), At: f.At})
	}
	return out
}

// same tells whether b adds nothing that a restart must know: Present is no later than MaxTTL after the end.
func same(a, b state.Selection) bool {
	return a.Auto == b.Auto && a.Target == b.Target && slices.Equal(a.Addresses, b.Addresses) &&
		a.Since.Equal(b.Since) && a.Edge.Equal(b.Edge) && a.Earlier.Equal(b.Earlier) && a.MaxTTL == b.MaxTTL && a.Gone.Equal(b.Gone) &&
		slices.EqualFunc(a.Flaps, b.Flaps, func(a, b state.Flap) bool { return a.Target == b.Target && a.At.Equal(b.At) })
}
