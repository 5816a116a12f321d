package server

import (
	"net/netip"
	"runtime"
	"testing"
	"weak"

	"github.com/miekg/dns"

	"dnsfailover/zones"
)

// TestRestingEngineKeepsNoSet: a worker that nobody asks any more must not hold the memory of zones that were replaced.
func TestRestingEngineKeepsNoSet(t *testing.T) {
	set := zones.NewSet([]*zones.Zone{zones.Broken("example.test.")})
	number, kept := set.Number(), weak.Make(set)
	e := &engine{load: func() world { return world{set: set} }, responder: newZonesResponder()}
	e.single[0].room = make([]byte, 512)
	query, err := new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	if p := e.one(query, netip.MustParseAddr("192.0.2.1")); p.length == 0 || e.tally.set != number {
		t.Fatalf("%d octets answered from set %d, want some from %d", p.length, e.tally.set, number)
	}
	set = nil
	if runtime.GC(); kept.Value() != nil {
		t.Error("the engine has answered and still refers to the set")
	}
	runtime.KeepAlive(e)
}
