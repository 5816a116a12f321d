package policy

import (
	"net/netip"
	"slices"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
)

// Rules of a decision; the first that applies decides.
const (
	RuleOverride = "override"
	RuleVerdicts = "verdicts"
	RuleAllDown  = "all_down"
)

// Selection is what a service serves: a target and which of its addresses.
type Selection struct {
	Target    int // index in the configuration, -1: none
	Addresses []netip.Addr
}

// Equal tells whether the answers of both are the same.
func (s Selection) Equal(t Selection) bool {
	return s.Target == t.Target && slices.Equal(s.Addresses, t.Addresses)
}

// Decision is what is served at one instant, and why.
type Decision struct {
	Selection
	Rule   string
	Reason string // a sentence for an operator
	Auto   int    // what the verdicts choose, whatever the override says
	// Flaps are those that count at this instant; Flapped says that the last of them is this very decision.
	Flaps   []Flap
	Flapped bool
	// Window is the one by whose rule it is decided; nil if another rule applies.
	Window *Window
	// Under is the target that would be served without that window, or without the override.
	Under int
	// Next is the next instant at which the decision can differ with no new fact; zero if there is none.
	Next time.Time
}

// Decide returns the decision over in. Equal inputs yield equal decisions.
func Decide(in Input) Decision {
	c := choose(&in)
	flaps, flapped := in.flaps(c)
	return Decision{
		Selection: Selection{Target: c.target, Addresses: in.addresses(c.target)},
		Rule:      c.rule,
		Reason:    words(&in, c),
		Auto:      c.auto,
		Flaps:     flaps,
		Flapped:   flapped,
		Window:    c.window,
		Under:     c.under,
		Next:      c.next,
	}
}

// Candidate returns the first target in order that is up, or -1.
func (in *Input) Candidate() int { return in.first(checks.Up) }

// Held tells that a better target than the automatic choice is up and waits, for an operator's release or for an instant.
func (in *Input) Held() bool { return automatic(in).held != free }

// choice is a decision without its words.
type choice struct {
	target int
	rule   string
	auto   int
	next   time.Time
	window *Window   // by which it is decided; nil: by another rule
	under  int       // the target underneath that window or an override
	held   hold      // what keeps the verdicts from a better target,
	until  time.Time // and until when; zero if nobody knows
}

// choose is the decision: the first row that fits. A test reads this table, and tries it in all combinations.
//
//	override | window | canaries | auto's target | first up | first unknown | failback      | all_down || selected      | rule
//	active   | any    | any      | any           | any      | any           | any           | any      || override's    | override
//	none     | open   | any      | any           | any      | any           | any           | any      || window's      | window
//	none     | none   | down     | any           | any      | any           | any           | any      || as below      | frozen
//	none     | none   | up       | up            | auto's   | any           | any           | any      || auto's        | verdicts
//	none     | none   | up       | up            | better   | any           | manual        | any      || auto's        | verdicts
//	none     | none   | up       | up            | better   | any           | auto, too new | any      || auto's        | verdicts
//	none     | none   | up       | up            | better   | any           | auto, outside | any      || auto's        | verdicts
//	none     | none   | up       | up            | better   | any           | auto          | any      || first up      | verdicts
//	none     | none   | up       | unknown       | any      | any           | any           | any      || auto's        | verdicts
//	none     | none   | up       | down          | some     | any           | any           | any      || first up      | verdicts
//	none     | none   | up       | down          | none     | some          | any           | any      || first unknown | verdicts
//	none     | none   | up       | down          | none     | none          | any           | first    || first         | all_down
//	none     | none   | up       | down          | none     | none          | any           | last     || last          | all_down
//	none     | none   | up       | down          | none     | none          | any           | hold     || auto's        | all_down
//	none     | none   | up       | down          | none     | none          | any           | none     || nothing       | all_down
//
// The rows below the third are automatic's, and the new auto is what they select, also underneath the rows above; with nothing, auto
// stays. While canaries are down, they are read as of the instant at which that began, and verdicts stand still. An override that has
// expired is none, and so is a window that is not open, or that guard refuses. A better target is too new until it has been up for `after`,
// or longer if it flaps, and then outside until a period of `only_in` begins; the end of both is an edge.
func choose(in *Input) choice {
	c := planned(in, unmanned(in))
	if o := in.Override; o.Active(in.Now) {
		c = c.overlaid(o.Target, RuleOverride)
		c.next = earlier(c.next, o.Until)
	}
	return c
}

// automatic is the decision by the verdicts alone.
func automatic(in *Input) choice {
	auto := in.Auto
	stay := choice{target: auto, rule: RuleVerdicts, auto: auto}
	up := in.first(checks.Up)
	switch in.Verdict(auto) {
	case checks.Up:
		if up == auto {
			return stay
		}
		if stay.held, stay.until = in.failback(up); stay.held != free {
			stay.next = stay.until
			return stay
		}
		return choice{target: up, rule: RuleVerdicts, auto: up}
	case checks.Unknown:
		return stay
	case checks.Down:
	}
	if up >= 0 {
		return choice{target: up, rule: RuleVerdicts, auto: up}
	}
	if u := in.first(checks.Unknown); u >= 0 {
		return choice{target: u, rule: RuleVerdicts, auto: u}
	}
	switch in.Service.AllDown {
	case config.AllDownFirst:
		return choice{target: 0, rule: RuleAllDown, auto: 0}
	case config.AllDownHold:
		return choice{target: auto, rule: RuleAllDown, auto: auto}
	case config.AllDownNone:
		return choice{target: -1, rule: RuleAllDown, auto: auto}
	case config.AllDownLast:
	}
	last := len(in.Facts) - 1
	return choice{target: last, rule: RuleAllDown, auto: last}
}

// first returns the first target in order with that verdict, or -1.
func (in *Input) first(v checks.Verdict) int {
	for i := range in.Facts {
		if in.Verdict(i) == v {
			return i
		}
	}
	return -1
}

// earlier returns the earlier of two instants, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
