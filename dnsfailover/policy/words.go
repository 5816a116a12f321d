package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dnsfailover/checks"
)

// Step is one rule of a decision, in words.
type Step struct {
	Rule    string
	Applies bool
	Text    string
}

// Explain returns the rules of the decision over in, in order; one of them applies.
func Explain(in Input) []Step {
	c, auto := choose(&in), automatic(&in)
	steps := []Step{{RuleOverride, c.rule == RuleOverride, "there is no override"}}
	switch o := in.Override; {
	case o.Active(in.Now):
		steps[0].Text = words(&in, c)
	case o != nil:
		steps[0].Text = "the override expired at " + instant(o.Until)
	}
	under := ""
	if c.rule == RuleOverride {
		under = "without the override: "
	}
	steps = append(steps, in.windowStep(c.rule == RuleWindow, under))
	if planned(&in, choice{}).window != nil {
		under = "without the window: "
		if c.rule == RuleOverride {
			under = "without either: "
		}
	}
	if in.Frozen != nil {
		steps = append(steps, Step{RuleFrozen, c.rule == RuleFrozen, under + words(&in, unmanned(&in))})
		under = "once verdicts are believed again: "
	}
	verdicts := Step{RuleVerdicts, c.rule == RuleVerdicts, under + words(&in, auto)}
	allDown := Step{RuleAllDown, c.rule == RuleAllDown, "not all targets are down"}
	if auto.rule == RuleAllDown {
		verdicts.Text = "no target is up, and none is still to be proved"
		allDown.Text = under + words(&in, auto)
	}
	return append(steps, verdicts, allDown)
}

// words says in one sentence why c was chosen.
func words(in *Input, c choice) string {
	name := func(i int) string { return in.Service.Targets[i].Name }
	switch {
	case c.rule == RuleOverride:
		return in.Override.words(name(c.target))
	case c.rule == RuleWindow:
		return in.windowWords(c.window)
	case c.rule == RuleFrozen:
		return in.frozenWords(c.target)
	case c.rule == RuleAllDown && c.target < 0:
		return fmt.Sprintf("all targets are down: %s; all_down is none, so there is no address to give", in.downs(len(in.Facts)))
	case c.rule == RuleAllDown:
		with := in.without(c.target)
		if with == "" {
			with = " with all its addresses"
		}
		return fmt.Sprintf("all targets are down: %s; all_down is %s, so %s is served%s",
			in.downs(len(in.Facts)), in.Service.AllDown, name(c.target), with)
	case c.held == byDelay:
		return fmt.Sprintf("%s is up again and takes over from %s at %s, when it will have been up for %s%s",
			name(in.Candidate()), name(c.target), instant(c.until), in.delay(c.until), in.flapping())
	case c.held == byPeriod:
		return fmt.Sprintf("%s is up again, and takes over from %s when the period of failback.only_in begins, at %s",
			name(in.Candidate()), name(c.target), instant(c.until))
	case c.held == byOperator:
		return fmt.Sprintf("%s is up again, but failback is manual: %s stays until released", name(in.Candidate()), name(c.target))
	}
	before := ""
	if c.target > 0 {
		before = in.downs(c.target) + "; "
	}
	switch {
	case in.Verdict(c.target) == checks.Unknown && c.target == in.Auto:
		return fmt.Sprintf("nothing is proved of %s yet, so the service stays where it points", name(c.target))
	case in.Verdict(c.target) == checks.Unknown:
		return fmt.Sprintf("%snothing is proved of %s yet, and no target is up", before, name(c.target))
	case in.unchecked(c.target):
		return fmt.Sprintf("%s%s has no check and counts as up", before, name(c.target))
	case c.target > 0:
		return fmt.Sprintf("%s%s is the first target that is up%s", before, name(c.target), in.without(c.target))
	}
	return name(c.target) + " is up" + in.without(c.target)
}

// without says which addresses of a target that is up are left out of the answer, and why.
func (in *Input) without(target int) string {
	served := in.addresses(target)
	var parts []string
	for i, a := range in.Service.Targets[target].Addresses {
		if slices.Contains(served, a.IP) {
			continue
		}
		why := "down"
		if reason := in.Facts[target][i].Reason; reason != "" {
			why = reason
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", a.IP, why))
	}
	if len(parts) == 0 {
		return ""
	}
	return ", without " + strings.Join(parts, " and ")
}

func (o *Override) words(target string) string {
	var b strings.Builder
	b.WriteString("switched to " + target)
	if o.Author != "" {
		b.WriteString(" by " + o.Author)
	}
	if o.Until.IsZero() {
		b.WriteString(" until released")
	} else {
		b.WriteString(" until " + instant(o.Until))
	}
	if o.Reason != "" {
		b.WriteString(": " + o.Reason)
	}
	return b.String()
}

// downs says of the first n targets what keeps each from being selected.
func (in *Input) downs(n int) string {
	parts := make([]string, 0, n)
	for i := range n {
		name := in.Service.Targets[i].Name
		switch in.Verdict(i) {
		case checks.Down:
			parts = append(parts, name+" is down"+in.because(i))
		case checks.Unknown:
			parts = append(parts, "nothing is proved of "+name+" yet")
		case checks.Up: // only underneath a delay, which has its own words
			parts = append(parts, name+" is up")
		}
	}
	return strings.Join(parts, ", ")
}

// because says in brackets what the first address that is down suffers from.
func (in *Input) because(target int) string {
	for _, f := range in.Facts[target] {
		if f.State.Verdict == checks.Down && f.Reason != "" {
			return " (" + f.Reason + ")"
		}
	}
	return ""
}

func (in *Input) unchecked(target int) bool {
	for _, a := range in.Service.Targets[target].Addresses {
		if len(a.Checks) > 0 {
			return false
		}
	}
	return true
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }
