package control

import (
	"fmt"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/policy"
)

// freeze returns what keeps a service as it is; nil if nothing does.
func (c *Control) freeze(s *managed, now time.Time) *policy.Freeze {
	reason := c.frozenAll()
	if n := c.awaitedBy(s); reason == "" && n > 0 {
		reason = fmt.Sprintf("the canaries answer again, but %d checks have no fresh result yet", n)
		if n == 1 {
			reason = "the canaries answer again, but one check has no fresh result yet"
		}
	}
	if reason == "" {
		return nil
	}
	if s.in.Frozen != nil {
		now = s.in.Frozen.Since
	}
	return &policy.Freeze{Since: now, Reason: reason}
}

// frozenAll says what keeps all services as they are; empty if nothing does.
func (c *Control) frozenAll() string {
	for _, g := range c.guards {
		if g.all && !g.since.IsZero() {
			return g.words()
		}
	}
	if c.crowd.round != nil {
		return c.crowd.round.reason
	}
	return ""
}

// awaitedBy counts the checks of s that must have a fresh result before it thaws.
func (c *Control) awaitedBy(s *managed) int {
	n := 0
	if len(c.awaited) == 0 {
		return 0
	}
	for _, t := range s.in.Service.Targets {
		for _, a := range t.Addresses {
			for _, w := range a.Checks {
				if _, ok := c.awaited[w.Check.ID]; ok {
					n++
				}
			}
		}
	}
	return n
}

// standingNow returns what is to be published of what stands before others.
func (c *Control) standingNow() standing {
	out := standing{facts: c.standing}
	for _, g := range c.guards {
		fact := c.combined(g)
		shown := shownGuard{name: g.name, all: g.all, down: g.since, verdict: fact.State.Verdict}
		for _, w := range g.checks {
			shown.checks = append(shown.checks, shownCheck{w.Name, w.Check.ID})
		}
		out.guards = append(out.guards, shown)
		if !g.since.IsZero() {
			out.frozen = append(out.frozen, frozenText(g))
		}
	}
	if r := c.crowd.round; r != nil {
		out.frozen = append(out.frozen, "verdicts are frozen since "+text(r.since)+": "+r.reason)
	}
	return out
}

func frozenText(g *guard) string {
	if g.all {
		return fmt.Sprintf("verdicts are frozen since %s: %s, so it is this host that is cut off", text(g.since), g.words())
	}
	return fmt.Sprintf("verdicts of what requires %s are frozen since %s: it is down (%s)", g.name, text(g.since), g.reason)
}

// standing is what is published of the guards. It is immutable.
type standing struct {
	facts  map[string]policy.Fact
	guards []shownGuard
	frozen []string // one sentence each
}

type shownGuard struct {
	name    string
	all     bool
	down    time.Time
	verdict checks.Verdict
	checks  []shownCheck
}

type shownCheck struct{ name, id string }

// Frozen says which verdicts are not believed now and why, one sentence each.
func (c *Control) Frozen() []string { return c.board.Load().standing.frozen }

// Guards returns the canaries and the checks that others require.
func (c *Control) Guards() []api.Guard {
	b := c.board.Load()
	out := []api.Guard{}
	for _, g := range b.standing.guards {
		shown := api.Guard{Name: g.name, Verdict: g.verdict.String(), Checks: []api.Check{}}
		if !g.down.IsZero() {
			since := g.down.UTC()
			shown.FrozenSince = &since
		}
		for _, w := range g.checks {
			shown.Checks = append(shown.Checks, c.showCheck(w.name, w.id, b.standing.facts[w.id]))
		}
		out = append(out, shown)
	}
	return out
}
