package peers

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// filesWorld has the zones that lie in files, and the large sets.
func filesWorld(t *testing.T) *world {
	w := &world{services: services}
	for _, apex := range []string{
		"peers.test.", "child.peers.test.", "chain.test.", "chain2.test.", "apexdname.test.", "bare.test.", "apexwild.test.",
		"a.b.c.deep.test.", "2.0.192.in-addr.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa.", "names.test.", "types.test.",
	} {
		w.zoneFile(t, apex, "peers/"+apex+"zone")
	}
	for _, apex := range []string{"conform.test.", "child.conform.test.", "elsewhere.test."} {
		w.zoneFile(t, apex, apex+"zone")
	}
	w.add(t, "sets.test.", largeSets())
	return w
}

// conformWorld has the zones that the conformance list is about.
func conformWorld(t *testing.T) *world {
	w := &world{}
	for _, apex := range []string{"conform.test.", "child.conform.test.", "elsewhere.test."} {
		w.zoneFile(t, apex, apex+"zone")
	}
	return w
}

// rootWorld has a root zone and a zone below it that it does not delegate.
func rootWorld(t *testing.T) *world {
	w := &world{}
	w.zoneFile(t, ".", "peers/root.zone")
	w.zoneFile(t, "example.", "peers/example.zone")
	return w
}

// serviceTTL is that of the services' records.
const serviceTTL = 60

// services have the addresses that peers.test. has, and the TTL.
const services = `services:
  - name: both
    records: [svc1.peers.test, "*.svcwild.peers.test"]
    ttl: 60s
    targets: [{name: only, addresses: [198.51.100.1, 198.51.100.2, "2001:db8:51::1"]}]
  - name: four
    records: [svc4.peers.test, deep.er.svcent.peers.test]
    ttl: 60s
    targets: [{name: only, addresses: [198.51.100.3]}]
  - name: six
    records: [svc6.peers.test]
    ttl: 60s
    targets: [{name: only, addresses: ["2001:db8:51::3"]}]
`

// largeSets is a zone with many records in a set, strings over 1232 octets, and much that is additional.
func largeSets() string {
	var b strings.Builder
	b.WriteString("$TTL 300\n@ SOA ns hostmaster 1 7200 900 1209600 300\n")
	for i := range 13 {
		fmt.Fprintf(&b, "@ NS ns%d\nns%d A 192.0.2.%d\nns%d AAAA 2001:db8::%d\n", i, i, i+1, i, i+1)
	}
	for i := range 200 {
		fmt.Fprintf(&b, "a200 A 10.0.0.%d\naaaa200 AAAA 2001:db8::%x\ntxt200 TXT \"number %d\"\n", i, i+1, i)
	}
	for i := range 30 {
		fmt.Fprintf(&b, "mx MX %d mx%d\nmx%d A 192.0.2.%d\nmx%d AAAA 2001:db8:1::%x\n", i, i, i, i+1, i, i+1)
		fmt.Fprintf(&b, "srv SRV 0 0 %d mx%d\n", i, i)
	}
	for n := 24; n <= 34; n++ { // around what fits into 512 octets
		for i := range n {
			fmt.Fprintf(&b, "edge%d A 10.1.0.%d\n", n, i)
		}
	}
	long := strings.Repeat("t", 255)
	for _, n := range []int{1, 2, 4, 5, 20, 100, 200} {
		fmt.Fprintf(&b, "txt-%d TXT%s\n", n, strings.Repeat(` "`+long+`"`, n))
		fmt.Fprintf(&b, "to-txt-%d CNAME txt-%d\n", n, n)
	}
	for i := range 40 {
		fmt.Fprintf(&b, "cut NS ns%d.cut\nns%d.cut A 192.0.2.%d\n", i, i, i+1)
	}
	for i := range 6 {
		fmt.Fprintf(&b, "six NS ns%d.six\nns%d.six A 192.0.2.%d\nns%d.six AAAA 2001:db8::%d\n", i, i, i+1, i, i+1)
	}
	b.WriteString("*.wildcard TXT \"" + long + "\" \"" + long + "\"\n")
	for i := range 100 {
		fmt.Fprintf(&b, "*.many A 10.2.0.%d\n", i)
	}
	return b.String()
}

// generatedWorld has zones over so few labels that names collide all the time. A name is either an alias, a cut, a subtree or
// has data, so that every server loads them.
func generatedWorld(t *testing.T) *world {
	rnd := rand.New(rand.NewPCG(2, 3))
	w := &world{}
	var apexes []string
	for i := range 12 {
		apexes = append(apexes, fmt.Sprintf("g%d.test.", i))
		if i%3 == 0 {
			apexes = append(apexes, fmt.Sprintf("a.g%d.test.", i), fmt.Sprintf("b.b.g%d.test.", i))
		}
	}
	for _, apex := range apexes {
		w.add(t, apex, generate(rnd, apex, apexes))
	}
	return w
}

// generate writes one zone.
func generate(rnd *rand.Rand, apex string, apexes []string) string {
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	below := func(apex string) string {
		name := apex
		for range 1 + rnd.IntN(3) {
			name = pick("a", "a", "b", "b", "c", "*", "ns", `x\.y`, `\193`, strings.Repeat("l", 60)) + "." + name
		}
		return name
	}
	target := func() string {
		switch rnd.IntN(6) {
		case 0:
			return "out.example."
		case 1:
			return pick(apexes...)
		case 2:
			return below(pick(apexes...))
		default:
			return below(apex)
		}
	}
	var b strings.Builder
	ttl := func() int { return []int{0, 1, 60, 300, 86400}[rnd.IntN(5)] }
	fmt.Fprintf(&b, "%s %d SOA %s %s 7 7200 900 1209600 %d\n%s 60 NS %s\n%s 60 NS ns.%s\nns.%s 5 A 192.0.2.1\n", apex, ttl(), target(), target(), ttl(), apex, "out.example.", apex, apex, apex)
	names := []string{apex, "ns." + apex}
	for range 25 {
		name := below(apex)
		elsewhere := slices.ContainsFunc(apexes, func(other string) bool {
			return other != apex && dns.IsSubDomain(apex, other) && dns.IsSubDomain(other, name)
		})
		if !elsewhere && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, other := range apexes { // with glue that differs from what the zone itself says
		if other != apex && dns.IsSubDomain(apex, other) {
			fmt.Fprintf(&b, "%s 300 NS ns.%s\nns.%s 300 A 192.0.2.9\n%s 300 NS out.example.\n", other, other, other, other)
			if rnd.IntN(2) == 0 {
				fmt.Fprintf(&b, "%s 300 DS 1 13 2 %s\n", other, strings.Repeat("cd", 32))
			}
		}
	}
	for _, name := range names[2:] {
		leaf := !slices.ContainsFunc(names, func(n string) bool { return n != name && dns.IsSubDomain(name, n) })
		kind := rnd.IntN(10)
		if strings.HasPrefix(name, "*") && kind >= 7 {
			kind = 0 // cuts and subtrees at wildcards are undefined by RFC 4592 sections 4.2 and 4.4
		}
		switch {
		case kind < 5 || kind == 9 && !leaf: // data below a DNAME is refused by NSD and Knot
			fmt.Fprintf(&b, "%s %d A 192.0.2.%d\n", name, ttl(), rnd.IntN(200))
			for _, data := range []string{
				"AAAA 2001:db8::1", `TXT "one" "" "two"`, "MX 10 " + target(), "SRV 0 0 1 " + target(), "HTTPS 1 " + target(), "SVCB 0 " + target(),
				`TYPE65280 \# 2 0102`, "PTR " + target(), "NAPTR 1 1 \"\" \"\" \"\" " + target(),
			} {
				if rnd.IntN(4) == 0 {
					fmt.Fprintf(&b, "%s %d %s\n", name, ttl(), data)
				}
			}
		case kind < 7:
			fmt.Fprintf(&b, "%s %d CNAME %s\n", name, ttl(), target())
		case kind < 9:
			fmt.Fprintf(&b, "%s 300 NS %s\n", name, target())
			if host := "ns." + name; rnd.IntN(2) == 0 && !slices.Contains(names, host) {
				fmt.Fprintf(&b, "%s 300 NS %s\n%s %d A 192.0.2.2\n%s %d AAAA 2001:db8::2\n", name, host, host, ttl(), host, ttl())
			}
			if rnd.IntN(2) == 0 {
				fmt.Fprintf(&b, "%s %d DS 1 13 2 %s\n", name, ttl(), strings.Repeat("ab", 32))
			}
		default:
			fmt.Fprintf(&b, "%s %d DNAME %s\n", name, ttl(), target())
			if rnd.IntN(2) == 0 {
				fmt.Fprintf(&b, "%s %d TXT \"beside\"\n", name, ttl())
			}
		}
	}
	return b.String()
}
