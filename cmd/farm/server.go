package main

import (
	"net/netip"
	"slices"
	"sort"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/policy"
)

// server is an authoritative server: what it answers at any instant.
type server interface {
	// answer returns whether the answer points at the primary, and its TTL.
	answer(t time.Duration) (primary bool, ttl time.Duration)
}

// All servers get TTLs from 5 to 60 s, and the same numbers of results for a verdict, those that dnsfailover has if nothing is
// configured.
const (
	minTTL   = 5 * time.Second
	maxTTL   = 60 * time.Second
	interval = 10 * time.Second
	recheck  = 2 * time.Second
	timeout  = 3 * time.Second
	fall     = 3
	rise     = 5
)

// ours is dnsfailover, by its own package policy: the decision after each thing that happened.
type ours struct {
	from  []time.Duration
	ahead []*policy.Ahead
}

// start is the zero of virtual time, at no whole second.
var start = time.Date(2026, 3, 1, 2, 55, 0, 437_000_000, time.UTC)

// newOurs lets dnsfailover live through s; its first probe is due at phase.
func newOurs(s *scenario, phase time.Duration) *ours {
	primary := config.Address{IP: netip.MustParseAddr("203.0.113.10"), Checks: []config.Watch{{Check: &checks.Check{}}}, Need: 1}
	service := &config.Service{
		Name: "web", MinTTL: minTTL, MaxTTL: maxTTL, AllDown: config.AllDownLast,
		Targets: []config.Target{
			{Name: "primary", Need: 1, Addresses: []config.Address{primary}},
			{Name: "backup", Need: 1, Addresses: []config.Address{{IP: netip.MustParseAddr("198.51.100.20")}}},
		},
		Failback: config.Failback{After: time.Minute, HoldDown: time.Hour},
	}
	up := policy.Fact{State: checks.State{Verdict: checks.Up, Since: start.Add(-24 * time.Hour), Run: rise, RunOK: true}}
	o := &ours{}
	in := policy.Input{Service: service, Facts: [][]policy.Fact{{up}, {policy.Unchecked}}, Now: start}
	if !s.known.empty() {
		window := policy.Window{ID: "w1", Target: 1, Start: start.Add(s.known.from), End: start.Add(s.known.to)}
		in.Plan = policy.NewPlan(service, []policy.Window{window}, start)
	}
	o.decide(in, 0)
	for due := phase; due < s.end; {
		ended, ok := due, s.alive(due)
		if !ok {
			ended += timeout
		}
		o.follow(&in, ended)
		state := in.Facts[0][0].State.Observe(ok, start.Add(ended), fall, rise)
		next := due + interval
		if state.Contrary() {
			next = due + recheck
		}
		due = max(next, ended)
		in.Facts = [][]policy.Fact{{{State: state, Earliest: state.Earliest(start.Add(due), recheck, fall, rise)}}, in.Facts[1]}
		o.decide(in, ended)
	}
	o.follow(&in, s.end)
	return o
}

// follow decides at the known edges that pass until t, and makes of in what the service has become by then.
func (o *ours) follow(in *policy.Input, t time.Duration) {
	for {
		last := o.ahead[len(o.ahead)-1]
		edge := last.Next()
		if edge.IsZero() || edge.After(start.Add(t)) {
			step := last.Steps[last.At(start.Add(t))]
			in.Auto, in.Flaps = step.Auto, step.Flaps
			return
		}
		step := last.Steps[last.At(edge)]
		in.Auto, in.Flaps = step.Auto, step.Flaps
		o.decide(*in, edge.Sub(start))
	}
}

// decide decides over in at t.
func (o *ours) decide(in policy.Input, t time.Duration) {
	in.Now = start.Add(t)
	o.from, o.ahead = append(o.from, t), append(o.ahead, policy.Look(in))
}

func (o *ours) answer(t time.Duration) (primary bool, ttl time.Duration) {
	i := latest(o.from, t)
	now := start.Add(t)
	at := o.ahead[i].At(now)
	return o.ahead[i].Steps[at].Target == 0, time.Duration(o.ahead[i].Timeline.Segments[at].TTL(now.UnixNano())) * time.Second
}

// fixed decides as dnsfailover does, but switches when the time has come, and gives every answer the same TTL.
type fixed struct{ *ours }

func (f fixed) answer(t time.Duration) (primary bool, ttl time.Duration) {
	now := start.Add(t)
	for i := latest(f.from, t); ; i-- { // what begins in the next second is none of its business yet
		for _, step := range slices.Backward(f.ahead[i].Steps) {
			if !step.Edge.After(now) {
				return step.Target == 0, maxTTL
			}
		}
	}
}

// gdnsd is gdnsd 3.8 (its mon.c and simplefo.c): a probe every interval and none in between, and a TTL of the interval times the
// results that are still missing for another state, within the bounds of the zone. What is planned is an admin_state, which is
// there at the instant itself.
type gdnsd struct {
	known span
	from  []time.Duration
	up    []bool
	ttl   []time.Duration
}

func newGdnsd(s *scenario, phase time.Duration) *gdnsd {
	g := &gdnsd{known: s.known}
	up, run := true, 0 // run: results in a row that speak against the state
	note := func(t time.Duration) {
		missing := fall - run
		if !up {
			missing = rise - run
		}
		g.from, g.up = append(g.from, t), append(g.up, up)
		g.ttl = append(g.ttl, min(max(time.Duration(missing)*interval, minTTL), maxTTL))
	}
	note(0)
	for due := phase; due < s.end; due += interval {
		ended, ok := due, s.alive(due)
		if !ok {
			ended += timeout
		}
		if run++; ok == up {
			run = 0
		}
		if up && run == fall || !up && run == rise {
			up, run = !up, 0
		}
		note(ended)
	}
	return g
}

func (g *gdnsd) answer(t time.Duration) (primary bool, ttl time.Duration) {
	i := latest(g.from, t)
	forced := g.known.from <= t && t < g.known.to
	return g.up[i] && !forced, g.ttl[i]
}

// latest returns the index of the last of from that is not after t.
func latest(from []time.Duration, t time.Duration) int {
	return sort.Search(len(from), func(i int) bool { return from[i] > t }) - 1
}
