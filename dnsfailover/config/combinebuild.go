package config

import (
	"fmt"
	"net/netip"
	"strconv"

	"dnsfailover/checks"
)

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
