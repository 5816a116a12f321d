package control

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/policy"
)

// Probes is what control asks of those who probe; *checks.Scheduler implements it.
type Probes interface {
	// Snapshot tells what is known of a check; false if there is none.
	Snapshot(id string) (checks.Snapshot, bool)
	// Suspend, Resume and Hurry are as in the scheduler. None of them waits for a probe.
	Suspend(states map[string]checks.State)
	Resume(ids []string)
	Hurry(ids []string)
}

// A guard is one or more standing checks without which the failures of others are not believed: the canaries, or a check
// that others require.
//
// A verdict down is held back until the guard has answered a probe that began after it, however lately it answered
// before: when a link dies, what lies behind it may well be found dead first. While the guard is down itself, what it stands
// before is suspended: verdicts stay as they were, and no result counts.
type guard struct {
	name   string // as in the configuration; canaries for the canaries
	all    bool   // it stands before every check: the canaries
	checks []config.Watch
	need   int       // how many must be up, or answer
	since  time.Time // when it turned down; zero if it isn't
	reason string    // why
}

// newGuards returns the guards of a configuration, the canaries first. Those that old has too are down since they were.
func newGuards(cfg *config.Config, old []*guard) []*guard {
	var list []*guard
	add := func(g *guard) {
		for _, o := range old {
			if o.name == g.name && o.all == g.all {
				g.since, g.reason = o.since, o.reason
			}
		}
		list = append(list, g)
	}
	if n := len(cfg.Canaries.Checks); n > 0 {
		add(&guard{name: "canaries", all: true, checks: cfg.Canaries.Checks, need: n - cfg.Canaries.Fail + 1})
	}
	known := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(cfg.Requires)) {
		for _, w := range cfg.Requires[id] {
			if !known[w.Check.ID] {
				known[w.Check.ID] = true
				add(&guard{name: w.Name, checks: []config.Watch{w}, need: 1})
			}
		}
	}
	return list
}

func (g *guard) canary() bool { return g.all }

// over tells whether the guard stands before a check. None stands before a standing check.
func (g *guard) over(s *seen) bool {
	return !s.standing && (g.all || slices.Contains(s.requires, g.checks[0].Check.ID))
}

// words says that the guard is down, and why.
func (g *guard) words() string {
	if g.all {
		return fmt.Sprintf("the canaries are down (%s)", g.reason)
	}
	return fmt.Sprintf("%s, which it requires, is down (%s)", g.name, g.reason)
}

// answered tells whether enough of the guard's checks have answered a probe that began at since or later.
func (g *guard) answered(at map[string]time.Time, since time.Time) bool {
	n := 0
	for _, w := range g.checks {
		if t, ok := at[w.Check.ID]; ok && !t.Before(since) {
			n++
		}
	}
	return n >= g.need
}

func (g *guard) ids() []string {
	ids := make([]string, len(g.checks))
	for i, w := range g.checks {
		ids[i] = w.Check.ID
	}
	return ids
}

// combined returns what is known of a guard's checks as one.
func (d *doubts) combined(g *guard) policy.Fact {
	if !g.all {
		return d.standing[g.checks[0].Check.ID]
	}
	parts := make([]policy.Part, len(g.checks))
	for i, w := range g.checks {
		parts[i] = policy.Part{Name: w.Name, Fact: d.standing[w.Check.ID]}
	}
	return policy.Combine(g.need, parts)
}

// unguarded stands for probes that can't be asked for anything.
type unguarded struct{}

func (unguarded) Snapshot(string) (checks.Snapshot, bool) { return checks.Snapshot{}, false }
func (unguarded) Suspend(map[string]checks.State)         {}
func (unguarded) Resume([]string)                         {}
func (unguarded) Hurry([]string)                          {}

// guard takes the guards of cfg over, and drops doubts about checks that are gone or have changed. It returns fact with what
// is frozen in that.
func (c *Control) guard(cfg *config.Config, now time.Time, fact func(*checks.Check, string) policy.Fact) func(*checks.Check, string) policy.Fact {
	c.standing = map[string]policy.Fact{}
	for id, s := range c.places.byID {
		if s.standing {
			c.standing[id] = fact(s.check, s.probe)
		}
	}
	c.guards = newGuards(cfg, c.guards)
	for _, g := range c.guards {
		switch known := c.combined(g); {
		case known.State.Verdict != checks.Down:
			g.since, g.reason = time.Time{}, ""
		case g.since.IsZero():
			g.since, g.reason = now, known.Reason
		}
	}
	for id, h := range c.held {
		if c.places.find(h.t.Check) == nil {
			delete(c.held, id)
		}
	}
	for id := range c.awaited {
		if c.places.byID[id] == nil {
			delete(c.awaited, id)
		}
	}
	frozen := func(check *checks.Check, probe string) policy.Fact {
		f := fact(check, probe)
		f.Frozen = c.frozenBy(c.places.byID[check.ID])
		return f
	}
	c.suspendAnew(frozen)
	return frozen
}

// suspendAnew has exactly those checks suspended that are to be in a new world.
func (c *Control) suspendAnew(fact func(*checks.Check, string) policy.Fact) {
	before := c.frozen
	c.frozen = map[string]bool{}
	states := map[string]checks.State{}
	for id, s := range c.places.byID {
		if c.suspended(s) != nil {
			c.frozen[id], states[id] = true, still(fact(s.check, s.probe), "").State
			delete(before, id)
		}
	}
	c.probes.Suspend(states)
	c.probes.Resume(slices.Sorted(maps.Keys(before)))
}

// combined returns the fact of an address, given that of each of its checks.
func combined(a config.Address, p *places, fact func(*checks.Check, string) policy.Fact) policy.Fact {
	one := func(w config.Watch) policy.Fact { return fact(w.Check, p.byID[w.Check.ID].probe) }
	switch len(a.Checks) {
	case 0:
		return policy.Unchecked
	case 1:
		return one(a.Checks[0])
	}
	parts := make([]policy.Part, len(a.Checks))
	for i, w := range a.Checks {
		parts[i] = policy.Part{Name: w.Name, Fact: one(w)}
	}
	return policy.Combine(a.Need, parts)
}
