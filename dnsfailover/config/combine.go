package config

import (
	"net/netip"
	"net/url"
	"strconv"

	"gopkg.in/yaml.v3"
)

// rawSeveral are the keys of a check that join it with others.
type rawSeveral struct {
	need     leaf[string]    // all, any or a number; of several checks
	of       list[*rawCheck] // several checks in place of one
	name     leaf[string]    // what others call it
	use      leaf[string]    // the name of a check in `checks`, whose keys it takes
	invert   leaf[string]    // "true": what fails is good
	requires list[leaf[string]]
}

// rawCanaries is `canaries` as the file has it.
type rawCanaries struct {
	pos
	whole  bool
	checks list[*rawCheck]
	fail   leaf[string]
}

// severalKeys returns the readers of the keys that join c with others.
func (c *rawCheck) severalKeys(r *report) map[string]func(*yaml.Node) {
	return map[string]func(*yaml.Node){
		"need": func(n *yaml.Node) { c.need = quorum(r, n, "need") },
		"of": func(n *yaml.Node) {
			c.of = sequence(r, n, "of", `[{http: "https://www.example.com/"}, {tcp: ":25"}]`, func(n *yaml.Node) *rawCheck { return decodeCheck(r, n) })
		},
		"name":     func(n *yaml.Node) { c.name = handle(r, n, "a check's name") },
		"use":      func(n *yaml.Node) { c.use = handle(r, n, "use") },
		"invert":   func(n *yaml.Node) { c.invert = oneOf(r, n, "invert", "true", "false") },
		"requires": func(n *yaml.Node) { c.requires = requirements(r, n) },
	}
}

// requirements reads `requires: gateway`, or a list of names.
func requirements(r *report, n *yaml.Node) list[leaf[string]] {
	if n.Kind == yaml.ScalarNode {
		return list[leaf[string]]{pos: pos{n.Line, n.Column}, from: written, items: []leaf[string]{handle(r, n, "requires")}}
	}
	return sequence(r, n, "requires", "[gateway]", func(n *yaml.Node) leaf[string] { return handle(r, n, "requires") })
}

// quorum reads how many of several: all, any or a number.
func quorum(r *report, n *yaml.Node, what string) leaf[string] {
	l := word(r, n, what, "all, any or a number")
	if !l.ok() || l.v == "all" || l.v == "any" {
		return l
	}
	if number, err := strconv.Atoi(l.v); err != nil || number < 1 {
		r.problem(l.pos, "%s can't be %q: it is all, any, or a number from 1", what, l.v)
		l.bad = true
	}
	return l
}

// count returns how many of n a quorum means.
func count(quorum string, n int) int {
	switch quorum {
	case "all":
		return n
	case "any":
		return 1
	}
	number, _ := strconv.Atoi(quorum)
	return number
}

func (c *rawConfig) decodeCanaries(r *report, n *yaml.Node) {
	k := &rawCanaries{pos: pos{n.Line, n.Column}}
	c.canaries = k
	k.whole = mapping(r, n, "canaries", `{checks: [{tcp: "192.0.2.1:53"}], fail: all}`, map[string]func(*yaml.Node){
		"checks": func(n *yaml.Node) {
			k.checks = sequence(r, n, "checks", `[{tcp: "192.0.2.1:53"}]`, func(n *yaml.Node) *rawCheck { return decodeCheck(r, n) })
		},
		"fail": func(n *yaml.Node) { k.fail = quorum(r, n, "fail") },
	})
}

// several tells whether c stands for more than one check.
func (c *rawCheck) several() bool { return c.of.from != absent }

// members returns the checks that c stands for: those in `of`, or itself.
func (c *rawCheck) members() []*rawCheck {
	if c.several() {
		return c.of.items
	}
	return []*rawCheck{c}
}

// named returns the check of that name in `checks`, or nil.
func (c *rawConfig) named(name leaf[string]) *rawCheck {
	for _, check := range c.checks.items {
		if name.ok() && check.name.ok() && check.name.v == name.v {
			return check
		}
	}
	return nil
}

// settle fills in what a check leaves out: each key comes from the check itself, from the
// one that holds it in `of`, from the one it uses, from `defaults`, or from us.
func (c *rawConfig) settle(check *rawCheck) {
	for _, m := range check.members() {
		if m != check {
			m.inherit(check)
		}
		if used := c.named(m.use); used != nil {
			m.inherit(used)
		}
		m.inherit(&c.defaults)
		m.setDefaults()
	}
	fill(&check.need, "all", "all")
}

// settleAlone is settle for a check that others require, or a canary: it requires nothing.
func (c *rawConfig) settleAlone(check *rawCheck) {
	c.settle(check)
	if check.requires.from == inherited {
		check.requires = list[leaf[string]]{}
	}
}

// require gives what requires something to all checks below it.
func (c *rawCheck) require(names list[leaf[string]]) {
	for _, m := range c.members() {
		if names.from != absent {
			m.requires.from = written
			m.requires.items = append(m.requires.items[:len(m.requires.items):len(m.requires.items)], names.items...)
		}
	}
}

// ownAddress returns the address in the URL of c; zero if there is none.
func (c *rawCheck) ownAddress() netip.Addr {
	for _, u := range []leaf[*url.URL]{c.http, c.grpc} {
		if u.ok() {
			ip, _ := netip.ParseAddr(u.v.Hostname())
			return ip
		}
	}
	return netip.Addr{}
}

// everyCheck returns all checks of the file but `defaults`, those in `of` in place of the one that holds them.
func (c *rawConfig) everyCheck() []*rawCheck {
	all := append([]*rawCheck{}, c.checks.items...)
	if c.canaries != nil {
		all = append(all, c.canaries.checks.items...)
	}
	for _, s := range c.services.items {
		for _, t := range s.targets.items {
			if t.check != nil {
				all = append(all, t.check.members()...)
			}
		}
	}
	return all
}
