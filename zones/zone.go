package zones

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"dnsfailover/zones/wire"
)

// Zone is one compiled zone: ready answers. It is immutable.
//
// All nodes stand in one arena without pointers, one behind the other, so that a million names give the collector nothing
// to walk and a lookup touches two cache lines. A node is
//
//	octet   length of its key
//	        key: the labels before the apex, wire format, lower case
//	octet   nodeFlags
//	2       number of entries
//	        entries, see entry.go
type Zone struct {
	name   string
	apex   []byte // wire format, lower case
	labels int    // of the apex
	serial uint32
	broken bool

	arena    []byte // memory's
	memory   *region
	table    table
	depth    int // labels of the longest key
	slots    []boundSlot
	negative negative
}

// boundSlot is a slot that a zone answers from, and the service that it belongs to.
type boundSlot struct {
	slot    *Slot
	service string
}

// negative is the SOA record of negative answers, for a name below the apex (see layout).
type negative struct {
	body   []byte
	relocs []uint16
	ttlAt  int
	ttl    uint32
}

// Name returns the apex, fully qualified, in lower case.
func (z *Zone) Name() string { return z.name }

// Serial returns the serial of the SOA record.
func (z *Zone) Serial() uint32 { return z.serial }

// Broken says whether the zone answers SERVFAIL.
func (z *Zone) Broken() bool { return z.broken }

// Same says whether z answers all that other does, and the same, services aside.
func (z *Zone) Same(other *Zone) bool { return bytes.Equal(z.arena, other.arena) }

// Rebind returns a zone with the same answers as z, but with the slots that slot returns for the names of the services: a zone
// whose file can't be used any more goes on with the slots of the configuration that was loaded. Services for which slot returns nil keep
// their slot in z; gone has their names, sorted.
func (z *Zone) Rebind(slot func(service string) *Slot) (rebound *Zone, gone []string) {
	c := *z
	rebound = &c
	rebound.slots = slices.Clone(z.slots)
	for i := range rebound.slots {
		bound := &rebound.slots[i]
		if s := slot(bound.service); s != nil {
			bound.slot = s
		} else {
			gone = append(gone, bound.service)
		}
	}
	slices.Sort(gone)
	return rebound, slices.Compact(gone)
}

type nodeFlags uint8

const (
	nodeCut      nodeFlags = 1 << iota // delegation: NS below the apex
	nodeDNAME                          // redirects what lies below
	nodeCNAME                          // alias
	nodeWild                           // has a wildcard as child
	nodeOccluded                       // below a cut or a DNAME; only in drafts
)

// Load reads the zone name from its master file (RFC 1035 section 5), validates it and compiles it
// together with the dynamic names that lie in it. The zone is nil if any problem is not a warning.
// $INCLUDE reads only below the directory of file.
func Load(name, file string, dynamics []Dynamic) (*Zone, []Problem) {
	d := newDraft(name, file)
	defer d.release()
	if problems := d.readMaster(file); problems != nil {
		return nil, atMost(inOrder(append(d.problems, problems...)))
	}
	d.validate(dynamics)
	inOrder(d.problems)
	if fatal(d.problems) {
		return nil, atMost(d.problems)
	}
	z := d.compile()
	if fatal(d.problems) { // glue that is too much is only known now
		return nil, atMost(d.problems)
	}
	return z, d.problems
}

// inOrder sorts problems by where they are, and returns them.
func inOrder(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return problems
}

// atMost returns the first maxProblems problems of a zone that is refused; if there are more, the warnings go first.
func atMost(problems []Problem) []Problem {
	if len(problems) <= maxProblems {
		return problems
	}
	problems = slices.DeleteFunc(problems, func(p Problem) bool { return p.Warning })
	return problems[:min(len(problems), maxProblems)]
}

// Broken returns a zone that answers SERVFAIL with extended error 14, Not Ready (RFC 8914 section 4.15):
// for a zone whose file can't be used and of which nothing older is there.
func Broken(name string) *Zone {
	name = dns.CanonicalName(name)
	return &Zone{name: name, apex: packName(name), labels: dns.CountLabel(name), broken: true}
}

// node is the offset of a node in its zone's arena; noNode if there is none.
type node uint32

const noNode node = 0xFFFF_FFFF

// find returns the node of the closest encloser (RFC 4592 section 3.3.1) of name, which lies in
// the zone, and how many labels of name stand before it: 0 for an exact match.
func (z *Zone) find(name *wire.Name) (node, int) {
	labels := name.Labels() - z.labels
	for skip := max(labels-z.depth, 0); ; skip++ {
		if n := z.table.find(z.arena, name.HashBetween(skip, labels), name.Between(skip, labels)); n != noNode {
			return n, skip
		}
	}
}

// wildcard returns the node of the wildcard that is a child of name without its first skip labels.
func (z *Zone) wildcard(name *wire.Name, skip int) node {
	var key [wire.MaxName]byte
	n := copy(key[:], "\x01*")
	n += copy(key[n:], name.Between(skip, name.Labels()-z.labels))
	return z.table.find(z.arena, wire.Hash(key[:n]), key[:n])
}

func (z *Zone) keyLen(n node) int      { return int(z.arena[n]) }
func (z *Zone) flags(n node) nodeFlags { return nodeFlags(z.arena[int(n)+1+z.keyLen(n)]) }

// entries returns the entries of a node one behind the other, and their number.
func (z *Zone) entries(n node) ([]byte, int) {
	at := int(n) + 1 + z.keyLen(n) + 1
	return z.arena[at+2:], int(binary.BigEndian.Uint16(z.arena[at:]))
}
