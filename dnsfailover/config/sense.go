package config

import (
	"net/netip"
	"slices"
	"time"

	"dnsfailover/checks"
)

// EnoughWatched is how many addresses that are watched can stand in for canaries; with fewer, one outage can easily be most of them.
const EnoughWatched = 5

// checkSense warns of what is legal but hardly meant.
func (c *rawConfig) checkSense(r *report) {
	if c.admin.v.IsValid() && !c.admin.v.Addr().IsLoopback() {
		r.warning(c.admin.pos, "admin at %s lets everybody who can reach it read the state: only writing needs a token", c.admin.text)
	}
	c.checkTrust(r)
	c.checkCanaries(r)
	for _, s := range c.services.items {
		s.checkSense(r)
	}
	for _, h := range c.hooks.items {
		h.checkSense(r)
	}
}

// checkCanaries warns if nothing tells whether it is this host that is cut off: neither canaries nor enough other addresses.
func (c *rawConfig) checkCanaries(r *report) {
	watched := map[netip.Addr]bool{}
	for _, s := range c.services.items {
		for _, t := range s.targets.items {
			for _, a := range t.addresses.items {
				if t.check != nil {
					watched[a.v] = true
				}
			}
		}
	}
	if n := len(watched); c.canaries == nil && n > 0 && n < EnoughWatched {
		r.warning(c.services.pos, "nothing tells whether targets are down or this host is cut off: with fewer than %d addresses that are watched, name canaries", EnoughWatched)
	}
}

func (s *rawService) checkSense(r *report) {
	for _, w := range s.windows.items {
		w.checkSense(r)
	}
	last := len(s.targets.items) - 1
	sure := slices.IndexFunc(s.targets.items, func(t *rawTarget) bool { return t.check == nil })
	switch {
	case last == 0:
		r.warning(s.name.pos, "service %q has one target only: there is nothing to fail over to", s.name.v)
	case sure >= 0 && sure < last:
		r.warning(s.targets.items[sure].pos, "target %q has no check, so it always counts as up: what stands below it is served only after a switch by hand", s.targets.items[sure].name.v)
	case sure < 0 && s.allDown.v == string(AllDownNone):
		r.warning(s.allDown.pos, "when the checks of all targets fail, the names of service %q have no address at all: only a last target without a check, or another all_down, avoids that", s.name.v)
	}
	var slowest time.Duration
	for _, t := range s.targets.items {
		if t.check == nil {
			continue
		}
		for _, c := range t.check.members() {
			slowest = max(slowest, checks.WorstDetection(c.build(netip.Addr{}, 0)))
		}
	}
	if s.maxTTL.from == written && slowest > 0 && s.maxTTL.v > 10*slowest {
		r.warning(s.maxTTL.pos, "a TTL of %s is more than ten times what the checks take to notice a failure: caches send clients to a dead target for as long", s.maxTTL.text)
	}
}
