package config

import (
	"net/netip"
	"slices"
)

// checkSeveral judges how the checks of the file belong together.
func (c *rawConfig) checkSeveral(r *report) {
	unique(r, c.checks.items, "check", func(check *rawCheck) leaf[string] { return check.name })
	for _, check := range c.checks.items {
		needs(r, check.pos, check.whole, check.name.from, "a check in checks", "name")
		check.alone(r)
		check.checkRules(r)
		check.saysWhat(r)
		check.checkDialledAlone(r)
		if check.requires.from == written {
			r.problem(check.requires.pos, "what others require can't require anything itself: list both where they are required")
		}
	}
	for _, s := range c.services.items {
		for _, t := range s.targets.items {
			if t.check != nil {
				c.checkUse(r, t.check)
			}
		}
	}
	k := c.canaries
	if k == nil {
		return
	}
	needs(r, k.pos, k.whole, k.checks.from, "canaries", "checks")
	for _, check := range k.checks.items {
		check.alone(r)
		check.checkRules(r)
		check.saysWhat(r)
		check.checkDialledAlone(r)
		c.checkUse(r, check)
		if known := check.use.from == absent || c.named(check.use) != nil; known && check.whole && !check.standing() {
			r.problem(check.pos, "a canary needs an address of its own to dial: write it into tcp, or add at")
		}
		if check.requires.from == written {
			r.problem(check.requires.pos, "a canary can't require anything: it tells whether this host is cut off")
		}
	}
	checkQuorum(r, k.fail, "fail", len(k.checks.items), k.checks.ok())
}

// alone reports keys of a check that make no sense where one check stands.
func (c *rawCheck) alone(r *report) {
	if c.several() {
		r.problem(c.of.pos, "of means nothing here: list the checks themselves")
		c.whole = false
	}
	if c.need.from == written && !c.several() {
		r.problem(c.need.pos, "need is about the checks in of: remove it, or add of")
	}
}

// checkDialledAlone is checkDialled for a check without a target.
func (c *rawCheck) checkDialledAlone(r *report) {
	var own []leaf[netip.Addr]
	if ip := c.ownAddress(); ip.IsValid() {
		own = []leaf[netip.Addr]{{pos: c.pos, v: ip, text: ip.String(), from: written}}
	}
	c.checkDialled(r, own)
	c.checkSource(r, []netip.Addr{c.dialled(c.ownAddress(), 0)})
}

// checkUse judges what a check of a target, or a canary, takes from `checks`, and what it requires.
func (c *rawConfig) checkUse(r *report, check *rawCheck) {
	for _, m := range check.members() {
		if m.use.ok() && c.named(m.use) == nil {
			r.problem(m.use.pos, "there is no check %q in checks%s", m.use.v, c.suggestCheck(m.use.v))
		}
		if m.use.ok() && m.says() {
			r.problem(m.use.pos, "use says what to probe already: remove it, or the other")
		}
		for _, name := range m.requires.items {
			switch required := c.named(name); {
			case !name.ok():
			case required == nil:
				r.problem(name.pos, "requires: there is no check %q in checks%s", name.v, c.suggestCheck(name.v))
			case required.whole && !required.standing():
				r.problem(name.pos, "requires: check %q has no address of its own to dial: write it into tcp, or add at", name.v)
			}
		}
	}
}

func (c *rawConfig) suggestCheck(given string) string {
	var names []string
	for _, check := range c.checks.items {
		names = append(names, check.name.v)
	}
	if len(names) == 0 {
		return ": add it"
	}
	return suggest(given, names)
}

// checkSeveral judges the checks of a target.
func (c *rawCheck) checkSeveral(r *report) {
	if !c.several() {
		c.alone(r)
		if c.name.from == written {
			r.problem(c.name.pos, "a name is for the checks in of, or in the list checks: remove it")
		}
		return
	}
	if c.says() || c.use.from == written {
		r.problem(c.of.pos, "a check has either of, or what it probes itself: move that into of")
	}
	if c.invert.from == written {
		r.problem(c.invert.pos, "invert beside of could mean two things: say it of each check in of")
	}
	unique(r, c.of.items, "check", func(m *rawCheck) leaf[string] { return m.name })
	for _, m := range c.of.items {
		if m.several() {
			r.problem(m.of.pos, "of can't stand within of")
			m.whole = false
		}
	}
	checkQuorum(r, c.need, "need", len(c.of.items), c.of.ok())
}

func checkQuorum(r *report, l leaf[string], what string, n int, known bool) {
	if l.ok() && known && count(l.v, n) > n {
		r.problem(l.pos, "%s is %s, but there are %d checks", what, l.text, n)
	}
}

// standing tells whether c can run without a target: it has what it dials itself.
func (c *rawCheck) standing() bool {
	return len(c.at.items) == 1 || c.tcp.ok() && c.tcp.v.Addr().IsValid() || c.ownAddress().IsValid() ||
		!slices.Contains(meaning["at"], c.kind())
}

// says tells whether c itself says what to probe.
func (c *rawCheck) says() bool {
	return slices.ContainsFunc(c.kinds(), func(k key) bool { return k.from == written })
}
