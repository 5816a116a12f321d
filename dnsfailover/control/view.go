package control

import (
	"strings"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/policy"
	"dnsfailover/dnsfailover/state"
)

// board is all that is published. It is immutable.
type board struct {
	views    []*view // in the order of the configuration
	places   *places
	standing standing
	problems []string
	lost     []api.Window // one-shot windows that have no place in the configuration
}

// fact returns what is believed of a check.
func (b *board) fact(s *seen) policy.Fact {
	if s.standing {
		return b.standing.facts[s.check.ID]
	}
	p := s.at[0]
	return b.views[p.service].in.Facts[p.target][p.address].At(p.part)
}

func (b *board) find(service string) *view {
	for _, v := range b.views {
		if v.name() == service {
			return v
		}
	}
	return nil
}

// Services returns the state of all services at now, in the order of the configuration.
func (c *Control) Services(now time.Time) []api.Service {
	b := c.board.Load()
	out := make([]api.Service, len(b.views))
	for i, v := range b.views {
		out[i] = c.show(v, now)
	}
	return out
}

// Explain returns the rules of a service's decision in order; nothing if there is no such service.
func (c *Control) Explain(service string, now time.Time) []api.Step {
	v := c.board.Load().find(service)
	if v == nil {
		return nil
	}
	in := v.in
	step := v.ahead.Steps[v.ahead.At(now)]
	in.Now, in.Auto = now, step.Auto
	if step.Edge.After(now) { // it is served already
		in.Now = step.Edge
	}
	var out []api.Step
	for _, s := range policy.Explain(in) {
		out = append(out, api.Step{Rule: s.Rule, Applies: s.Applies, Text: s.Text})
	}
	return out
}

// Problems says which overrides are kept but not applied, one sentence each.
func (c *Control) Problems() []string { return c.board.Load().problems }

// Restored returns what control takes as established of each check, by ID. A scheduler that goes on from there agrees with
// control; without, control would believe a verdict of which the scheduler never says that it has changed.
func (c *Control) Restored() map[string]checks.State {
	b := c.board.Load()
	out := map[string]checks.State{}
	for id, s := range b.places.byID {
		if s := b.fact(s).State; s != (checks.State{}) {
			out[id] = s
		}
	}
	return out
}

// SaveChecks has the store keep states, by check ID: the counters as they are at the end, since only transitions
// are saved under way.
func (c *Control) SaveChecks(states map[string]checks.State) {
	b, now := c.board.Load(), time.Now()
	out := make(map[string]state.Check, len(states))
	for id, s := range states {
		at := b.places.byID[id]
		if at == nil {
			continue
		}
		if believed := b.fact(at).State; s.Verdict == checks.Down && believed.Verdict != checks.Down {
			s = believed // not confirmed yet
		}
		out[id] = state.Check{Probe: at.probe, State: s, Saved: now}
	}
	c.store.PutChecks(out)
}

// show returns a service as it is at now, which may be behind an edge that control has not woken up for yet.
func (c *Control) show(v *view, now time.Time) api.Service {
	i := v.ahead.At(now)
	step := v.ahead.Steps[i]
	ledger := v.ledger
	if i > 0 {
		ledger = ledger.Served(v.ahead, step.From)
	}
	out := api.Service{
		Name: v.name(), Records: []string{}, Serving: v.target(step.Target), Answers: []string{},
		Rule: step.Rule, Reason: step.Reason, Since: ledger.Since.UTC(), TTL: v.ahead.Timeline.Segments[i].TTL(now.UnixNano()),
	}
	for _, r := range v.in.Service.Records {
		out.Records = append(out.Records, strings.TrimSuffix(r.Name, "."))
	}
	for _, a := range step.Addresses {
		out.Answers = append(out.Answers, a.String())
	}
	if d := ledger.DrainedAt(); !d.IsZero() {
		d = d.UTC()
		out.DrainedAt = &d
	}
	if step.Override != nil {
		out.Override = showOverride(v.override)
	}
	out.Window, out.NextWindow = v.window(now, step)
	out.NextChange = v.next(i)
	for t, target := range v.in.Service.Targets {
		shown := api.Target{
			Name: target.Name, Verdict: v.in.Verdict(t).String(), Addresses: []api.Address{},
			Flaps: policy.CountFlaps(step.Flaps, t, now), FlapsTotal: v.flapped[t],
		}
		for a, address := range target.Addresses {
			shown.Addresses = append(shown.Addresses, c.showAddress(address, v.in.Facts[t][a]))
		}
		out.Targets = append(out.Targets, shown)
	}
	return out
}

// next returns the known change that follows step i; nil if there is none.
func (v *view) next(i int) *api.NextChange {
	then := v.ahead.Then(i)
	if then < 0 {
		return nil
	}
	step := v.ahead.Steps[then]
	return &api.NextChange{
		At: step.Edge.UTC(), Serving: v.target(step.Target), Reason: step.Reason,
		DrainedAt: v.ledger.Served(v.ahead, step.From).DrainedAt().UTC(),
	}
}

// changes returns the known changes from now on, as far as was looked.
func (v *view) changes(now time.Time) (out []api.NextChange) {
	for i := v.ahead.At(now); i >= 0; i = v.ahead.Then(i) {
		if next := v.next(i); next != nil {
			out = append(out, *next)
		}
	}
	return out
}

// Next returns the next known change of what a service serves; nil if there is none.
func (c *Control) Next(service string, now time.Time) *api.NextChange {
	v := c.board.Load().find(service)
	if v == nil {
		return nil
	}
	return v.next(v.ahead.At(now))
}

func showOverride(o *state.Override) *api.Override {
	out := &api.Override{Target: o.Target, Since: o.Since.UTC(), Reason: o.Reason, Author: o.Author}
	if !o.Until.IsZero() {
		until := o.Until.UTC()
		out.Until = &until
	}
	return out
}

// showAddress shows the verdict that was decided with, and what the scheduler knows besides.
func (c *Control) showAddress(a config.Address, f policy.Fact) api.Address {
	out := api.Address{
		Address: a.IP.String(), Verdict: f.State.Verdict.String(), LastResult: f.Reason, Consecutive: f.State.Run,
		Checked: len(a.Checks) > 0, Frozen: f.Frozen,
	}
	if !f.State.Since.IsZero() {
		since := f.State.Since.UTC()
		out.Since = &since
	}
	switch len(a.Checks) {
	case 0:
	case 1:
		shown := c.showCheck("", a.Checks[0].Check.ID, f)
		out.LastResult, out.Warning, out.Consecutive, out.LatencyMS = shown.LastResult, shown.Warning, shown.Consecutive, shown.LatencyMS
	default:
		out.Need = a.Need
		for i, w := range a.Checks {
			shown := c.showCheck(w.Name, w.Check.ID, f.At(i))
			out.Checks = append(out.Checks, shown)
			out.LatencyMS = max(out.LatencyMS, shown.LatencyMS)
		}
	}
	return out
}

// showCheck shows the verdict that was decided with, and what the scheduler knows besides.
func (c *Control) showCheck(name, id string, f policy.Fact) api.Check {
	out := api.Check{Name: name, Verdict: f.State.Verdict.String(), LastResult: f.Reason, Consecutive: f.State.Run, Frozen: f.Frozen}
	if !f.State.Since.IsZero() {
		since := f.State.Since.UTC()
		out.Since = &since
	}
	if s, ok := c.probes.Snapshot(id); ok && !s.Last.Start.IsZero() {
		out.LastResult, out.Warning, out.Consecutive = s.Last.Reason, s.Last.Warning, s.State.Run
		out.LatencyMS = float64(s.Last.Took) / float64(time.Millisecond)
	}
	return out
}
