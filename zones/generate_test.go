package zones_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"dnsfailover/zones"

	"pgregory.net/rapid"
)

// world is a few zones that a validator must accept, over so few labels that names collide all the time.
type world struct {
	zones    []worldZone
	instants []int64 // around which something changes
	staff    map[*zones.Slot][]netip.Prefix
}

type worldZone struct {
	apex     string
	text     string
	dynamics []zones.Dynamic
	owners   []string
}

const epoch = int64(1_767_225_600_000_000_000)

// String returns the world as a person can repeat it.
func (w *world) String() string {
	var b strings.Builder
	for _, z := range w.zones {
		fmt.Fprintf(&b, "; zone %s\n%s", z.apex, z.text)
		for _, d := range z.dynamics {
			fmt.Fprintf(&b, "; dynamic %s, may repeat %v, staff %v\n", d.Name, d.Repeats, w.staff[d.Slot])
			for _, s := range d.Slot.Load().Segments {
				fmt.Fprintf(&b, ";   from %d edge %d change %d min %d max %d: %d A, %d AAAA, note %q\n",
					s.From-epoch, s.Edge-epoch, s.Change-epoch, s.Min, s.Max, len(s.A)/16, len(s.AAAA)/28, s.Note)
			}
		}
	}
	return b.String()
}

// GoString keeps rapid from showing the world a second time.
func (w *world) GoString() string { return "above" }

var (
	long    = strings.Repeat("l", 60)
	labels  = rapid.SampledFrom([]string{"a", "a", "b", "b", "c", "*", "*", "ns", `x\.y`, `\000\032`, `\193`, long})
	apexes  = rapid.SampledFrom([][]string{{"test."}, {"test.", "a.test."}, {"other.", "a.test.", "test."}, {"test.", "b.a.test."}, {"b.a.test.", "a.test.", "test.", "other."}, {"."}, {"test.", "."}, {"a.b.c.test."}})
	ttls    = rapid.SampledFrom([]uint32{0, 1, 60, 60, 300, 300, 3600, 86400, 1<<31 - 1})
	someV4  = []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "198.51.100.4"}
	someV6  = []string{"2001:db8::1", "2001:db8::2", "2001:db8::3"}
	someTXT = []string{`"one"`, `"One" "" "two"`, `"; \" \\ \000\255"`, strings.Repeat("b", 250)}
)

// worlds draws worlds.
var worlds = rapid.Custom(func(t *rapid.T) *world {
	b := &builder{t: t, apexes: apexes.Draw(t, "apexes"), glued: map[string]bool{}}
	b.services()
	for _, apex := range b.apexes {
		b.nodes = append(b.nodes, b.drawNodes(apex)...)
	}
	for _, apex := range b.apexes {
		b.zone(apex)
	}
	return &b.world
})

// kind says what stands at a name; a name has but one.
type kind int

const (
	data kind = iota
	alias
	cut
	subtree // a DNAME record
	dynamic
)

type node struct {
	apex, owner string
	kind        kind
}

type builder struct {
	t      *rapid.T
	apexes []string
	nodes  []node
	slots  []*zones.Slot
	glued  map[string]bool // so that no RRset is written twice
	world  world
	text   strings.Builder // of the zone that is being written
	origin string
	last   string // owner
	ttl    uint32
	hasTTL bool
}

func (b *builder) chance(percent int, what string) bool {
	return rapid.IntRange(0, 99).Draw(b.t, what) >= 100-percent
}

func (b *builder) services() {
	b.world.instants, b.world.staff = []int64{epoch}, map[*zones.Slot][]netip.Prefix{}
	for range rapid.IntRange(1, 2).Draw(b.t, "services") {
		slot, timeline := &zones.Slot{}, b.timeline()
		if b.chance(60, "staff") {
			list := rapid.SliceOfN(rapid.OneOf(crowded, homes), 1, 4).Draw(b.t, "networks")
			slot.Staff, b.world.staff[slot] = zones.NewNetworks(list), list
			timeline.Staff = &zones.Segment{Min: 5, Max: 60, A: b.addresses(false), AAAA: b.addresses(true)}
		}
		slot.Store(timeline)
		b.slots = append(b.slots, slot)
	}
}

// timeline draws segments whose edges lie at, before or behind the begin of the next.
func (b *builder) timeline() *zones.Timeline {
	offset := rapid.Int64Range(1, 400_000_000_000)
	tl := &zones.Timeline{}
	from := int64(0)
	for range rapid.IntRange(1, 3).Draw(b.t, "segments") {
		s := zones.Segment{From: from, Min: rapid.SampledFrom([]uint32{0, 1, 5}).Draw(b.t, "min"), A: b.addresses(false), AAAA: b.addresses(true)}
		s.Max = rapid.SampledFrom([]uint32{5, 60, 300}).Draw(b.t, "max")
		from = max(from, epoch) + offset.Draw(b.t, "length")
		if b.chance(70, "edge") {
			s.Edge = from + rapid.SampledFrom([]int64{0, 1_000_000_000}).Draw(b.t, "early")
			b.world.instants = append(b.world.instants, s.Edge-1_500_000_000, s.Edge-1)
		}
		if b.chance(40, "contrary run") {
			s.Change = epoch + offset.Draw(b.t, "change")
			b.world.instants = append(b.world.instants, s.Change-2_000_000_000)
		}
		if b.chance(40, "note") {
			s.Note = rapid.SampledFrom([]string{"primary is down", "größer", strings.Repeat("why ", 120)}).Draw(b.t, "note")
		}
		b.world.instants = append(b.world.instants, from-1, from)
		tl.Segments = append(tl.Segments, s)
	}
	return tl
}

func (b *builder) addresses(ipv6 bool) []byte {
	n := rapid.SampledFrom([]int{0, 1, 1, 2, 3, 30}).Draw(b.t, "addresses")
	first := netip.MustParseAddr("203.0.113.1")
	if ipv6 {
		first = netip.MustParseAddr("2001:db8:5::1")
	}
	var list []netip.Addr
	for range n {
		list = append(list, first)
		first = first.Next()
	}
	return zones.Records(list, ipv6)
}

// drawNodes draws what stands where in the zone, the apex first.
func (b *builder) drawNodes(apex string) []node {
	nodes := []node{{apex, apex, data}}
	taken := map[string]bool{parseName(apex).key(): true}
	for range rapid.IntRange(0, 12).Draw(b.t, "names") {
		n := node{apex, b.below(apex), rapid.SampledFrom([]kind{data, data, data, alias, alias, cut, subtree, dynamic}).Draw(b.t, "kind")}
		key := parseName(n.owner).key()
		if taken[key] {
			continue
		}
		taken[key] = true
		if home := b.home(n.owner); home != apex {
			if n.owner != home {
				continue // the zone below has it
			}
			n.kind = cut
		}
		if strings.HasPrefix(n.owner, "*") && (n.kind == cut || n.kind == subtree) {
			n.kind = data // undefined by RFC 4592 sections 4.2 and 4.4
		}
		nodes = append(nodes, n)
	}
	hidden := func(n node) bool {
		return n.kind == dynamic && slices.ContainsFunc(nodes, func(above node) bool {
			return above != n && (above.kind == cut || above.kind == subtree) && parseName(n.owner).in(parseName(above.owner))
		})
	}
	return slices.DeleteFunc(nodes, hidden)
}

// below draws a name below the apex.
func (b *builder) below(apex string) string {
	list := rapid.SliceOfN(labels, 1, 3).Draw(b.t, "labels") // no more than fit
	return strings.Join(list, ".") + "." + strings.TrimPrefix(apex, ".")
}

// home returns the nearest apex above the name.
func (b *builder) home(owner string) string {
	best := ""
	for _, apex := range b.apexes {
		if parseName(owner).in(parseName(apex)) && len(apex) > len(best) {
			best = apex
		}
	}
	return best
}

// target draws a name to point at: most often one that is there, or next to it.
func (b *builder) target() string {
	switch n := rapid.SampledFrom(b.nodes).Draw(b.t, "target"); rapid.IntRange(0, 5).Draw(b.t, "shape") {
	case 0:
		return "out.example."
	case 1:
		return b.fit(labels.Draw(b.t, "label"), n.owner)
	case 2:
		return b.below(rapid.SampledFrom(b.apexes).Draw(b.t, "apex"))
	default:
		return n.owner
	}
}

// fit puts a label before the name if there is room.
func (b *builder) fit(label, owner string) string {
	longer := label + "." + strings.TrimPrefix(owner, ".")
	if !fits(longer) {
		return owner
	}
	return longer
}

// fits says whether a name has at most 255 octets.
func fits(s string) bool { return len(parseName(s).wire()) <= 255 }

// zone writes one zone.
func (b *builder) zone(apex string) {
	b.text.Reset()
	b.origin, b.last, b.hasTTL = apex, "", false
	z := worldZone{apex: apex}
	b.line(apex, fmt.Sprintf("SOA %s %s 7 7200 900 1209600 %d", b.target(), b.target(), ttls.Draw(b.t, "minimum")))
	b.servers(apex)
	for _, n := range b.nodes {
		if n.apex != apex {
			continue
		}
		z.owners = append(z.owners, n.owner)
		switch n.kind {
		case data:
			b.data(n.owner, false)
		case alias:
			b.line(n.owner, "CNAME "+b.target())
		case cut:
			b.servers(n.owner)
			if b.chance(50, "signed") {
				b.line(n.owner, "DS 1 13 2 "+strings.Repeat("ab", 32))
			}
		case subtree:
			b.line(n.owner, "DNAME "+b.target())
			if b.chance(50, "beside") {
				b.data(n.owner, false)
			}
		case dynamic:
			z.dynamics = append(z.dynamics, b.dynamic(n.owner))
		}
	}
	z.text = b.text.String()
	b.world.zones = append(b.world.zones, z)
}

// servers writes NS records with glue, if they need it and luck has it.
func (b *builder) servers(owner string) {
	ttl := ttls.Draw(b.t, "ttl")
	for range rapid.SampledFrom([]int{1, 1, 2, 3, 9}).Draw(b.t, "servers") {
		host := b.target()
		if b.chance(50, "in-domain") {
			host = b.fit(labels.Draw(b.t, "host"), owner)
		}
		if b.stands(host, func(k kind) bool { return k == dynamic }) {
			host = "out.example." // a nameserver's address can't move
		}
		b.record(owner, ttl, "NS "+host)
		below := parseName(host).in(parseName(owner)) && b.home(host) == b.home(owner)
		free := !b.stands(host, func(k kind) bool { return k != cut })
		if key := parseName(host).key(); below && free && !b.glued[key] && b.chance(80, "glue") {
			b.glued[key] = true
			b.set(host, []string{"A"}, someV4)
			if b.chance(50, "v6") {
				b.set(host, []string{"AAAA"}, someV6)
			}
		}
	}
}

// stands says whether there is such a node at the name.
func (b *builder) stands(owner string, such func(kind) bool) bool {
	return slices.ContainsFunc(b.nodes, func(n node) bool {
		return parseName(n.owner).key() == parseName(owner).key() && such(n.kind)
	})
}

// data writes some RRsets at the owner; at a dynamic name none with addresses.
func (b *builder) data(owner string, dynamic bool) {
	if !dynamic {
		if b.chance(50, "has A") {
			b.set(owner, []string{"A"}, someV4)
		}
		if b.chance(30, "has AAAA") {
			b.set(owner, []string{"AAAA"}, someV6)
		}
	}
	if b.chance(30, "has TXT") {
		b.set(owner, []string{"TXT"}, someTXT)
	}
	if b.chance(25, "has MX") {
		b.set(owner, []string{"MX 10", "MX 20"}, []string{b.target(), b.target(), "."})
	}
	if b.chance(20, "has SRV") {
		b.set(owner, []string{"SRV 0 5 443"}, []string{b.target(), b.target(), "."})
	}
	if b.chance(20, "has HTTPS") {
		b.set(owner, []string{"HTTPS 1", "HTTPS 0"}, []string{". alpn=h2", b.target() + " port=8443"})
	}
	if b.chance(20, "has SVCB") {
		b.set(owner, []string{"SVCB 0", "SVCB 0", "SVCB 1"}, []string{b.target(), b.target(), "."})
	}
	if b.chance(15, "has others") {
		b.set(owner, []string{"CAA 0 issue"}, []string{`"ca.example"`, `";"`})
		b.set(owner, []string{"TYPE65280"}, []string{`\# 3 010203`, `\# 0`})
		b.set(owner, []string{"HINFO"}, []string{`"cpu" "os"`})
		b.set(owner, []string{"PTR"}, []string{b.target()})
	}
}

// set writes an RRset: each record once or twice, all with one TTL.
func (b *builder) set(owner string, types, rdata []string) {
	ttl := ttls.Draw(b.t, "ttl")
	for range rapid.SampledFrom([]int{1, 1, 2, 3}).Draw(b.t, "records") {
		b.record(owner, ttl, rapid.SampledFrom(types).Draw(b.t, "type")+" "+rapid.SampledFrom(rdata).Draw(b.t, "rdata"))
	}
}

// dynamic makes the name one of a service, whose first address the zone may repeat.
func (b *builder) dynamic(owner string) zones.Dynamic {
	repeats := []netip.Addr{netip.MustParseAddr(someV4[0]), netip.MustParseAddr(someV6[0])}
	if b.chance(30, "repeated") {
		b.line(owner, "A "+someV4[0])
	}
	if b.chance(30, "repeated") {
		b.line(owner, "AAAA "+someV6[0])
	}
	if b.chance(40, "beside") {
		b.data(owner, true)
	}
	return zones.Dynamic{Name: b.spell(owner), Service: "web", Where: "test:1:1", Slot: rapid.SampledFrom(b.slots).Draw(b.t, "slot"), Repeats: repeats}
}

// line writes a record that is alone in its RRset.
func (b *builder) line(owner, rest string) {
	b.record(owner, ttls.Draw(b.t, "ttl"), rest)
}

// record writes a record in one of the many ways that a master file has for it (RFC 1035 section 5.1, RFC 2308 section 4).
func (b *builder) record(owner string, ttl uint32, rest string) {
	if b.chance(5, "origin") {
		b.origin = rapid.SampledFrom(b.nodes).Draw(b.t, "origin").owner
		fmt.Fprintf(&b.text, "$ORIGIN %s ; from here on\n", b.origin)
	}
	if b.chance(15, "default") {
		b.ttl, b.hasTTL = ttl, true
		fmt.Fprintf(&b.text, "$TTL %d\n", ttl)
	}
	typ, data, _ := strings.Cut(rest, " ")
	if at := strings.LastIndex(data, " ") + 1; strings.HasSuffix(data, ".") && b.chance(30, "relative data") {
		data = data[:at] + b.relative(data[at:])
	}
	words := []string{b.spell(owner), fmt.Sprint(ttl), "IN", typ, data}
	if b.chance(30, "relative owner") {
		words[0] = b.relative(words[0])
	}
	if parseName(owner).key() == b.last && b.chance(50, "blank owner") {
		words[0] = ""
	}
	b.last = parseName(owner).key()
	if b.hasTTL && b.ttl == ttl && b.chance(70, "no TTL") {
		words[1] = ""
	}
	switch rapid.IntRange(0, 9).Draw(b.t, "style") {
	case 0:
		words[1], words[2] = words[2], words[1]
	case 1, 2, 3:
		words[2] = ""
	case 4:
		words[3] = strings.ToLower(typ)
	case 5:
		words[4] = "( " + data + "\n\t) ; comment (\"\n"
	case 6:
		words[4] += "\t;comment\n \t\n\n; more"
	case 7:
		words[2], words[4] = "in", data+" \r"
	}
	b.text.WriteString(strings.Join(words, " ") + "\n")
}

// relative writes a name as relative to the origin, if it is below it.
func (b *builder) relative(s string) string {
	n, origin := parseName(s), parseName(b.origin)
	switch {
	case !n.in(origin):
		return s
	case len(n) == len(origin):
		return "@"
	}
	return strings.TrimSuffix(n[:len(n)-len(origin)].String(), ".")
}

// spell writes a name in capitals at times.
func (b *builder) spell(owner string) string {
	if b.chance(20, "capitals") {
		return strings.ToUpper(owner)
	}
	return owner
}
