package server

import (
	"net/netip"
	"time"

	"dnsfailover/dnsfailover/limit"
	"dnsfailover/zones"
)

// packet is one query on its way through a worker.
type packet struct {
	client netip.Addr
	query  []byte
	room   []byte // for the answer
	length int    // of the answer; 0: nothing is sent
	drop   reason // why nothing is sent; if it is set before answer, the query isn't looked at
}

// world is what queries are answered with. It is loaded once per batch.
type world struct {
	set      *zones.Set
	settings *zones.Settings
	limiter  *limit.Limiter // nil: nothing is limited
	now      int64          // in Unix nanoseconds
}

// outcome is what a query came to, as in zones.Responder.
type outcome struct {
	zone         int
	qtype, rcode uint16
	trusted      bool
	about        uint64
}

// responder answers one query at a time; zones.Responder outside of tests.
type responder interface {
	// respond returns the length of the answer that it wrote to p.room; 0: nothing must be sent.
	respond(w *world, p *packet, transport zones.Transport) (int, outcome)
	// expect says which packets come next.
	expect(w *world, packets []packet)
	// rest says that none come for now.
	rest()
}

type zonesResponder struct{ zones.Responder }

func newZonesResponder() responder { return new(zonesResponder) }

func (r *zonesResponder) respond(w *world, p *packet, transport zones.Transport) (int, outcome) {
	r.Settings, r.Client = w.settings, p.client
	n := r.Respond(w.set, p.query, p.room, transport, w.now)
	return n, outcome{r.Zone, r.Type, r.Rcode, r.Trusted, r.About}
}

func (r *zonesResponder) expect(w *world, packets []packet) {
	if len(packets) == 1 || !w.set.Big() {
		return
	}
	for i := range packets {
		r.Expect(w.set, packets[i].query)
	}
	r.Warm(w.set)
}

func (r *zonesResponder) rest() { r.Rest() }

// engine answers queries for one goroutine at a time, whatever they came over.
// Only that goroutine writes its tally.
type engine struct {
	load      func() world // but now
	transport zones.Transport
	fresh     func() responder
	panics    *panicLog

	responder responder
	tally     tally
	world     world     // of the batch
	single    [1]packet // for one
}

// one answers one query; the packet is valid until the next call.
func (e *engine) one(query []byte, client netip.Addr) *packet {
	p := &e.single[0]
	p.query, p.client, p.drop = query, client, none
	e.answer(e.single[:])
	return p
}

// answer fills in the answers to packets. It does not allocate on common queries.
func (e *engine) answer(packets []packet) {
	e.world = e.load()
	e.world.now = time.Now().UnixNano()
	if set := e.world.set; set.Number() != e.tally.set {
		e.tally.follow(set)
	}
	for next := 0; next < len(packets); {
		next = e.answerFrom(packets, next)
	}
	// Whoever has nothing to answer for a long time would keep what is replaced meanwhile.
	e.world = world{}
	e.responder.rest()
}

// answerFrom answers packets from first on and returns the index of the first that it left: there is one
// if a query made the responder panic. One recover serves the whole batch, so that it costs nothing per query.
func (e *engine) answerFrom(packets []packet, first int) (next int) {
	i := first
	defer func() {
		if value := recover(); value != nil {
			p := &packets[i]
			p.length, p.drop = 0, panicked
			e.panics.report(e.world.now, value, p.query, e.transport)
			e.responder = e.fresh() // in what state the old one is nobody knows
			next = i + 1
		}
	}()
	if first == 0 {
		e.responder.expect(&e.world, packets)
	}
	for ; i < len(packets); i++ {
		p := &packets[i]
		p.length = 0
		if p.drop == none {
			n, out := e.responder.respond(&e.world, p, e.transport)
			_ = p.room[:n] // a length that is out of bounds must panic here, not in the sender
			switch {
			case n == 0:
				p.drop = unanswered
			case out.trusted:
				e.tally.trusted.Add(1)
			case e.world.limiter != nil:
				n = e.limit(p, n, &out)
			}
			if p.length = n; n > 0 {
				e.tally.count(e.world.set, out.zone, out.qtype, out.rcode)
				continue
			}
		}
		e.tally.dropped[p.drop].Add(1)
	}
	return i
}

// limit says how much of an answer of n octets is sent.
func (e *engine) limit(p *packet, n int, out *outcome) int {
	switch e.world.limiter.Decide(p.client, out.about, e.world.now) {
	case limit.Pass:
		return n
	case limit.Slip:
		// With an error nobody would come back over TCP, so it isn't worth sending (BIND does the same).
		if out.rcode == rcodeNoError || out.rcode == rcodeNXDomain {
			e.tally.slipped.Add(1)
			return zones.Truncated(p.room[:n])
		}
	}
	p.drop = limited
	return 0
}

const (
	rcodeNoError  = 0
	rcodeNXDomain = 3
)
