package policy

import (
	"time"
)

// RuleFrozen keeps a selection while this host may be cut off from the network: what its probes say then is about
// itself.
const RuleFrozen = "frozen"

// Freeze says since when verdicts are not believed, and why.
type Freeze struct {
	Since  time.Time
	Reason string // half a sentence: "the canaries are down (…)"
}

// unmanned is the decision without operators: what the verdicts chose when they froze, or choose now.
func unmanned(in *Input) choice {
	if in.Frozen == nil {
		return automatic(in)
	}
	then := *in
	then.Now = in.Frozen.Since
	c := automatic(&then)
	return choice{target: c.target, rule: RuleFrozen, auto: c.auto}
}

func (in *Input) frozenWords(target int) string {
	stays := "still nothing is served"
	if target >= 0 {
		stays = in.Service.Targets[target].Name + " stays" + in.without(target)
	}
	return in.Frozen.Reason + ", so verdicts are frozen since " + instant(in.Frozen.Since) + ": " + stays
}
