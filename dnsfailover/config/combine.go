package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"dnsfailover/checks"
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

// keys returns the readers of the keys that join c with others.
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

// called is what a check is called that has no name: the one that it uses, or what it is.
func (c *rawCheck) called() string {
	if c.use.ok() {
		return c.use.v
	}
	return c.kind()
}

// names returns a name for each of several checks: its own, else its kind, with a number from the second one on.
func names(several []*rawCheck) []string {
	taken := map[string]bool{}
	for _, c := range several {
		taken[c.name.v] = true
	}
	out := make([]string, len(several))
	for i, c := range several {
		out[i] = c.name.v
		for n := 1; out[i] == ""; n++ {
			name := c.called()
			if n > 1 {
				name += "-" + strconv.Itoa(n)
			}
			if !taken[name] {
				taken[name], out[i] = true, name
			}
		}
	}
	return out
}

// builder builds each check once, however many places it counts in.
type builder struct {
	*rawConfig
	where    func(pos) string
	known    map[string]*checks.Check // by definition
	all      []*checks.Check
	requires map[string][]Watch // by ID
	strict   bool               // what is built are canaries
}

// check returns the check that c makes of the i-th address of its target, with that ID unless it is there already.
func (b *builder) check(c *rawCheck, id string, served netip.Addr, i int) *checks.Check {
	built := c.build(served, i)
	built.ID, built.Strict = id, b.strict
	definition := built.Definition()
	if c.kind() == "push" { // each target reports by itself
		definition = id
	}
	if same := b.known[definition]; same != nil {
		built = same
	} else {
		b.known[definition] = built
		b.all = append(b.all, built)
	}
	for _, name := range c.requires.items {
		b.require(built.ID, name)
	}
	return built
}

// require notes that the check with that ID requires the one of that name.
func (b *builder) require(id string, name leaf[string]) {
	for _, w := range b.requires[id] {
		if w.Name == name.v {
			return
		}
	}
	required := *b.named(name)
	required.requires = list[leaf[string]]{}
	check := b.check(&required, "checks/"+name.v, required.ownAddress(), 0)
	if b.requires == nil {
		b.requires = map[string][]Watch{}
	}
	b.requires[id] = append(b.requires[id], Watch{Name: name.v, Check: check})
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

// watches returns what watches the i-th address of a target, and how many of that must be up.
func (b *builder) watches(c *rawCheck, id string, served netip.Addr, i int) (list []Watch, need int) {
	if !c.several() {
		return []Watch{{Check: b.check(c, fmt.Sprintf("%s@%s", id, served), served, i)}}, 1
	}
	for j, name := range names(c.of.items) {
		list = append(list, Watch{Name: name, Check: b.check(c.of.items[j], fmt.Sprintf("%s/%s@%s", id, name, served), served, i)})
	}
	return list, count(c.need.v, len(list))
}

func (b *builder) canaries() Canaries {
	k := b.rawConfig.canaries
	if k == nil {
		return Canaries{}
	}
	var built Canaries
	b.strict = true
	for i, name := range names(k.checks.items) {
		c := k.checks.items[i]
		built.Checks = append(built.Checks, Watch{Name: name, Check: b.check(c, "canaries/"+name, c.ownAddress(), 0)})
	}
	built.Fail = count(k.fail.v, len(built.Checks))
	return built
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
