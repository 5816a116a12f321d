package zones

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"dnsfailover/zones/wire"
)

// compiler turns a valid draft into a zone.
type compiler struct {
	*draft
	zone   *Zone
	arena  *region // zone.arena as far as it is done
	octets []byte  // of the node that is in the making
	layout layout
	sets   []rrset
	slots  map[boundSlot]uint32 // index in zone.slots
}

func (d *draft) compile() *Zone {
	c := compiler{
		draft: d, slots: map[boundSlot]uint32{},
		zone:  &Zone{name: d.name, apex: d.apex, labels: d.labels, table: newTable(len(d.nodes))},
		arena: newRegion(0, len(d.rdata)+len(d.records)*(entryLen+12)+len(d.nodes)*16),
	}
	c.negative()
	for n := range d.nodes {
		if d.nodes[n].flags&nodeOccluded == 0 {
			c.node(int32(n))
		}
	}
	c.zone.memory = c.arena.seal()
	c.zone.arena = c.zone.memory.octets
	return c.zone
}

// negative prepares the SOA record for negative answers (RFC 2308 section 3).
func (c *compiler) negative() {
	set, _ := c.find("", dns.TypeSOA)
	soa := c.data(set.records[0])
	z := c.zone
	z.serial = serial(soa)
	z.negative.ttl = min(set.ttl, binary.BigEndian.Uint32(soa[len(soa)-4:]))
	c.layout.resetBelow(c.apex)
	c.layout.record(c.apex, dns.TypeSOA, z.negative.ttl, soa)
	z.negative.body = slices.Clone(c.layout.body)
	z.negative.relocs = slices.Clone(c.layout.relocs)
	z.negative.ttlAt = 2 + 4
	if len(c.apex) == 1 {
		z.negative.ttlAt = 1 + 4 // the root is written out
	}
}

// below returns the name of the child "*".
func below(name []byte) []byte { return append([]byte("\x01*"), name...) }

// node appends one node with its entries to the arena.
func (c *compiler) node(n int32) {
	from := c.nodes[n]
	key := c.keyOf(from)
	z := c.zone
	at := node(len(c.arena.octets))
	z.table.insert(from.hash, at)
	z.depth = max(z.depth, countLabels(key))

	c.octets = append(c.octets[:0], byte(len(key)))
	c.octets = append(c.octets, key...)
	c.octets = append(c.octets, byte(from.flags))
	countAt := len(c.octets)
	c.octets = append(c.octets, 0, 0)
	count := 0
	if from.dynamic >= 0 {
		slot := c.slot(c.dynamics[from.dynamic])
		for _, typ := range []uint16{dns.TypeA, dns.TypeAAAA} {
			e := c.append(typ, entryDynamic)
			binary.BigEndian.PutUint32(e[entrySlot:], slot)
			count++
		}
	}
	c.sets = c.draft.sets(n, c.sets)
	for _, set := range c.sets {
		switch {
		case from.dynamic >= 0 && (set.typ == dns.TypeA || set.typ == dns.TypeAAAA):
			continue // the repeats of a service's addresses
		case from.flags&nodeCut != 0 && set.typ == dns.TypeNS:
			c.referral(c.wireOwner(key), key, set)
		case from.flags&nodeCut != 0 && set.typ != dns.TypeDS:
			continue // glue of the cut's own name, or occluded
		case named(set.typ):
			c.laidOut(c.wireOwner(key), set)
		default:
			c.plain(set)
		}
		count++
	}
	binary.BigEndian.PutUint16(c.octets[countAt:], uint16(count))
	c.arena.append(c.octets)
}

// slot returns the index of the dynamic name's slot, which all names of a service share.
func (c *compiler) slot(dynamic Dynamic) uint32 {
	slot := boundSlot{dynamic.Slot, dynamic.Service}
	i, ok := c.slots[slot]
	if !ok {
		i = uint32(len(c.zone.slots))
		c.slots[slot] = i
		c.zone.slots = append(c.zone.slots, slot)
	}
	return i
}

// wireOwner returns a key's name in wire format.
func (d *draft) wireOwner(key string) []byte { return slices.Concat([]byte(key), d.apex) }

func countLabels(key string) int {
	n := 0
	for ; key != ""; key = parent(key) {
		n++
	}
	return n
}

// named says whether answers of typ need a layout: names to compress or to give addresses for.
func named(typ uint16) bool {
	switch typ {
	case dns.TypeNS, dns.TypePTR, dns.TypeMX, dns.TypeSOA, dns.TypeSRV, dns.TypeSVCB, dns.TypeHTTPS:
		return true
	}
	return false
}

// append begins an entry, whose body and pointers are to follow.
func (c *compiler) append(typ uint16, kind entryKind) entry {
	at := len(c.octets)
	c.octets = append(c.octets, make([]byte, entryLen)...)
	e := entry(c.octets[at:])
	e.put(entryType, int(typ))
	e[entryFlags] = byte(kind)
	return e
}

// plain appends the entry of an RRset without names to compress.
func (c *compiler) plain(set rrset) {
	e := c.append(set.typ, entryPlain)
	size := 0
	for _, i := range set.records {
		size += 12 + int(c.records[i].size)
	}
	e.put(entryAN, len(set.records))
	e.put(entryCore, size)
	e.put(entryFull, size)
	for _, i := range set.records {
		c.octets = append(c.octets, 0xC0, wire.HeaderLen)
		c.octets = binary.BigEndian.AppendUint16(c.octets, set.typ)
		c.octets = binary.BigEndian.AppendUint16(c.octets, dns.ClassINET)
		c.octets = binary.BigEndian.AppendUint32(c.octets, set.ttl)
		c.octets = binary.BigEndian.AppendUint16(c.octets, c.records[i].size)
		c.octets = append(c.octets, c.data(i)...)
	}
}

// laidOut appends the entry of an RRset with names in its RDATA, and the addresses of those as additional data.
func (c *compiler) laidOut(owner []byte, set rrset) {
	c.layout.reset(owner)
	for _, i := range set.records {
		c.layout.record(owner, set.typ, set.ttl, c.data(i))
	}
	core := len(c.layout.body)
	u := useful{compiler: c, asked: wire.Lower(owner), addressed: map[string]bool{}, followed: map[string]bool{}}
	u.write(owner, set)
	extra := u.records
	if len(c.layout.body) > maxRRset {
		c.layout.cut(core)
		extra = 0
	}
	c.finish(set.typ, 0, counts{an: len(set.records), extra: extra, core: core})
}

// useful is what those who ask for an RRset will want next (RFC 1034 section 4.3.2 step 6).
type useful struct {
	*compiler
	asked               []byte // owner of the RRset, in lower case
	addressed, followed map[string]bool
	records             int // written
}

// write writes the addresses of the names in set's RDATA and, where the alias mode of SVCB and HTTPS leads, the records
// there and what they lead to (RFC 9460 section 4.1).
func (u *useful) write(owner []byte, set rrset) {
	for _, i := range set.records {
		name, alias := target(set.typ, u.data(i)), aliasMode(set.typ, u.data(i))
		if name == nil {
			continue
		}
		if len(name) == 1 {
			if set.typ != dns.TypeSVCB && set.typ != dns.TypeHTTPS || alias {
				continue // "." says that there is no such host (RFC 2782, RFC 7505, RFC 9460 section 2.5.1)
			}
			name = owner // RFC 9460 section 2.5.2
		}
		key, ok := u.key(name)
		if !ok || strings.HasPrefix(key, "\x01*") || len(u.layout.body) > maxRRset {
			continue
		}
		n, ok := u.lookup(key)
		if !ok || u.nodes[n].flags&(nodeOccluded|nodeCut) != 0 {
			continue
		}
		if !u.addressed[key] && u.nodes[n].dynamic < 0 {
			u.addressed[key] = true
			u.records += u.addresses(name, key)
		}
		if alias && !u.followed[key] && !equalFold(u.asked, name) {
			u.followed[key] = true
			next, _ := u.find(key, set.typ)
			for _, i := range next.records {
				u.layout.record(name, next.typ, next.ttl, u.data(i))
			}
			u.records += len(next.records)
			u.write(name, next)
		}
	}
}

// aliasMode says whether the data is of a SVCB or HTTPS record in alias mode (RFC 9460 section 2.4.2).
func aliasMode(typ uint16, data []byte) bool {
	return (typ == dns.TypeSVCB || typ == dns.TypeHTTPS) && binary.BigEndian.Uint16(data) == 0
}

// referral appends the entry of a delegation: NS in the authority section, glue in the additional section.
func (c *compiler) referral(owner []byte, key string, set rrset) {
	c.layout.resetBelow(owner)
	for _, i := range set.records {
		c.layout.record(owner, dns.TypeNS, set.ttl, c.data(i))
	}
	count := counts{ns: len(set.records)}
	seen := map[string]bool{}
	glue := func(inDomain bool) (records int) {
		for _, i := range set.records {
			name := c.data(i)
			at, ok := c.key(name)
			if ok && !seen[at] && under(at, key) == inDomain && (inDomain || !c.redirected(at)) {
				seen[at] = true
				records += c.addresses(name, at)
			}
		}
		return records
	}
	count.glue = glue(true) // RFC 9471 section 2.1: all of it
	count.core = len(c.layout.body)
	if count.core > maxRRset {
		c.complain(set.records[0], false, key, "the NS records and their glue need %d octets, more than fit into one message", count.core)
		return
	}
	count.extra = count.glue + glue(false)
	if len(c.layout.body) > maxRRset {
		c.layout.cut(count.core)
		count.extra = count.glue
	}
	c.finish(dns.TypeNS, entryBelow, count)
}

// redirected says whether the key lies below a DNAME, so that what stands there is no data of that name.
func (d *draft) redirected(key string) bool {
	for key != "" {
		key = parent(key)
		if n, ok := d.lookup(key); ok && d.nodes[n].flags&nodeDNAME != 0 {
			return true
		}
	}
	return false
}

// addresses writes the address records of a name and returns how many there are.
func (c *compiler) addresses(name []byte, key string) int {
	count := 0
	for _, typ := range []uint16{dns.TypeA, dns.TypeAAAA} {
		set, _ := c.find(key, typ)
		for _, i := range set.records {
			c.layout.record(name, typ, set.ttl, c.data(i))
			count++
		}
	}
	return count
}

// counts are the numbers of records in the sections of a body, and the octets of what must be sent.
type counts struct{ an, ns, glue, extra, core int }

// finish appends the entry for the body that was laid out.
func (c *compiler) finish(typ uint16, kind entryKind, n counts) {
	e := c.append(typ, kind)
	e.put(entryAN, n.an)
	e.put(entryNS, n.ns)
	e.put(entryGlue, n.glue)
	e.put(entryExtra, n.extra)
	e.put(entryCore, n.core)
	e.put(entryFull, len(c.layout.body))
	e.put(entryRelocs, len(c.layout.relocs))
	c.octets = append(c.octets, c.layout.body...)
	for _, at := range c.layout.relocs {
		c.octets = binary.BigEndian.AppendUint16(c.octets, at)
	}
}

// cut drops what was written behind the first size octets.
func (l *layout) cut(size int) {
	l.body = l.body[:size]
	l.relocs = slices.DeleteFunc(l.relocs, func(at uint16) bool { return int(at) >= size })
}
