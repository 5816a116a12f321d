package zones

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"unsafe"

	"github.com/miekg/dns"

	"dnsfailover/zones/wire"
)

// Dynamic is a name whose A and AAAA belong to a service.
type Dynamic struct {
	Name    string // fully qualified, may be a wildcard
	Service string // for problems and Zone.Rebind
	Where   string // file:line:column of the name in the configuration, for problems
	Slot    *Slot
	// Repeats are the addresses that the zone file may repeat at Name: the first target's.
	Repeats []netip.Addr
}

// draft is a zone on its way from master file to compiled answers: its names with their records, in
// flat slices, since there may be millions.
type draft struct {
	name     string // apex, presentation format
	apex     []byte // apex, wire format, lower case
	labels   int    // of the apex
	file     string
	names    names // index of nodes
	nodes    []draftNode
	records  []draftRecord
	rdata    []byte
	paths    []string // master file and its includes
	dynamics []Dynamic
	problems []Problem
	packed   [1 << 17]byte // one record while it is added
	read     wire.Name     // its owner
	crowds   map[int32]*crowd
	scratch  []*region // what is given back when the draft is released
}

// draftNode is a name. It holds no pointers, see roomFor.
type draftNode struct {
	hash        uint64 // of its key, see keyOf
	key         keyAt
	first, last int32 // chain of records, -1 for none
	dynamic     int32 // index in dynamics, -1 for none
	keyLen      uint8
	flags       nodeFlags
	crowded     bool // it has an entry in crowds
}

// draftRecord is a record. It holds no pointers, see roomFor.
type draftRecord struct {
	next  int32
	rdata uint32 // offset
	ttl   uint32
	line  int32
	size  uint16
	typ   uint16
	path  uint16
}

// rrset is the records of one type at one name.
type rrset struct {
	typ     uint16
	ttl     uint32
	records []int32
}

func newDraft(name, file string) *draft {
	d := &draft{name: dns.CanonicalName(name), file: file}
	d.apex, d.labels = packName(d.name), dns.CountLabel(d.name)
	d.node("")
	return d
}

// roomFor returns what is in list with room for n more values, which must hold no pointers. If that is much, it lies outside of the
// heap until the draft is released: a zone of a million names then doesn't have the collector run again and again while others
// wait for their answers.
func roomFor[T any](d *draft, list []T, n int) []T {
	var value T
	size := (len(list) + n) * int(unsafe.Sizeof(value))
	if size < bigRegion {
		return slices.Grow(list, n)
	}
	memory := newRegion(size, size)
	d.scratch = append(d.scratch, memory)
	return append(unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(memory.octets))), len(list)+n)[:0], list...)
}

// reserve prepares for n records, most with a name of their own, in so many octets of text.
func (d *draft) reserve(n, octets int) {
	d.records, d.nodes = roomFor(d, d.records, n), roomFor(d, d.nodes, n)
	d.rdata = roomFor(d, d.rdata, octets/4)
	if 2*n > len(d.names.slots) {
		d.names.grow(2*n, d.nodes)
	}
}

// release gives back what the draft holds outside of the heap. The draft can't be used any more.
func (d *draft) release() {
	for _, memory := range d.scratch {
		memory.unmap()
	}
	d.names.release()
	d.records, d.nodes, d.rdata, d.scratch = nil, nil, nil, nil
}

// packName returns a valid name in wire format.
func packName(name string) []byte {
	buffer := make([]byte, wire.MaxName+1)
	n, err := dns.PackDomainName(name, buffer, 0, nil, false)
	if err != nil {
		return nil
	}
	return buffer[:n]
}

// unpackName returns a name in presentation format.
func unpackName(name []byte) string {
	s, _, err := dns.UnpackDomainName(name, 0)
	if err != nil {
		return "?"
	}
	return s
}

// key returns name, in wire format, relative to the apex; false if it lies outside the zone.
func (d *draft) key(name []byte) (string, bool) {
	low := wire.Lower(name)
	at := 0
	for at < len(low) && len(low)-at > len(d.apex) {
		at += 1 + int(low[at])
	}
	if string(low[at:]) != string(d.apex) {
		return "", false
	}
	return string(low[:at]), true
}

// owner returns a key's name in presentation format.
func (d *draft) owner(key string) string {
	return unpackName(d.wireOwner(key))
}

// node returns the index of the node with that key, which is made if it isn't there.
func (d *draft) node(key string) int32 {
	return d.nodeAt(wire.Hash([]byte(key)), []byte(key))
}

func (d *draft) nodeAt(hash uint64, key []byte) int32 {
	if i := d.names.find(d.nodes, hash, key); i >= 0 {
		return i
	}
	d.nodes = append(d.nodes, draftNode{hash: hash, key: d.names.keep(key), keyLen: uint8(len(key)), first: -1, last: -1, dynamic: -1})
	d.names.insert(d.nodes)
	return int32(len(d.nodes) - 1)
}

// keyOf returns the key of a node: the labels before the apex, in wire format and lower case.
func (d *draft) keyOf(n draftNode) string { return d.names.key(&n) }

// lookup returns the index of the node with that key; false if there is none.
func (d *draft) lookup(key string) (int32, bool) {
	i := d.names.find(d.nodes, wire.Hash([]byte(key)), []byte(key))
	return i, i >= 0
}

// add takes one record from the master file.
func (d *draft) add(rr dns.RR, path string, line int) {
	header := rr.Header()
	complain := func(format string, a ...any) {
		d.problems = append(d.problems, Problem{File: path, Line: line, Owner: header.Name, Text: fmt.Sprintf(format, a...)})
	}
	if header.Class != dns.ClassINET {
		complain("class %s in a zone of class IN: only IN is served", dns.Class(header.Class))
		return
	}
	if notData(header.Rrtype) {
		complain("%s is not a type that a zone can hold", dns.Type(header.Rrtype))
		return
	}
	if nameless(reflect.ValueOf(rr).Elem()) {
		complain("the %s record is incomplete: a name is missing in it", dns.Type(header.Rrtype))
		return
	}
	if gateway := gatewayType(rr); gateway > 3 {
		complain("gateway type %d in the %s record: there are 0 for none, 1 for an IPv4 address, 2 for an IPv6 address and 3 for a name (RFC 4025 section 2.3)",
			gateway, dns.Type(header.Rrtype))
		return
	}
	end, err := dns.PackRR(rr, d.packed[:], 0, nil, false)
	if err != nil {
		complain("the %s record can't be sent: %v", dns.Type(header.Rrtype), err)
		return
	}
	nameEnd := 0
	for d.packed[nameEnd] != 0 {
		nameEnd += 1 + int(d.packed[nameEnd])
	}
	nameEnd++
	if header.Rrtype != dns.TypeA && header.Rrtype != dns.TypeAAAA || nameEnd > wire.MaxName {
		// The parser lets names pass that are two octets too long (RFC 1035 section 2.3.4).
		if _, _, err := dns.UnpackRR(d.packed[:end], 0); err != nil {
			complain("the %s record can't be sent: %v", dns.Type(header.Rrtype), err)
			return
		}
	}
	data := d.packed[nameEnd+10 : end]
	_, opaque := rr.(*dns.RFC3597) // may be empty (RFC 3597 section 5)
	if len(data) == 0 && !opaque && header.Rrtype != dns.TypeNULL && header.Rrtype != dns.TypeAPL {
		complain("the %s record has no data", dns.Type(header.Rrtype))
		return
	}
	ttl := header.Ttl
	if ttl > 1<<31-1 {
		ttl = 0 // RFC 2181 section 8
	}
	d.addSimple(record{owner: d.packed[:nameEnd], typ: header.Rrtype, ttl: ttl, data: data}, path, line)
}

// gatewayType returns that of a record with a gateway, else 0. The parser takes any.
func gatewayType(rr dns.RR) uint8 {
	switch rr := rr.(type) {
	case *dns.IPSECKEY:
		return rr.GatewayType
	case *dns.AMTRELAY:
		return rr.GatewayType & 0x7F
	}
	return 0
}

// addSimple takes a valid record.
func (d *draft) addSimple(r record, path string, line int) {
	d.read.Read(r.owner)
	labels := d.read.Labels() - d.labels
	if labels < 0 || string(d.read.From(labels)) != string(d.apex) {
		d.problems = append(d.problems, Problem{
			File: path, Line: line, Owner: unpackName(r.owner),
			Text: fmt.Sprintf("out of the zone %s: a final dot may be missing or too many", d.name),
		})
		return
	}
	if len(d.paths) == 0 || d.paths[len(d.paths)-1] != path {
		d.paths = append(d.paths, path)
	}
	n := d.nodeAt(d.read.HashBetween(0, labels), d.read.Between(0, labels))
	if !d.wanted(n, r) {
		return
	}
	i := int32(len(d.records))
	d.records = append(d.records, draftRecord{
		next: -1, rdata: uint32(len(d.rdata)), size: uint16(len(r.data)), typ: r.typ,
		ttl: r.ttl, line: int32(line), path: uint16(len(d.paths) - 1),
	})
	d.rdata = append(d.rdata, r.data...)
	if last := d.nodes[n].last; last >= 0 {
		d.records[last].next = i
	} else {
		d.nodes[n].first = i
	}
	d.nodes[n].last = i
}

// nameless says whether a name is missing in a record, which the parser lets pass at the end of a file and in the
// generic syntax of RFC 3597.
func nameless(record reflect.Value) bool {
	for i := range record.NumField() {
		field := record.Field(i)
		switch field.Kind() {
		case reflect.Struct: // the SVCB in an HTTPS
			if nameless(field) {
				return true
			}
		case reflect.String:
			if strings.HasSuffix(record.Type().Field(i).Tag.Get("dns"), "domain-name") && field.String() == "" {
				return true
			}
		}
	}
	return false
}

// notData says whether typ is one of the types that only messages carry (RFC 6895 section 3.1).
func notData(typ uint16) bool {
	return typ == 0 || typ == dns.TypeOPT || typ >= 128 && typ <= 255
}

// data returns the RDATA of record i, uncompressed.
func (d *draft) data(i int32) []byte {
	r := &d.records[i]
	return d.rdata[r.rdata : r.rdata+uint32(r.size)]
}

// complain notes a problem at record i.
func (d *draft) complain(i int32, warning bool, key, format string, a ...any) {
	r := d.records[i]
	d.problems = append(d.problems, Problem{
		File: d.paths[r.path], Line: int(r.line), Owner: d.owner(key), Text: fmt.Sprintf(format, a...), Warning: warning,
	})
}

// sets returns the RRsets of a node, A and AAAA first, in into, which is overwritten.
func (d *draft) sets(n int32, into []rrset) []rrset {
	into = into[:0]
	for i := d.nodes[n].first; i >= 0; i = d.records[i].next {
		r := &d.records[i]
		at := slices.IndexFunc(into, func(s rrset) bool { return s.typ == r.typ })
		if at < 0 {
			if cap(into) > len(into) {
				into = into[:len(into)+1]
			} else {
				into = append(into, rrset{})
			}
			at = len(into) - 1
			into[at] = rrset{typ: r.typ, ttl: r.ttl, records: into[at].records[:0]}
		}
		into[at].ttl = min(into[at].ttl, r.ttl)
		into[at].records = append(into[at].records, i)
	}
	slices.SortFunc(into, func(a, b rrset) int { return rank(a.typ) - rank(b.typ) })
	return into
}

// rank orders types by how often they are asked for.
func rank(typ uint16) int {
	switch typ {
	case dns.TypeCNAME:
		return 0
	case dns.TypeA:
		return 1
	case dns.TypeAAAA:
		return 2
	}
	return 2 + int(typ)
}

// find returns the RRset of typ at a key, if both are there.
func (d *draft) find(key string, typ uint16) (rrset, bool) {
	n, ok := d.lookup(key)
	if !ok {
		return rrset{}, false
	}
	set := rrset{typ: typ}
	for i := d.nodes[n].first; i >= 0; i = d.records[i].next {
		if r := &d.records[i]; r.typ == typ {
			if len(set.records) == 0 {
				set.ttl = r.ttl
			}
			set.ttl = min(set.ttl, r.ttl)
			set.records = append(set.records, i)
		}
	}
	return set, len(set.records) > 0
}

// parent returns the key one label shorter.
func parent(key string) string { return key[1+int(key[0]):] }

// serial returns the serial of the SOA record's RDATA.
func serial(soa []byte) uint32 { return binary.BigEndian.Uint32(soa[len(soa)-20:]) }
