package control

import (
	"fmt"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/policy"
	"dnsfailover/dnsfailover/state"
)

// happened takes an event down. It is told when what is under way is served: see report.
func (c *Control) happened(e api.Event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.Round(0).UTC()
	c.events = append(c.events, e)
}

// report passes on what has happened since the last report.
func (c *Control) report() {
	if len(c.events) > 0 {
		c.listen(c.events)
		c.events = nil
	}
}

// facts returns what a service serves, and its override. A service that is not there has none.
func (s *managed) facts() *api.Facts {
	if s == nil {
		return &api.Facts{}
	}
	d := s.ahead.Steps[0]
	serving := s.target(d.Target)
	f := &api.Facts{Serving: &serving, Rule: d.Rule, Reason: d.Reason}
	for _, a := range d.Addresses {
		f.Answers = append(f.Answers, a.String())
	}
	if s.override != nil {
		f.Override = showOverride(s.override)
	}
	return f
}

func (c *Control) switched(s *managed, o state.Override, before *api.Facts) {
	c.happened(api.Event{
		Time: o.Since, Kind: api.EventSwitch, Service: s.name(), Target: o.Target, Author: o.Author,
		Text: "switched " + overridden(o), Before: before, After: s.facts(),
	})
}

// released says in text what an operator has let go of. s is nil if the configuration has the service no more.
func (c *Control) released(service string, s *managed, author, text string, before *api.Facts) {
	e := api.Event{Kind: api.EventRelease, Service: service, Author: author, Text: text, Before: before}
	if s != nil {
		e.After = s.facts()
		e.Target = *e.After.Serving
	}
	c.happened(e)
}

func (c *Control) overrideEnded(service string, o state.Override) {
	c.happened(api.Event{
		Time: o.Until, Kind: api.EventOverrideEnd, Service: service, Target: o.Target,
		Text: "the override is over: " + overridden(o) + setBy(o), Before: &api.Facts{Override: showOverride(&o)},
	})
}

func (c *Control) overrideKept(s *managed) {
	c.happened(api.Event{
		Kind: api.EventOverrideKept, Service: s.name(), Target: s.override.Target,
		Text: "still " + overridden(*s.override) + setBy(*s.override), After: s.facts(),
	})
}

// planned tells whether a window of the service is open at an instant.
func (s *managed) planned(at time.Time) bool {
	for _, w := range s.in.Plan.Windows(at) {
		if !at.Before(w.Start) {
			return true
		}
	}
	return false
}

// selectionChanged tells that a service serves something else than was told last, which was served by rule.
func (c *Control) selectionChanged(s *managed, rule string) {
	from := s.saved.Target
	before := &api.Facts{Serving: &from}
	for _, a := range s.saved.Addresses {
		before.Answers = append(before.Answers, a.String())
	}
	after := s.facts()
	after.Override = nil
	text := fmt.Sprintf("serves %s instead of %s: %s", orNothing(*after.Serving), orNothing(from), after.Reason)
	switch {
	case s.saved.Since.IsZero():
		before, text = nil, fmt.Sprintf("serves %s: %s", orNothing(*after.Serving), after.Reason)
	case from == *after.Serving:
		text = fmt.Sprintf("serves other addresses of %s: %s", orNothing(from), after.Reason)
	}
	c.happened(api.Event{
		Time: s.ledger.Since, Kind: api.EventSelection, Service: s.name(), Target: *after.Serving, Text: text, Before: before, After: after,
		Planned: rule == policy.RuleWindow || after.Rule == policy.RuleWindow || s.planned(s.ledger.Since),
	})
}

// verdictChanged tells of a check once for each place where it counts.
func (c *Control) verdictChanged(v verdict) {
	for _, p := range v.seen.at {
		s := c.services[p.service]
		target := s.in.Service.Targets[p.target]
		what := fmt.Sprintf("%s at %s", target.Name, target.Addresses[p.address].IP)
		if p.part >= 0 {
			what = fmt.Sprintf("%s of %s", target.Addresses[p.address].Checks[p.part].Name, what)
		}
		c.happened(api.Event{
			Time: v.fact.State.Since, Kind: api.EventVerdict, Service: s.name(), Target: target.Name, Check: v.seen.check.ID,
			Planned: s.planned(v.fact.State.Since),
			Text:    fmt.Sprintf("%s is %s: %s", what, v.fact.State.Verdict, v.fact.Reason),
			Before:  &api.Facts{Verdict: v.from.String()},
			After:   &api.Facts{Verdict: v.fact.State.Verdict.String(), Reason: v.fact.Reason},
		})
	}
}

// froze tells that a guard, or if it is nil that so many fail at once, keeps verdicts as they are.
func (c *Control) froze(at time.Time, g *guard, why string) {
	c.happened(api.Event{
		Time: at, Kind: api.EventFrozen, Text: "verdicts" + behind(g) + " are frozen: " + why, After: &api.Facts{Reason: why},
	})
}

// thawed tells that what had kept verdicts as they were is over after a time.
func (c *Control) thawed(at time.Time, g *guard, lasted time.Duration) {
	text := "the canaries are up again"
	switch {
	case g == nil:
		text = "the second round of probes is over"
	case !g.all:
		text = g.name + " is up again"
	}
	c.happened(api.Event{
		Time: at, Kind: api.EventThawed, Text: fmt.Sprintf("verdicts%s thaw after %s: %s", behind(g), lasted.Round(time.Second), text),
	})
}

// behind says which verdicts a guard freezes, where it isn't all.
func behind(g *guard) string {
	if g == nil || g.all {
		return ""
	}
	return " of what requires " + g.name
}

// overridden says what an override does: "to backup until 2030-01-31T15:04:05Z: kernel update".
func overridden(o state.Override) string {
	text := "to " + o.Target + " until " + untilText(o.Until)
	if o.Reason != "" {
		text += ": " + o.Reason
	}
	return text
}

func setBy(o state.Override) string {
	if o.Author == "" {
		return ""
	}
	return " (set by " + o.Author + ")"
}

func orNothing(target string) string {
	if target == "" {
		return "nothing"
	}
	return target
}
