package control

import (
	"maps"
	"slices"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/policy"
	"dnsfailover/dnsfailover/state"
)

// doubts is what control keeps of verdicts that it does not take as they come. Control's goroutine owns it.
type doubts struct {
	guards   []*guard
	standing map[string]policy.Fact // of the guards' checks, by ID; replaced, never changed
	answers  map[string]time.Time   // when the latest probe began that succeeded, by ID, of those that were reported
	held     map[string]*held       // by ID
	awaited  map[string]time.Time   // checks that the canaries had suspended, and since when a fresh result is awaited
	frozen   map[string]bool        // checks that are suspended, by ID
	crowd    crowd
}

// held is a verdict down that is not believed yet.
type held struct {
	t     checks.Transition
	since time.Time
}

func newDoubts() doubts {
	return doubts{
		standing: map[string]policy.Fact{}, answers: map[string]time.Time{}, held: map[string]*held{}, awaited: map[string]time.Time{}, frozen: map[string]bool{},
	}
}

// batch is what one turn of control finds and does.
type batch struct {
	now      time.Time
	touched  []*managed
	verdicts []verdict              // that have changed
	states   map[string]state.Check // to be saved
	hurry    []string               // checks to be probed soon
	told     []func()               // what can wait until all is published
	standing bool                   // what is known of a standing check has changed
}

// verdict is a change of what is believed of a check.
type verdict struct {
	seen *seen
	from checks.Verdict
	fact policy.Fact
}

func (c *Control) newBatch(now time.Time) *batch {
	return &batch{now: now, states: map[string]state.Check{}}
}

// touch has sv decided over at the end of the batch. It must be called before anything that sv knows is changed.
func (c *Control) touch(b *batch, sv *managed) {
	if !sv.touched {
		sv.touched = true
		b.touched = append(b.touched, sv)
		c.catchUp(sv, b.now)
	}
}

func (c *Control) touchAll(b *batch) {
	for _, sv := range c.services {
		c.touch(b, sv)
	}
}

// take takes a transition into account, but for a verdict that has to wait.
func (c *Control) take(b *batch, t checks.Transition) {
	s, id := c.places.find(t.Check), t.Check.ID
	if s == nil {
		return // of a check that is no more
	}
	if t.Result.OK {
		c.answers[id] = t.Result.Start
	}
	if c.suspended(s) != nil {
		return // said before it was suspended, or about the link that is down
	}
	if since, ok := c.awaited[id]; ok && !t.Result.Start.Before(since) {
		delete(c.awaited, id)
	}
	before := c.fact(s)
	fact := policy.Fact{State: t.State, Earliest: t.Earliest, Reason: t.Result.Reason}
	switch down := t.State.Verdict == checks.Down && before.State.Verdict != checks.Down; {
	case down && !t.Result.Maintenance && c.doubtful(s):
		c.hold(b, s, t)
		// What is held back can change what is served at any moment.
		fact.State, fact.Earliest = before.State, b.now
		fact.State.Run, fact.State.RunOK = t.State.Run, false
	default:
		delete(c.held, id)
	}
	c.enter(b, s, fact)
}

// doubtful tells whether a verdict down of a check has to be confirmed.
func (c *Control) doubtful(s *seen) bool {
	return !s.standing && (len(c.before(s)) > 0 || c.crowded())
}

// hold keeps a verdict down back until those have answered who would be silent too if it were us who are cut off.
func (c *Control) hold(b *batch, s *seen, t checks.Transition) {
	h := c.held[t.Check.ID]
	if h == nil {
		h = &held{t: t, since: b.now}
		c.held[t.Check.ID] = h
		for _, g := range c.before(s) {
			b.hurry = append(b.hurry, g.ids()...)
		}
	}
	failed := h.t.Result
	h.t = t
	if t.Result.OK {
		h.t.Result = failed // it begins to recover, from a verdict that stands
	}
}

// enter makes fact the one of a check, everywhere it counts.
func (c *Control) enter(b *batch, s *seen, fact policy.Fact) {
	before := c.fact(s)
	for _, p := range s.at {
		sv := c.services[p.service]
		c.touch(b, sv)
		sv.set(p, fact)
	}
	if s.standing {
		c.standing = maps.Clone(c.standing)
		c.standing[s.check.ID] = fact
		b.standing = true
	}
	if fact.State.Verdict != before.State.Verdict {
		b.verdicts = append(b.verdicts, verdict{s, before.State.Verdict, fact})
	}
	b.states[s.check.ID] = state.Check{Probe: s.probe, State: fact.State, Saved: b.now}
}

// fact returns what is believed of a check.
func (c *Control) fact(s *seen) policy.Fact {
	if s.standing {
		return c.standing[s.check.ID]
	}
	p := s.at[0]
	return c.services[p.service].in.Facts[p.target][p.address].At(p.part)
}

// judge looks at every guard, has what it stands before suspended or resumed, and believes what has been confirmed.
func (c *Control) judge(b *batch) {
	for _, g := range c.guards {
		fact := c.combined(g)
		switch {
		case fact.State.Verdict == checks.Down && g.since.IsZero():
			g.since, g.reason = b.now, fact.Reason
			c.freezeBehind(b, g)
			says := g.words()
			b.told = append(b.told, func() {
				c.log.Warn("frozen", "guard", g.name, "reason", fact.Reason)
				c.froze(b.now, g, says)
			})
		case fact.State.Verdict == checks.Up && !g.since.IsZero():
			lasted := b.now.Sub(g.since)
			g.since, g.reason = time.Time{}, ""
			c.thawBehind(b, g)
			b.told = append(b.told, func() {
				c.log.Info("thawing", "guard", g.name, "frozen_for", lasted.Round(time.Millisecond))
				c.thawed(b.now, g, lasted)
			})
		}
	}
	c.judgeCrowd(b)
	believed := false
	for id, h := range c.held {
		s := c.places.byID[id]
		unanswered := slices.ContainsFunc(c.before(s), func(g *guard) bool { return !g.answered(c.answers, h.since) })
		if !unanswered && !h.since.After(c.crowd.calm) {
			delete(c.held, id)
			believed = true
			c.enter(b, s, policy.Fact{State: h.t.State, Earliest: h.t.Earliest, Reason: h.t.Result.Reason})
		}
	}
	// Who answered after the oldest verdict, but before those that are left, was not asked again for these.
	if w := &c.crowd; believed && len(c.held) > 0 && w.round == nil && w.again.IsZero() && c.crowded() {
		w.again = w.looked.Add(crowdPause)
	}
	if len(b.hurry) > 0 {
		slices.Sort(b.hurry)
		c.probes.Hurry(slices.Compact(b.hurry))
	}
}

// still returns a fact as it is kept while nothing counts: without the run that was under way.
func still(f policy.Fact, why string) policy.Fact {
	f.State.Run, f.State.RunOK, f.Earliest = 0, false, time.Time{}
	f.Frozen = why
	return f
}

// freezeBehind has nothing count any more that the checks say before which g stands.
func (c *Control) freezeBehind(b *batch, g *guard) {
	states := map[string]checks.State{}
	for id, s := range c.places.byID {
		if !g.over(s) {
			continue
		}
		delete(c.held, id)
		delete(c.awaited, id)
		fact := still(c.fact(s), c.frozenBy(s))
		states[id], c.frozen[id] = fact.State, true
		c.enter(b, s, fact)
	}
	if g.canary() {
		c.touchAll(b)
	}
	c.crowd.round = nil
	c.probes.Suspend(states)
}

// thawBehind has results count again, but for what another guard has suspended still. After the canaries, a service thaws when
// all its checks have had a fresh result.
func (c *Control) thawBehind(b *batch, g *guard) {
	var ids []string
	for id, s := range c.places.byID {
		if !g.over(s) {
			continue
		}
		fact := c.fact(s)
		fact.Frozen = c.frozenBy(s)
		c.enter(b, s, fact)
		if c.suspended(s) == nil {
			ids = append(ids, id)
			delete(c.frozen, id)
			if g.canary() {
				c.awaited[id] = b.now
			}
		}
	}
	if g.canary() {
		c.touchAll(b)
	}
	slices.Sort(ids)
	c.probes.Resume(ids)
}

// suspended returns a guard that has a check suspended, or nil.
func (d *doubts) suspended(s *seen) *guard {
	for _, g := range d.guards {
		if !g.since.IsZero() && g.over(s) {
			return g
		}
	}
	return nil
}

// frozenBy says which check that s requires is down; empty if none is. The canaries freeze services as a whole.
func (d *doubts) frozenBy(s *seen) string {
	for _, g := range d.guards {
		if !g.since.IsZero() && !g.canary() && g.over(s) {
			return g.words()
		}
	}
	return ""
}

// before returns the guards that stand before a check.
func (d *doubts) before(s *seen) []*guard {
	var list []*guard
	for _, g := range d.guards {
		if g.over(s) {
			list = append(list, g)
		}
	}
	return list
}
