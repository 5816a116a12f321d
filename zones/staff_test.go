package zones_test

import (
	"net/netip"
	"testing"

	"dnsfailover/zones"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

var staffAddress = netip.MustParseAddr("198.51.100.99")

// hire gives the services of dynamics their staff, which gets one address of its own.
func hire(dynamics []zones.Dynamic, staff []netip.Prefix) {
	for _, d := range dynamics {
		d.Slot.Staff = zones.NewNetworks(staff)
		t := *d.Slot.Load()
		t.Staff = &zones.Segment{Min: 5, Max: 40, A: zones.Records([]netip.Addr{staffAddress}, false)}
		d.Slot.Store(&t)
	}
}

// TestStaffAgreesWithOracle asks for the names of services with staff, from inside and outside, with and without a
// client's network.
func TestStaffAgreesWithOracle(t *testing.T) {
	set, dynamics := conformSet(t)
	o := oracleOf(t, dynamics)
	p := &pair{set: set, oracle: o}
	rapid.Check(t, func(rt *rapid.T) {
		list := rapid.SliceOfN(rapid.OneOf(crowded, homes), 1, 4).Draw(rt, "staff")
		hire(dynamics, list)
		o.staff = map[*zones.Slot][]netip.Prefix{}
		for _, d := range dynamics {
			o.staff[d.Slot] = list
		}
		for range 20 {
			a := weather{
				edns: true, size: 1232, class: dns.ClassINET, talkative: rapid.Bool().Draw(rt, "talkative"), client: clients.Draw(rt, "client"),
				transport: rapid.SampledFrom([]zones.Transport{zones.UDP, zones.Stream, zones.TLS}).Draw(rt, "transport"),
			}
			if rapid.Bool().Draw(rt, "with a network") {
				network := rapid.OneOf(crowded, homes).Draw(rt, "network")
				a.options = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: subnet(network)}}
			}
			question := dns.Question{
				Name:  relative(rapid.SampledFrom([]string{"dyn", "todyn", "v4only", "a.dynwild", "www", "nothing"}).Draw(rt, "name")),
				Qtype: rapid.SampledFrom([]uint16{dns.TypeA, dns.TypeAAAA, dns.TypeMX}).Draw(rt, "type"),
			}
			if err := p.ask(question, a, epoch); err != nil {
				rt.Fatalf("%v\nstaff %v", err, list)
			}
		}
	})
}

// TestStaff goes through what a resolver may and may not say of its client (RFC 7871 sections 6, 7.1.2 and 7.2.1).
func TestStaff(t *testing.T) {
	set, dynamics := conformSet(t)
	hire(dynamics, []netip.Prefix{netip.MustParsePrefix("192.0.2.128/25"), netip.MustParsePrefix("2001:db8::/32")})
	resolver, stranger := clientA, netip.MustParseAddr("203.0.113.99")
	colleague, remote := netip.MustParseAddr("192.0.2.200"), netip.MustParseAddr("2001:db8:1::1")
	for _, c := range []struct {
		says    string
		client  netip.Addr
		network string // empty: none is told
		staff   bool
		scope   byte
	}{
		{"a stranger", stranger, "", false, 0},
		{"a colleague", colleague, "", true, 0},
		{"a colleague over IPv6", remote, "", true, 0},
		{"a colleague on a socket of both families", netip.AddrFrom16(colleague.As16()), "", true, 0},
		{"a resolver of others", resolver, "", false, 0},
		{"a resolver that asks for a colleague", resolver, "192.0.2.200/32", true, 25},
		{"for a colleague's network", resolver, "192.0.2.192/26", true, 25},
		{"for all of the staff", resolver, "192.0.2.128/25", true, 25},
		{"for colleagues and others", resolver, "192.0.2.0/24", false, 25},
		{"for many others", resolver, "192.0.0.0/16", false, 25},
		{"for the neighbours", resolver, "192.0.2.0/25", false, 25},
		{"for a neighbour", resolver, "192.0.2.7/32", false, 25},
		{"for the next network", resolver, "192.0.3.0/24", false, 24},
		{"for somebody far away", resolver, "10.1.2.0/24", false, 1},
		{"for a colleague over IPv6", resolver, "2001:db8:1::/56", true, 32},
		{"for somebody over IPv6", resolver, "2001:db9::/32", false, 32},
		{"for somebody who wants to be unknown", resolver, "0.0.0.0/0", false, 0},
		{"a stranger who claims to be a colleague", stranger, "192.0.2.200/32", false, 0},
		{"a colleague who asks for a stranger", colleague, "10.1.2.0/24", true, 0},
	} {
		for _, transport := range []zones.Transport{zones.UDP, zones.Stream, zones.TLS} {
			r := &zones.Responder{Settings: &zones.Settings{TrustECS: zones.NewNetworks([]netip.Prefix{netip.PrefixFrom(resolver, 32)})}, Client: c.client}
			var options []byte
			if c.network != "" {
				data := subnet(netip.MustParsePrefix(c.network))
				options = append([]byte{0, 8, 0, byte(len(data))}, data...)
			}
			for qname, service := range map[string]bool{"dyn": true, "todyn": true, "a.dynwild": true, "www": false, "nothing": false} {
				m, _ := ask(t, r, set, qname, transport, options...)
				staff, scope := false, byte(0)
				for _, rr := range m.Answer {
					if a, ok := rr.(*dns.A); ok && a.A.String() == staffAddress.String() {
						staff = a.Hdr.Ttl == 40
					}
				}
				for _, option := range m.IsEdns0().Option {
					if s, ok := option.(*dns.EDNS0_SUBNET); ok {
						scope = s.SourceScope
					}
				}
				if want := c.staff && service; staff != want || r.Staff != want {
					t.Errorf("%s, %s over %v: answered as staff %t, want %t", c.says, qname, transport, staff, want)
				}
				if want := c.scope; service && scope != want || !service && scope != 0 {
					t.Errorf("%s, %s over %v: scope %d, want %d", c.says, qname, transport, scope, want)
				}
			}
		}
	}
}

// staffCases are what it can cost to have staff.
var staffCases = []struct {
	name   string
	client netip.Addr
	ecs    bool
}{
	{"public", clientB, false},
	{"staff", netip.MustParseAddr("10.0.1.1"), false},
	{"ecs", clientA, true},
}

// staffQuery makes a query of a case, for a service with a thousand networks of staff.
func staffQuery(t testing.TB, client netip.Addr, ecs bool) (r *zones.Responder, set *zones.Set, query []byte) {
	set, dynamics := conformSet(t)
	var list []netip.Prefix
	for i := range 1000 {
		list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 7), byte(i << 1), 0}), 24))
	}
	hire(dynamics, append(list, netip.MustParsePrefix("10.0.1.0/24")))
	opt := optRecord(0)
	if ecs {
		data := subnet(netip.MustParsePrefix("10.9.7.0/24"))
		opt = optRecord(4+len(data), append([]byte{0, 8, 0, byte(len(data))}, data...)...)
	}
	return &zones.Responder{Settings: &talkative, Client: client}, set, packet(0, oneWithOPT, question(relative("dyn")), opt)
}

func TestStaffDoesNotAllocate(t *testing.T) {
	out := make([]byte, 1232)
	for _, c := range staffCases {
		r, set, query := staffQuery(t, c.client, c.ecs)
		if n := testing.AllocsPerRun(100, func() { r.Respond(set, query, out, zones.UDP, epoch) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

// BenchmarkStaff is a service with 1,000 networks of staff; BenchmarkRespond/edns-dynamic is one with none.
func BenchmarkStaff(b *testing.B) {
	out := make([]byte, 1232)
	for _, c := range staffCases {
		b.Run(c.name, func(b *testing.B) {
			r, set, query := staffQuery(b, c.client, c.ecs)
			b.ReportAllocs()
			for b.Loop() {
				r.Respond(set, query, out, zones.UDP, epoch)
			}
		})
	}
}
