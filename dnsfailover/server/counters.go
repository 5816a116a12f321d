package server

import (
	"cmp"
	"slices"
	"time"

	"dnsfailover/zones"
)

// Counters count since the start.
type Counters struct {
	// Queries are the answers given, ordered by zone, transport, type and rcode.
	Queries []QueryCount
	// Dropped counts packets that got no answer, by reason; Panics those that a worker lost to a panic.
	Dropped map[string]uint64
	Panics  uint64
	// Limited counts the answers over the rate limit that were not sent, Slipped those that were sent truncated.
	Limited, Slipped uint64
	// Trusted counts queries with a valid server cookie.
	Trusted uint64
	// SendErrors counts answers that the socket refused.
	SendErrors uint64
	// TCP connections, those with TLS included: open now, accepted, closed or turned away because of the cap.
	Open, Accepted, Refused uint64
	Cut                     map[string]uint64 // TCP connections ended from here though their clients would have gone on, by reason
	TLS                     *TLSCounters      // nil if it is off
}

// TLSCounters are what concerns TLS alone.
type TLSCounters struct {
	// Open are the connections open now whose handshake is done, Accepted all there were; Failed counts the handshakes that
	// came to nothing, Refused those that were not begun because their client began too many.
	Open, Accepted, Failed, Refused uint64
	Expires                         time.Time // the certificate
}

// QueryCount is one cell of the query counters.
type QueryCount struct {
	Zone      string // "" for none of ours
	Transport string // "udp", "tcp", "tls"
	Type      string // "A"; types that nobody asks for are "other"
	Rcode     string // "NOERROR"; those that nobody gets are "other"
	Count     uint64
}

var transportNames = [...]string{zones.UDP: "udp", zones.Stream: "tcp", zones.TLS: "tls"}

// Counters returns the sums of all workers' counters.
func (s *Server) Counters() Counters {
	sums := make(map[QueryCount]uint64)
	out := Counters{
		Dropped: make(map[string]uint64),
		Panics:  s.panics.count.Load(),
	}
	for _, e := range s.engines {
		e.tally.add(sums, transportNames[e.transport])
		for r := unanswered; r < reasons; r++ {
			if r != panicked && r != limited {
				out.Dropped[reasonNames[r]] += e.tally.dropped[r].Load()
			}
		}
		out.Limited += e.tally.dropped[limited].Load()
		out.Slipped += e.tally.slipped.Load()
		out.Trusted += e.tally.trusted.Load()
	}
	for cell, n := range sums {
		cell.Count = n
		out.Queries = append(out.Queries, cell)
	}
	slices.SortFunc(out.Queries, func(a, b QueryCount) int {
		return cmp.Or(cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Transport, b.Transport),
			cmp.Compare(a.Type, b.Type), cmp.Compare(a.Rcode, b.Rcode))
	})
	for _, w := range s.workers {
		out.SendErrors += w.refused.Load()
	}
	for _, b := range s.bindings {
		out.Dropped[reasonOverflow] += b.overflow()
	}
	if s.certificate != nil {
		out.TLS = new(TLSCounters)
	}
	s.streams.count(&out)
	if out.TLS != nil {
		out.TLS.Expires = s.certificate.Leaf().NotAfter
	}
	return out
}
