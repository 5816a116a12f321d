package server

import (
	"sync"
	"sync/atomic"

	"dnsfailover/zones"
)

// reason says why a packet got no answer.
type reason uint8

const (
	none       reason = iota
	unanswered        // nothing must be sent, says the responder: a response, or no header
	fromPort0         // an answer to port 0 goes nowhere, or to a loop
	oversize          // longer than any query that makes sense over UDP
	unreadable        // the kernel reported an error instead of a packet
	limited           // over the rate, see package limit
	panicked
	reasons
)

var reasonNames = [reasons]string{
	unanswered: "unanswered", fromPort0: "port_0", oversize: "oversize", unreadable: "receive_error",
}

// reasonOverflow is what the kernel dropped because the receive buffer was full.
const reasonOverflow = "overflow"

// The types and rcodes that are counted by name; "other" comes last. Their number bounds what a metrics store must hold.
var (
	typeNames = [...]string{
		"A", "NS", "CNAME", "SOA", "PTR", "MX", "TXT", "AAAA", "SRV", "DS", "DNSKEY", "SVCB", "HTTPS", "ANY", "CAA", "other",
	}
	typeCodes  = [...]uint16{1, 2, 5, 6, 12, 15, 16, 28, 33, 43, 48, 64, 65, 255, 257}
	rcodeNames = [...]string{
		"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "NOTAUTH", "BADVERS", "other",
	}
	rcodeCodes = [...]uint16{0, 1, 2, 3, 4, 5, 9, 16}

	typeIndex  = index(typeCodes[:])
	rcodeIndex = index(rcodeCodes[:])
)

// places maps the codes of interest to their place in a row, all others to the last.
type places [259]uint8

func index(codes []uint16) (p places) {
	for i := range p {
		p[i] = uint8(len(codes))
	}
	for i, code := range codes {
		p[code] = uint8(i)
	}
	return p
}

func (p *places) of(code uint16) uint8 { return p[min(int(code), len(p)-1)] }

// row is one zone's cells. Only the worker that owns it adds; anybody reads.
type row [len(typeNames)][len(rcodeNames)]atomic.Uint64

// tally is one worker's counters.
type tally struct {
	dropped [reasons]atomic.Uint64
	slipped atomic.Uint64 // answers over the rate that were sent truncated
	trusted atomic.Uint64 // queries with a valid server cookie
	noZone  row

	// Owned by the worker: the number of the current set, and its zones' rows as far as they were asked for.
	set  uint64
	rows []*row

	mu     sync.Mutex // held to add to byName, and by whoever sums
	byName map[string]*row
}

// follow makes zone indices mean those of a new set. Rows stay with their zone's name.
func (t *tally) follow(set *zones.Set) {
	t.set, t.rows = set.Number(), make([]*row, len(set.Zones()))
}

// count counts one answer; zone is an index in set, which is followed, -1 for none.
func (t *tally) count(set *zones.Set, zone int, qtype, rcode uint16) {
	cells := &t.noZone
	if zone >= 0 {
		if cells = t.rows[zone]; cells == nil {
			cells = t.adopt(set, zone)
		}
	}
	cells[typeIndex.of(qtype)][rcodeIndex.of(rcode)].Add(1)
}

// adopt finds or makes the row of a zone that is asked for the first time in this set.
func (t *tally) adopt(set *zones.Set, zone int) *row {
	t.mu.Lock()
	defer t.mu.Unlock()
	name := set.Zones()[zone].Name()
	cells := t.byName[name]
	if cells == nil {
		if t.byName == nil {
			t.byName = make(map[string]*row)
		}
		cells = new(row)
		t.byName[name] = cells
	}
	t.rows[zone] = cells
	return cells
}

// add adds the cells that are not zero to sums.
func (t *tally) add(sums map[QueryCount]uint64, transport string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	addRow(sums, &t.noZone, "", transport)
	for name, cells := range t.byName {
		addRow(sums, cells, name, transport)
	}
}

func addRow(sums map[QueryCount]uint64, cells *row, zone, transport string) {
	for i := range cells {
		for j := range cells[i] {
			if n := cells[i][j].Load(); n > 0 {
				sums[QueryCount{Zone: zone, Transport: transport, Type: typeNames[i], Rcode: rcodeNames[j]}] += n
			}
		}
	}
}
