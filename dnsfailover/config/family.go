package config

import "dnsfailover/checks"

// pairFamilies gives each check of an address the same check of the target's first address of the other family, if there is
// one: when it begins to fail, that is looked at once.
func pairFamilies(addresses []Address) {
	for i, a := range addresses {
		for j, w := range a.Checks {
			for _, other := range addresses {
				if other.IP.Is4() == addresses[i].IP.Is4() || w.Check.Other != nil || other.Checks[j].Check == w.Check {
					continue
				}
				probe := other.Checks[j].Check.Probe
				if _, pushed := probe.(*checks.PushProbe); !pushed { // a report comes when it comes
					w.Check.Other, w.Check.OtherName = probe, family(other.IP.Is4())+" ("+other.IP.String()+")"
				}
			}
		}
	}
}

func family(ipv4 bool) string {
	if ipv4 {
		return "IPv4"
	}
	return "IPv6"
}
