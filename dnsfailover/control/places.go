package control

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
)

// seen is a check and where its verdict counts.
type seen struct {
	check    *checks.Check
	probe    string
	at       []place  // in services
	standing bool     // a canary, or required by others
	requires []string // the IDs of the checks that it requires
}

// place is an address of a service's target, and the part that the check has in it; -1 if no other has one.
type place struct{ service, target, address, part int }

// places are all checks of a world. It is immutable.
type places struct {
	byID      map[string]*seen
	byProbe   map[string]*seen // nil if several do the same
	addresses [][]*seen        // what watches each address that is served somewhere
	longest   time.Duration    // the longest interval
}

func newPlaces(cfg *config.Config) *places {
	p := &places{byID: map[string]*seen{}, byProbe: map[string]*seen{}}
	byIP := map[netip.Addr]int{}
	for s := range cfg.Services {
		for t := range cfg.Services[s].Targets {
			for a, address := range cfg.Services[s].Targets[t].Addresses {
				for i, w := range address.Checks {
					if len(address.Checks) == 1 {
						i = -1
					}
					at := p.add(w.Check)
					at.at = append(at.at, place{s, t, a, i})
					n, ok := byIP[address.IP]
					if !ok {
						n = len(p.addresses)
						byIP[address.IP] = n
						p.addresses = append(p.addresses, nil)
					}
					if !slices.Contains(p.addresses[n], at) {
						p.addresses[n] = append(p.addresses[n], at)
					}
				}
			}
		}
	}
	for _, w := range cfg.Canaries.Checks {
		p.add(w.Check).standing = true
	}
	for _, id := range slices.Sorted(maps.Keys(cfg.Requires)) {
		for _, w := range cfg.Requires[id] {
			p.add(w.Check).standing = true
			if at := p.byID[id]; at != nil {
				at.requires = append(at.requires, w.Check.ID)
			}
		}
	}
	return p
}

func (p *places) add(check *checks.Check) *seen {
	p.longest = max(p.longest, check.Interval)
	at := p.byID[check.ID]
	if at == nil {
		at = &seen{check: check, probe: check.Probe.String()}
		p.byID[check.ID] = at
		if _, taken := p.byProbe[at.probe]; taken {
			p.byProbe[at.probe] = nil // nobody knows which is meant
		} else {
			p.byProbe[at.probe] = at
		}
	}
	return at
}

// find returns what is there of a check that does what check does; its numbers may differ. Nil if there is none.
func (p *places) find(check *checks.Check) *seen {
	at := p.byID[check.ID]
	if at == nil || at.check != check && at.probe != check.Probe.String() {
		return nil
	}
	return at
}

// like returns what find does, or else a check that does the same under another ID: one that services share is called
// after the first of them, which may be another one after a reload.
func (p *places) like(check *checks.Check, probe string) *seen {
	if at := p.byID[check.ID]; at != nil && at.probe == probe {
		return at
	}
	return p.byProbe[probe]
}

// shared names the services in which a check counts, for the log, if there are several.
func (c *Control) shared(s *seen) []any {
	var names []string
	for _, p := range s.at {
		if name := c.services[p.service].name(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) < 2 {
		return nil
	}
	return []any{"services", list(names)}
}
