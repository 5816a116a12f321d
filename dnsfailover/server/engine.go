package server

import (
	"time"

	"dnsfailover/zones"
)

// packet is one query on its way through a worker.
type packet struct {
	query  []byte
	room   []byte // for the answer
	length int    // of the answer; 0: nothing is sent
	drop   reason // why nothing is sent; if it is set before answer, the query isn't looked at
}

// responder answers one query at a time; zones.Responder outside of tests.
type responder interface {
	Respond(set *zones.Set, query, out []byte, transport zones.Transport, now int64) int
	// outcome is what the last call to Respond answered, as in zones.Responder.
	outcome() (zone int, qtype, rcode uint16)
}

type zonesResponder struct{ zones.Responder }

func newZonesResponder() responder {
	return &zonesResponder{zones.Responder{MaxUDP: maxAnswer}}
}

func (r *zonesResponder) outcome() (zone int, qtype, rcode uint16) {
	return r.Zone, r.Type, r.Rcode
}

// engine answers queries for one goroutine at a time, whatever they came over.
// Only that goroutine writes its tally.
type engine struct {
	set       func() *zones.Set
	transport zones.Transport
	fresh     func() responder
	panics    *panicLog

	responder responder
	tally     tally
	current   *zones.Set
	single    [1]packet // for one
}

// one answers one query; the packet is valid until the next call.
func (e *engine) one(query []byte) *packet {
	e.single[0].query, e.single[0].drop = query, none
	e.answer(e.single[:])
	return &e.single[0]
}

// answer fills in the answers to packets. It does not allocate on common queries.
func (e *engine) answer(packets []packet) {
	set, now := e.set(), time.Now().UnixNano()
	if set != e.current {
		e.current = set
		e.tally.follow(set.Zones())
	}
	for next := 0; next < len(packets); {
		next = e.answerFrom(packets, next, set, now)
	}
}

// answerFrom answers packets from first on and returns the index of the first that it left: there is one
// if a query made the responder panic. One recover serves the whole batch, so that it costs nothing per query.
func (e *engine) answerFrom(packets []packet, first int, set *zones.Set, now int64) (next int) {
	i := first
	defer func() {
		if value := recover(); value != nil {
			p := &packets[i]
			p.length, p.drop = 0, panicked
			e.panics.report(now, value, p.query, e.transport)
			e.responder = e.fresh() // in what state the old one is nobody knows
			next = i + 1
		}
	}()
	for ; i < len(packets); i++ {
		p := &packets[i]
		p.length = 0
		if p.drop == none {
			n := e.responder.Respond(set, p.query, p.room, e.transport, now)
			_ = p.room[:n] // a length that is out of bounds must panic here, not in the sender
			if p.length = n; n > 0 {
				e.tally.count(e.responder.outcome())
				continue
			}
			p.drop = unanswered
		}
		e.tally.dropped[p.drop].Add(1)
	}
	return i
}
