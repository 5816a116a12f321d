package control

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/policy"
	"dnsfailover/dnsfailover/state"
)

// restore makes world the first one, as the store remembers it.
func (c *Control) restore(world World, now time.Time) {
	contents := c.store.Contents()
	c.overrides = maps.Clone(contents.Overrides)
	if c.overrides == nil {
		c.overrides = map[string]state.Override{}
	}
	maps.Copy(c.selections, contents.Selections)
	c.restoreWindows(contents)
	// What is too old or from the future is not believed: its verdicts are unknown. Where a service pointed is still known.
	age := now.Sub(contents.Alive)
	believed := !contents.Alive.IsZero() && age >= 0 && age <= world.Config.MaxAge
	byProbe := map[string]state.Check{} // of those that have another ID now
	for _, stored := range contents.Checks {
		if _, taken := byProbe[stored.Probe]; taken {
			stored = state.Check{} // nobody knows which is meant
		}
		byProbe[stored.Probe] = stored
	}
	c.settleIn(world, now, nil, func(check *checks.Check, probe string) policy.Fact {
		stored := contents.Checks[check.ID]
		if stored.Probe != probe {
			stored = byProbe[probe]
		}
		if !believed || stored.Probe != probe || stored.State.Since.After(now) {
			return policy.Fact{}
		}
		fact := policy.Fact{State: stored.State}
		if since := fact.State.Since; !since.IsZero() {
			fact.State.Since = now.Add(since.Sub(now)) // by the monotonic clock too, which nobody sets back
		}
		if fact.State.Contrary() {
			fact.Earliest = now // how far the run's next result is nobody knows
		}
		return fact
	})
	c.alive = time.Time{} // services that a reload adds were not there then
	for _, s := range c.services {
		if o := s.override; o != nil {
			level := slog.LevelInfo
			if s.in.Verdict(s.in.Override.Target) == checks.Down {
				level = slog.LevelWarn
			}
			c.log.Log(context.Background(), level, "override in force", append(overrideFacts(s.name(), *o), "author", o.Author, "reason", o.Reason)...)
			c.overrideKept(s)
		}
	}
}

// Replace makes world the one that is decided over; it returns when its slots are filled. publish is called
// right then, on control's goroutine, to swap the live set. Services keep what they had by their names, checks by ID
// and probe. The scheduler must be given the new checks, with what Restored then returns, after Replace.
func (c *Control) Replace(ctx context.Context, world World, publish func()) error {
	done, err := c.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	return c.do(ctx, func() {
		now := c.current()
		before := c.board.Load()
		c.settleIn(world, now, publish, func(check *checks.Check, probe string) policy.Fact {
			if s := before.places.like(check, probe); s != nil {
				return before.fact(s)
			}
			return policy.Fact{}
		})
	})
}

// Begin enters that queries are answered from now on, by what has been reported up to now. What the slots held before
// was promised to nobody.
func (c *Control) Begin(ctx context.Context) error {
	return c.do(ctx, func() {
		c.observe(c.queue.take())
		now := c.current()
		for _, s := range c.services {
			if s.fresh {
				s.in.Flaps, s.flapped = nil, counts(s.in.Service, nil)
				s.decide(now)
				s.ledger = policy.Ledger{Since: now}
			}
		}
		c.publish(c.services)
	})
}

// settleIn builds the services of world, with the facts that fact returns for their checks, fills their slots, runs
// publish if it is not nil, and tells.
func (c *Control) settleIn(world World, now time.Time, publish func(), fact func(*checks.Check, string) policy.Fact) {
	for _, s := range c.services {
		c.catchUp(s, now) // also with what has passed since control woke up
	}
	c.forgetExpired(now)
	before := c.byName
	for name, s := range before {
		c.selections[name] = s.selection(now)
	}
	c.byName = make(map[string]*managed, len(world.Config.Services))
	c.places = newPlaces(world.Config)
	fact = c.guard(world.Config, now, fact)
	c.services = make([]*managed, len(world.Config.Services))
	for i := range world.Config.Services {
		cfg := &world.Config.Services[i]
		s := &managed{slot: world.Slots[cfg.Name]}
		s.in = policy.Input{Service: cfg, Facts: facts(cfg, c.places, fact), Auto: c.resume(cfg), Flaps: c.remember(cfg, now), Now: now}
		s.flapped = counts(cfg, before[cfg.Name])
		if old := before[cfg.Name]; old != nil {
			s.in.Frozen = old.in.Frozen
		}
		s.in.Frozen = c.freeze(s, now)
		if o, ok := c.overrides[cfg.Name]; ok && index(cfg, o.Target) >= 0 {
			s.impose(&o)
		}
		c.plan(s, now)
		s.adopt(policy.Look(s.in))
		s.slot.Store(s.ahead.Timeline)
		c.services[i], c.byName[cfg.Name] = s, s
	}
	c.retire(now)
	if publish != nil {
		publish()
	}
	served := time.Now() // the old answers were until here
	for _, s := range c.services {
		s.inherit(before[s.name()], c.selections[s.name()], served)
	}
	for _, s := range c.services {
		if old := before[s.name()]; old != nil {
			s.open = old.open
		} else {
			c.resumeWindows(s, c.alive, now)
		}
	}
	c.publish(c.services)
	for _, s := range c.services {
		c.tell(s, now)
		c.warnRecurring(s, before[s.name()], now)
	}
	for _, problem := range c.homeless(now) {
		c.log.Warn("override not applied", "problem", problem)
	}
	live := c.places.byID
	c.store.KeepChecks(func(id string) bool { _, ok := live[id]; return ok })
}

// inherit gives a service the ledger that it had in the world before, or, if it was not there, the one that is
// stored in last; zero if none is.
func (s *managed) inherit(old *managed, last state.Selection, served time.Time) {
	switch {
	case old != nil:
		s.allDown = old.allDown
		s.ledger = old.ledger.Served(old.ahead, served)
		d := old.ahead.Steps[old.ahead.At(served)]
		last.Target, last.Addresses, last.Since = old.target(d.Target), d.Addresses, s.ledger.Since
	case last.Since.IsZero():
		s.ledger.Since, s.fresh = served, true
		return
	default:
		// When the last answer was given nobody knows; it was before now.
		s.ledger = policy.Ledger{Since: last.Since, Present: last.Present, Earlier: last.Earlier}
		var promised time.Time
		if promised, served = s.known(last, served); promised.After(s.ledger.Present) {
			s.ledger.Present = promised
		}
	}
	s.saved = last
	if d := s.ahead.Steps[0]; last.Target != s.target(d.Target) || !slices.Equal(last.Addresses, d.Addresses) {
		s.ledger = s.ledger.Switched(served)
	}
}

// keepGone is for how long the selection of a service is kept that the configuration has no more: it may come back.
const keepGone = 24 * time.Hour

// retire notes since when services are gone, and forgets those that are so for long.
func (c *Control) retire(now time.Time) {
	for name, last := range c.selections {
		switch {
		case c.byName[name] != nil:
		case last.Gone.IsZero():
			last.Gone = now
			c.selections[name] = last
			c.store.PutSelection(name, last)
		case now.Sub(last.Gone) > keepGone:
			delete(c.selections, name)
			c.store.DropSelection(name)
		}
	}
}

// forgetExpired drops the overrides that are over, also those that are not applied.
func (c *Control) forgetExpired(now time.Time) {
	for name, o := range c.overrides {
		if !o.Until.IsZero() && !now.Before(o.Until) {
			c.forget(name, o)
		}
	}
}

// forget drops an override that is over.
func (c *Control) forget(service string, o state.Override) {
	delete(c.overrides, service)
	c.log.Info("override expired", "service", service, "target", o.Target, "author", o.Author)
	c.overrideEnded(service, o)
	c.store.DropOverride(service, o)
}

// facts returns those of a service.
func facts(cfg *config.Service, p *places, fact func(*checks.Check, string) policy.Fact) [][]policy.Fact {
	all := make([][]policy.Fact, len(cfg.Targets))
	for t := range cfg.Targets {
		for _, a := range cfg.Targets[t].Addresses {
			all[t] = append(all[t], combined(a, p, fact))
		}
	}
	return all
}

// resume returns the target with which a service's automatic choice begins: where it was, else what it served, else the first.
func (c *Control) resume(cfg *config.Service) int {
	last := c.selections[cfg.Name]
	for _, name := range []string{last.Auto, last.Target} {
		if i := index(cfg, name); i >= 0 {
			return i
		}
	}
	return 0
}

// remember returns the flaps of a service that are known of its targets.
func (c *Control) remember(cfg *config.Service, now time.Time) []policy.Flap {
	var out []policy.Flap
	for _, f := range c.selections[cfg.Name].Flaps {
		if i := index(cfg, f.Target); i >= 0 {
			out = append(out, policy.Flap{Target: i, At: now.Add(f.At.Sub(now))}) // by the monotonic clock too, which nobody sets back
		}
	}
	return out
}

// counts returns how often each target of cfg has flapped, as it was counted in old, which may be nil.
func counts(cfg *config.Service, old *managed) []uint64 {
	out := make([]uint64, len(cfg.Targets))
	if old == nil {
		return out
	}
	for i, n := range old.flapped {
		if j := index(cfg, old.target(i)); j >= 0 {
			out[j] = n
		}
	}
	return out
}

// homeless says which overrides are not applied because the configuration has no place for them.
func (c *Control) homeless(now time.Time) []string {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(c.overrides)) {
		o := c.overrides[name]
		switch s := c.byName[name]; {
		case !o.Until.IsZero() && !now.Before(o.Until):
		case s == nil:
			problems = append(problems, fmt.Sprintf("the override of service %q to %q is kept but not applied: the configuration has no such service; to delete it: dnsfailover release %s", name, o.Target, name))
		case s.override == nil:
			problems = append(problems, fmt.Sprintf("the override of service %q to %q is kept but not applied: the service has no such target, it has %s; to delete it: dnsfailover release %s",
				name, o.Target, list(targets(s.in.Service)), name))
		}
	}
	return problems
}

func targets(s *config.Service) []string {
	names := make([]string, len(s.Targets))
	for i, t := range s.Targets {
		names[i] = t.Name
	}
	return names
}
