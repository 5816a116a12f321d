package peers

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// aliases returns the targets of the CNAMEs in an answer.
func aliases(m *dns.Msg) []string {
	var list []string
	for _, rr := range m.Answer {
		if c, ok := rr.(*dns.CNAME); ok {
			list = append(list, dns.CanonicalName(c.Target))
		}
	}
	return list
}

// follow walks along the aliases of the world's zones from the name that was asked for, to at most 40 names.
func (c *comparison) follow() []string {
	list := []string{dns.CanonicalName(c.name)}
	for len(list) < 40 {
		next := c.world.alias(list[len(list)-1])
		if next == "" || slices.Contains(list, next) {
			return append(list, next)
		}
		list = append(list, next)
	}
	return list
}

// crosses says whether the aliases lead into another zone of the world.
func (c *comparison) crosses() bool {
	names := c.follow()
	home := c.world.home(names[0])
	return slices.ContainsFunc(names[1:], func(name string) bool {
		z := c.world.home(name)
		return name != "" && z != nil && z != home
	})
}

// follows are how many aliases a server follows; ours are 16.
var follows = map[string]int{"NSD": 16, "Knot": 5, "BIND": 11}

// endless says whether the aliases lead in a circle, or over more names than a server follows.
func (c *comparison) endless() bool {
	names := c.follow()
	return names[len(names)-1] != "" || len(names)-2 > follows[c.peer]
}

// alias returns where a CNAME, a wildcard or a DNAME leads from a name; "" for nowhere.
func (w *world) alias(name string) string {
	z := w.home(name)
	if z == nil {
		return ""
	}
	byName := z.names()
	find := func(owner string, typ uint16) dns.RR {
		for _, rr := range byName[owner] {
			if rr != nil && rr.Header().Rrtype == typ {
				return rr
			}
		}
		return nil
	}
	for at := name; at != z.apex; {
		at = parent(at)
		if rr := find(at, dns.TypeDNAME); rr != nil {
			target := strings.TrimSuffix(name, at) + dns.CanonicalName(rr.(*dns.DNAME).Target)
			if strings.HasSuffix(target, "..") {
				target = strings.TrimSuffix(target, ".")
			}
			if !fits(target) {
				return ""
			}
			return target
		}
		if at == "." {
			break
		}
	}
	owner := name
	if byName[name] == nil {
		for at := name; ; {
			at = parent(at)
			if byName[at] != nil || at == z.apex || at == "." {
				owner = strings.TrimSuffix("*."+at, ".") + "."
				break
			}
		}
	}
	if rr := find(owner, dns.TypeCNAME); rr != nil {
		return dns.CanonicalName(rr.(*dns.CNAME).Target)
	}
	return ""
}

// names returns the records of each name of the zone; an empty non-terminal has a nil one.
func (z *zone) names() map[string][]dns.RR {
	if z.byName != nil {
		return z.byName
	}
	z.byName = map[string][]dns.RR{}
	for _, rr := range z.records {
		owner := dns.CanonicalName(rr.Header().Name)
		z.byName[owner] = append(z.byName[owner], rr)
		for at := owner; at != z.apex; {
			at = parent(at)
			if z.byName[at] == nil {
				z.byName[at] = []dns.RR{nil}
			}
		}
	}
	return z.byName
}
