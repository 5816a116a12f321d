package policy

import (
	"net/netip"
	"slices"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
)

// Fact is what is known of one address.
type Fact struct {
	State checks.State
	// Earliest is the first instant at which the run of contrary results under way can change the
	// verdict; zero if there is no such run.
	Earliest time.Time
	// Reason is what the probe saw that told of the state last, for the words of a decision.
	Reason string
	// Frozen says why the verdict is kept whatever probes say; empty if it isn't.
	Frozen string
	// Parts are what the checks found of which State is combined, if there are several, and how many of them must be up.
	// Such a fact has no Earliest of its own.
	Parts []Part
	Need  int
}

// Unchecked is the fact of an address that has no check: it counts as up, and always did.
var Unchecked = Fact{State: checks.State{Verdict: checks.Up}}

// Override is an operator's switch of a service to a target.
type Override struct {
	Target         int
	Until          time.Time // zero: until released
	Reason, Author string
}

// Active tells whether the override holds at now; it does not from Until on.
func (o *Override) Active(now time.Time) bool {
	return o != nil && (o.Until.IsZero() || now.Before(o.Until))
}

// Input is everything that a decision depends on.
type Input struct {
	Service *config.Service
	Facts   [][]Fact // by target and address, in the configuration's order
	// Auto is the target that the verdicts chose last, tracked also underneath an override.
	Auto int
	// Flaps are those that are known, by ascending instant.
	Flaps    []Flap
	Override *Override // nil: none
	Plan     *Plan     // the windows; nil: none
	Frozen   *Freeze   // nil: not
	Now      time.Time
}

// Verdict is that of a target: up if at least need of its addresses are, else unknown if those of which
// nothing is proved could make it so, else down.
func (in *Input) Verdict(target int) checks.Verdict {
	up, unknown := 0, 0
	for _, f := range in.Facts[target] {
		switch f.State.Verdict {
		case checks.Up:
			up++
		case checks.Unknown:
			unknown++
		case checks.Down:
		}
	}
	return enough(in.need(target), up, unknown)
}

func (in *Input) need(target int) int { return max(in.Service.Targets[target].Need, 1) }

// upSince returns the latest instant at which target became up: when the last address that it needed did.
func (in *Input) upSince(target int) time.Time {
	var since []time.Time
	for _, f := range in.Facts[target] {
		if f.State.Verdict == checks.Up {
			since = append(since, f.State.Since)
		}
	}
	slices.SortFunc(since, time.Time.Compare)
	return since[in.need(target)-1]
}

// addresses returns those of target that are served: the ones that are not down, since what is unknown takes no address
// away. If all are down, and the target is served only because somebody or something insists, it is all of them.
func (in *Input) addresses(target int) []netip.Addr {
	if target < 0 {
		return nil
	}
	var all, out []netip.Addr
	for i, f := range in.Facts[target] {
		ip := in.Service.Targets[target].Addresses[i].IP
		all = append(all, ip)
		if f.State.Verdict != checks.Down {
			out = append(out, ip)
		}
	}
	if len(out) == 0 {
		return all
	}
	return out
}
