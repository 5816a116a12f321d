package checks

import (
	"context"
	"time"
)

// Inverted succeeds when Probe fails and fails when it succeeds: it watches what must not be reachable.
type Inverted struct{ Probe Probe }

// String describes the probe completely.
func (p Inverted) String() string { return p.describe(true) }

func (p Inverted) describe(secrets bool) string {
	if secrets {
		return "not " + p.Probe.String()
	}
	return "not " + Describe(p.Probe)
}

// Run executes the probe once. What is inconclusive stays so.
func (p Inverted) Run(ctx context.Context) Result {
	r := p.Probe.Run(ctx)
	if r.Inconclusive {
		return r
	}
	r.OK = !r.OK
	r.Maintenance, r.Warning = false, ""
	if !r.OK {
		r.Reason += ", which it must not (invert)"
	} else {
		r.Reason += ", as it must (invert)"
	}
	return r
}

// Lag is that of the probe that is inverted.
func (p Inverted) Lag() time.Duration {
	if l, ok := p.Probe.(interface{ Lag() time.Duration }); ok {
		return l.Lag()
	}
	return 0
}
