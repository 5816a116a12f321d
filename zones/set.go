package zones

import (
	"slices"
	"sync/atomic"

	"github.com/miekg/dns"

	"dnsfailover/zones/wire"
)

// Set is all the zones that are served. It is immutable.
type Set struct {
	number  uint64
	zones   []*Zone
	parents []int   // by zone: index of the nearest zone above it, -1 for none
	counts  []int   // label counts of the apexes, the most labels first
	table   []int32 // by hash of the apex: index of a zone plus one; at most half full
	big     bool    // one of the zones is
}

// sets counts the sets that were made.
var sets atomic.Uint64

// NewSet returns the set of zones, whose names differ.
func NewSet(list []*Zone) *Set {
	s := &Set{number: sets.Add(1), zones: list, parents: make([]int, len(list))}
	size := 8
	for size < 2*len(list) {
		size *= 2
	}
	s.table = make([]int32, size)
	for i, z := range list {
		at := int(wire.Hash(z.apex)) & (size - 1)
		for s.table[at] != 0 {
			at = (at + 1) & (size - 1)
		}
		s.table[at] = int32(i + 1)
		s.counts = append(s.counts, z.labels)
		s.big = s.big || z.big()
	}
	slices.Sort(s.counts)
	s.counts = slices.Compact(s.counts)
	slices.Reverse(s.counts)
	for i, z := range list {
		s.parents[i] = s.above(z)
	}
	return s
}

// Number tells the set from all others without a reference to it. That of no set is 0.
func (s *Set) Number() uint64 {
	if s == nil {
		return 0
	}
	return s.number
}

// Zones returns the zones in the order given.
func (s *Set) Zones() []*Zone { return s.zones }

// Undelegated returns the zones that the nearest zone above does not delegate, though it is in the set too, each with that one.
func (s *Set) Undelegated() (list [][2]*Zone) {
	for i, z := range s.zones {
		if s.parents[i] < 0 || s.zones[s.parents[i]].broken {
			continue
		}
		above := s.zones[s.parents[i]]
		var apex wire.Name
		apex.Read(z.apex)
		if n, _ := above.find(&apex); above.flags(n)&nodeCut == 0 {
			list = append(list, [2]*Zone{z, above})
		}
	}
	return list
}

// above returns the index of the nearest zone above z.
func (s *Set) above(z *Zone) int {
	if z.labels == 0 {
		return -1
	}
	var name wire.Name
	name.Read(z.apex[1+int(z.apex[0]):])
	return s.nearest(&name)
}

// find returns the index of the zone that answers for name: the nearest one (RFC 1034 section 4.3.2 step 2), except that the
// DS of an apex is the parent's (RFC 4035 section 3.1.4.1).
func (s *Set) find(name *wire.Name, qtype uint16) int {
	i := s.nearest(name)
	if qtype == dns.TypeDS && i >= 0 && name.Labels() == s.zones[i].labels && s.parents[i] >= 0 {
		return s.parents[i]
	}
	return i
}

func (s *Set) nearest(name *wire.Name) int {
	for _, labels := range s.counts {
		skip := name.Labels() - labels
		if skip < 0 {
			continue
		}
		apex := name.From(skip)
		for at := int(name.HashFrom(skip)) & (len(s.table) - 1); s.table[at] != 0; at = (at + 1) & (len(s.table) - 1) {
			if i := int(s.table[at] - 1); string(s.zones[i].apex) == string(apex) {
				return i
			}
		}
	}
	return -1
}
