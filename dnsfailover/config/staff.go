package config

func (s *rawService) checkStaff(r *report) {
	unique(r, s.staff.items, "network", itself)
	for _, l := range s.staff.items {
		if l.ok() && l.v.Bits() == 0 {
			r.problem(l.pos, "staff: %q is everybody: then nobody ever follows a switch", l.text)
		}
	}
}

// checkTrust warns of trust that nothing makes use of.
func (c *rawConfig) checkTrust(r *report) {
	if c.answers.trustECS.from == absent {
		return
	}
	for _, s := range c.services.items {
		if s.staff.from != absent {
			return
		}
	}
	r.warning(c.answers.trustECS.pos, "trust_ecs changes nothing: no service has staff, and all others answer everybody alike")
}
