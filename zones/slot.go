package zones

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
)

// Slot is where the decider publishes what a service answers: the atomic pointer to the
// timeline that all names of the service share. Whoever answers only reads it.
type Slot struct {
	timeline atomic.Pointer[Timeline]
	// Staff are the clients that get Timeline.Staff. It is set before the slot is used; nil: nobody.
	Staff *Networks
}

// Store publishes t; the answers change at this line. t must not be changed afterwards.
func (s *Slot) Store(t *Timeline) { s.timeline.Store(t) }

// Load returns what was stored last, or nil.
func (s *Slot) Load() *Timeline { return s.timeline.Load() }

// Timeline is what a service answers now and, as far as it is known, next: one segment
// after another, so that a late wake-up of the decider can't serve the past.
type Timeline struct {
	Segments []Segment // at least one, by ascending From
	// Staff is what the service's staff is served, whatever the time; nil if there is none. Its From and Edge are not looked at.
	Staff *Segment
}

// At returns the segment that is served at now (Unix nanoseconds).
func (t *Timeline) At(now int64) *Segment {
	i := len(t.Segments) - 1
	for i > 0 && now < t.Segments[i].From {
		i--
	}
	return &t.Segments[i]
}

// Segment is one selection and what bounds its TTL. Instants are Unix nanoseconds.
type Segment struct {
	// From is the instant from which the segment is served; that of a timeline's first segment is not looked at.
	From int64
	// Edge is the next instant at which the selection is known to change; 0 if there is none.
	Edge int64
	// Change is the earliest instant at which results that are coming in could change the selection; 0 if none do.
	Change int64
	// Min and Max bound the TTL, in seconds. Only Edge takes it below Min.
	Min, Max uint32
	// A and AAAA are the RRsets as ready records, see Records; empty: NODATA.
	A, AAAA []byte
	// Note says why this is served, in UTF-8, if it isn't what the operator likes best: an extended error tells it to
	// those who ask, if Settings.EDE is on. Empty: nothing is told.
	Note string
}

const second = 1_000_000_000

// TTL returns the TTL of the segment's answers at now, in seconds: Max, but no more than the time to
// Change, at least Min; and never so much that a cache, which may count in whole seconds, holds
// the answer at Edge.
func (s *Segment) TTL(now int64) uint32 {
	ttl := int64(s.Max)
	if s.Change != 0 {
		ttl = min(ttl, max((s.Change-now)/second, int64(s.Min)))
	}
	if s.Edge != 0 {
		ttl = max(min(ttl, (s.Edge-now)/second-1), 0)
	}
	return uint32(ttl)
}

// Lengths of one record in Segment.A and Segment.AAAA.
const (
	lenA    = 2 + 2 + 2 + 4 + 2 + 4
	lenAAAA = 2 + 2 + 2 + 4 + 2 + 16
)

// Records returns the A or the AAAA records for the addresses of that family, each with an owner
// that points to the question, class IN, and a TTL of 0 that whoever answers replaces.
func Records(addresses []netip.Addr, ipv6 bool) []byte {
	var out []byte
	for _, a := range addresses {
		if a.Is6() != ipv6 {
			continue
		}
		typ := uint16(typeA)
		if ipv6 {
			typ = typeAAAA
		}
		out = append(out, 0xC0, 12)
		out = binary.BigEndian.AppendUint16(out, typ)
		out = append(out, 0, 1, 0, 0, 0, 0)
		raw := a.AsSlice()
		out = binary.BigEndian.AppendUint16(out, uint16(len(raw)))
		out = append(out, raw...)
	}
	return out
}

const (
	typeA    = 1
	typeAAAA = 28
)
