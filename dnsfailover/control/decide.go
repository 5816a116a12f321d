package control

import (
	"slices"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/policy"
)

// observe takes transitions into account.
func (c *Control) observe(transitions []checks.Transition) {
	b := c.newBatch(time.Now())
	for _, t := range transitions {
		c.take(b, t)
	}
	c.conclude(b)
}

// conclude judges what was found, decides, publishes and tells.
func (c *Control) conclude(b *batch) {
	c.judge(b)
	tell := func() {
		for _, v := range b.verdicts {
			c.log.Info("verdict changed", append([]any{"check", v.seen.check.ID, "verdict", v.fact.State.Verdict.String(), "reason", v.fact.Reason}, c.shared(v.seen)...)...)
			c.verdictChanged(v)
		}
		for _, f := range b.told {
			f()
		}
		if len(b.states) > 0 {
			c.store.PutChecks(b.states)
		}
	}
	if len(b.touched) > 0 {
		c.settle(b.touched, b.now, tell)
		return
	}
	if b.standing {
		c.publish(nil)
	}
	tell()
}

// wake follows the known edges that have passed, and returns for how long to sleep.
func (c *Control) wake() time.Duration {
	now := time.Now()
	if again := c.crowd.again; !again.IsZero() && !now.Before(again) {
		c.conclude(c.newBatch(now))
	}
	var due []*managed
	for _, s := range c.services {
		// A clock that was set back may have put now before what is served.
		if next := s.ahead.Next(); !next.IsZero() && !now.Before(next) || now.Round(0).Before(s.in.Now.Round(0)) {
			c.catchUp(s, now)
			due = append(due, s)
		}
	}
	c.settle(due, now, nil)
	sleep := maxSleep
	if again := c.crowd.again; !again.IsZero() {
		sleep = again.Sub(now)
	}
	for _, s := range c.services {
		c.remind(s, now)
		if !s.reminder.IsZero() {
			sleep = min(sleep, s.reminder.Sub(now))
		}
		if next := s.ahead.Next(); !next.IsZero() {
			sleep = min(sleep, next.Sub(now))
		}
	}
	return max(sleep, 0)
}

// settle decides over services, which have caught up, then publishes, and only then does what can wait: it runs
// tell, if it is not nil, logs and saves.
func (c *Control) settle(touched []*managed, now time.Time, tell func()) {
	if len(touched) == 0 {
		return
	}
	for _, s := range touched {
		s.in.Frozen = c.freeze(s, now)
		s.decide(now)
		s.touched = false
	}
	c.publish(touched)
	if tell != nil {
		tell()
	}
	for _, s := range touched {
		c.tell(s, now)
	}
}

// catchUp makes of a service what it has become by the clock since it was decided over last, before anything new
// is taken into account: what was decided then holds for the time until now.
func (c *Control) catchUp(s *managed, now time.Time) {
	step := s.ahead.Steps[s.ahead.At(now)]
	s.in.Auto, s.in.Flaps = step.Auto, step.Flaps
	if s.override != nil && !s.in.Override.Active(now) {
		s.expired = s.override
		s.impose(nil)
	}
}

// decide decides over a service and serves the decision.
func (s *managed) decide(now time.Time) {
	s.in.Now, s.in.Plan = now, s.in.Plan.At(now)
	next := policy.Look(s.in)
	s.slot.Store(next.Timeline) // the world has changed
	s.ledger = s.ledger.Replaced(s.ahead, next, time.Now())
	s.adopt(next)
}

// adopt makes next what is served from now on.
func (s *managed) adopt(next *policy.Ahead) {
	step := next.Steps[0]
	if step.Flapped {
		s.flapped = slices.Clone(s.flapped)
		s.flapped[s.in.Auto]++
	}
	s.in.Auto, s.in.Flaps, s.ahead = step.Auto, step.Flaps, next
}

// publish makes what was decided over touched what status shows.
func (c *Control) publish(touched []*managed) {
	for _, s := range touched {
		shown := s.view
		s.shown = &shown
	}
	b := &board{places: c.places, standing: c.standingNow(), views: make([]*view, len(c.services)), problems: c.homeless(time.Now()), lost: c.lost(time.Now())}
	for i, s := range c.services {
		b.views[i] = s.shown
	}
	c.board.Store(b)
}

// tell logs what has changed of a service's selection, and saves it.
func (c *Control) tell(s *managed, now time.Time) {
	c.followWindows(s, now)
	s.setReminder(now)
	if o := s.expired; o != nil {
		c.forget(s.name(), *o)
		s.expired = nil
	}
	d := s.ahead.Steps[0]
	before := s.rule
	s.rule = d.Rule
	if allDown := d.Rule == policy.RuleAllDown; allDown != s.allDown {
		s.allDown = allDown
		if allDown {
			c.log.Warn("all targets are down", "service", s.name(), "all_down", string(s.in.Service.AllDown), "serving", s.target(d.Target))
		} else {
			c.log.Info("all_down no longer applies", "service", s.name(), "rule", d.Rule, "serving", s.target(d.Target))
		}
	}
	selection := s.selection(now)
	if same(s.saved, selection) {
		return
	}
	if s.saved.Target != selection.Target || !slices.Equal(s.saved.Addresses, selection.Addresses) {
		c.log.Info("selection changed", "service", s.name(), "from", s.saved.Target, "to", selection.Target,
			"rule", d.Rule, "reason", d.Reason, "addresses", d.Addresses)
		c.selectionChanged(s, before)
	}
	s.saved = selection
	c.store.PutSelection(s.name(), selection)
}
