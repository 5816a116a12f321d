package zones

import (
	"encoding/binary"

	"github.com/miekg/dns"

	"dnsfailover/zones/wire"
)

// fewRecords is how many records of a name are compared one by one.
const fewRecords = 32

// crowd is what is known of a name with many records, so that adding one more doesn't take longer than the one before.
type crowd struct {
	known  map[string]struct{} // type and RDATA of each record
	octets map[uint16]int      // of each RRset, as it is sent
}

// add notes a record and says whether it is new and its RRset was not too big already.
func (c *crowd) add(typ uint16, data []byte) bool {
	if c.octets[typ] > maxRRset {
		return false
	}
	known := len(c.known)
	c.known[string(canonical(typ, data))] = struct{}{}
	if len(c.known) == known {
		return false
	}
	c.octets[typ] += 12 + len(data)
	return true
}

// wanted says whether r is to be added to node n: duplicates are one (RFC 2181 section 5), and of an RRset that is too big
// already, for which the zone is refused, no more is kept.
func (d *draft) wanted(n int32, r record) bool {
	if d.nodes[n].crowded {
		return d.crowds[n].add(r.typ, r.data)
	}
	records := 0
	for i := d.nodes[n].first; i >= 0; i = d.records[i].next {
		if d.records[i].typ == r.typ && sameData(r.typ, d.data(i), r.data) {
			return false
		}
		records++
	}
	if records < fewRecords {
		return true
	}
	c := &crowd{known: map[string]struct{}{}, octets: map[uint16]int{}}
	for i := d.nodes[n].first; i >= 0; i = d.records[i].next {
		c.add(d.records[i].typ, d.data(i))
	}
	if d.crowds == nil {
		d.crowds = map[int32]*crowd{}
	}
	d.crowds[n], d.nodes[n].crowded = c, true
	return c.add(r.typ, r.data)
}

// nameFrom returns where in RDATA of typ a name begins that has no case (RFC 4343 section 3) and ends the RDATA; -1 for none.
func nameFrom(typ uint16) int {
	switch typ {
	case dns.TypeNS, dns.TypeCNAME, dns.TypeDNAME, dns.TypePTR:
		return 0
	case dns.TypeMX:
		return 2
	case dns.TypeSRV:
		return 6
	}
	return -1
}

// sameData says whether two RDATA of typ are equal.
func sameData(typ uint16, a, b []byte) bool {
	from := nameFrom(typ)
	if from < 0 {
		return string(a) == string(b)
	}
	return len(a) == len(b) && string(a[:from]) == string(b[:from]) && string(wire.Lower(a[from:])) == string(wire.Lower(b[from:]))
}

// canonical returns typ and RDATA so that they are the same octets for the same data.
func canonical(typ uint16, data []byte) []byte {
	out := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(data)), typ)
	from := nameFrom(typ)
	if from < 0 {
		return append(out, data...)
	}
	return append(append(out, data[:from]...), wire.Lower(data[from:])...)
}
