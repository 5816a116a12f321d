package zones

import "encoding/binary"

// entry is a compiled answer for one type at one node: a header of entryLen octets, the body
// (the records of the answer, authority and additional section, in wire format), and the offsets of the
// compression pointers in the body.
//
// The body is laid out as if the question asked for the node's own name at offset 12 and the body followed at once.
// Where that is so (most often), it is copied as it is. Where the question's name is another
// (a wildcard's child, a name below a delegation) or the body comes behind a CNAME, each pointer is moved by
// the distance; a pointer to 12 means the name that is asked for. See layout.
type entry []byte

// Offsets of the fields in an entry; numbers are big-endian.
const (
	entryType   = 0  // 2
	entryFlags  = 2  // 1
	entryAN     = 4  // 2, records in the answer section
	entryNS     = 6  // 2, in the authority section
	entryGlue   = 8  // 2, in the additional section, those that must be sent (RFC 9471)
	entryExtra  = 10 // 2, in the additional section, in all
	entryCore   = 12 // 2, octets of the body up to and with the glue
	entryFull   = 14 // 2, octets of the body
	entryRelocs = 16 // 2, number of pointers
	entryLen    = 18

	entrySlot = entryGlue // 4, index of the slot, in place of the fields there if the entry is dynamic
)

type entryKind uint8

const (
	// entryPlain marks a body whose only pointers are the owners, all to the question; they are not listed.
	entryPlain entryKind = 1 << iota
	// entryBelow marks a body that is laid out for a child "*" of the node.
	entryBelow
	// entryDynamic marks an A or AAAA RRset that stands in a slot.
	entryDynamic
)

func (e entry) u16(at int) int        { return int(binary.BigEndian.Uint16(e[at:])) }
func (e entry) u32(at int) int        { return int(binary.BigEndian.Uint32(e[at:])) }
func (e entry) typ() uint16           { return binary.BigEndian.Uint16(e[entryType:]) }
func (e entry) is(k entryKind) bool   { return entryKind(e[entryFlags])&k != 0 }
func (e entry) body(n int) []byte     { return e[entryLen : entryLen+n] }
func (e entry) size() int             { return entryLen + e.u16(entryFull) + 2*e.u16(entryRelocs) }
func (e entry) reloc(i int) int       { return e.u16(entryLen + e.u16(entryFull) + 2*i) }
func (e entry) put(at int, value int) { binary.BigEndian.PutUint16(e[at:], uint16(value)) }

// entry returns the entry for typ at node n, or nil.
func (z *Zone) entry(n node, typ uint16) entry {
	rest, count := z.entries(n)
	for ; count > 0; count-- {
		e := entry(rest)
		if e.typ() == typ {
			return e
		}
		rest = rest[e.size():]
	}
	return nil
}
