package zones_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnsfailover/zones"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// slotWith returns a slot that holds one address.
func slotWith(address string) *zones.Slot {
	s := new(zones.Slot)
	s.Store(&zones.Timeline{Segments: []zones.Segment{{Max: 60, A: zones.Records([]netip.Addr{netip.MustParseAddr(address)}, false)}}})
	return s
}

// loadText loads zone.test. from text behind an SOA record and two NS records.
func loadText(t *testing.T, text string, dynamics []zones.Dynamic) *zones.Zone {
	t.Helper()
	const head = "$TTL 300\n@ SOA ns1 host 1 7200 900 1209600 60\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.53\nns2 A 192.0.2.54\n"
	file := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(file, []byte(head+text), 0o600); err != nil {
		t.Fatal(err)
	}
	z, problems := zones.Load("zone.test.", file, dynamics)
	if z == nil {
		t.Fatal(problems)
	}
	return z
}

// addressOf asks z for the A record of a name of zone.test.; empty if there is none.
func addressOf(t *testing.T, r *zones.Responder, z *zones.Zone, name string) string {
	t.Helper()
	query, err := new(dns.Msg).SetQuestion(name+".zone.test.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	var out [1232]byte
	m := new(dns.Msg)
	if err := m.Unpack(out[:r.Respond(zones.NewSet([]*zones.Zone{z}), query, out[:], zones.UDP, epoch)]); err != nil {
		t.Fatal(err)
	}
	for _, rr := range m.Answer {
		if a, ok := rr.(*dns.A); ok {
			return a.A.String()
		}
	}
	return ""
}

// TestManyServices: each of more services than 16 bits count answers with its own address.
func TestManyServices(t *testing.T) {
	const services = 1<<16 + 2
	dynamics := make([]zones.Dynamic, services)
	address := func(i int) string { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String() }
	for i := range dynamics {
		dynamics[i] = zones.Dynamic{Name: fmt.Sprintf("h%d.zone.test.", i), Service: fmt.Sprint("service", i), Slot: slotWith(address(i))}
	}
	z := loadText(t, "", dynamics)
	var r zones.Responder
	for _, i := range []int{0, 1, 1<<16 - 1, 1 << 16, services - 1} {
		if got := addressOf(t, &r, z, fmt.Sprint("h", i)); got != address(i) {
			t.Errorf("h%d: got %s, want %s", i, got, address(i))
		}
	}
}

// TestRebind: a zone that is kept over a reload answers from the slots of the new configuration.
func TestRebind(t *testing.T) {
	web, old := slotWith("192.0.2.1"), slotWith("192.0.2.2")
	z := loadText(t, "static A 192.0.2.9\n", []zones.Dynamic{
		{Name: "www.zone.test.", Service: "web", Slot: web},
		{Name: "old.zone.test.", Service: "old", Slot: old},
		{Name: "*.web.zone.test.", Service: "web", Slot: web},
		{Name: "older.zone.test.", Service: "old", Slot: old},
	})
	rebound, gone := z.Rebind(func(service string) *zones.Slot {
		if service == "web" {
			return slotWith("198.51.100.1")
		}
		return nil
	})
	if diff := cmp.Diff([]string{"old"}, gone); diff != "" {
		t.Errorf("gone (-want +got):\n%s", diff)
	}
	var r zones.Responder
	for name, want := range map[string][2]string{ // before, after
		"www": {"192.0.2.1", "198.51.100.1"}, "a.web": {"192.0.2.1", "198.51.100.1"},
		"old": {"192.0.2.2", "192.0.2.2"}, "older": {"192.0.2.2", "192.0.2.2"},
		"static": {"192.0.2.9", "192.0.2.9"},
	} {
		if got := [2]string{addressOf(t, &r, z, name), addressOf(t, &r, rebound, name)}; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if rebound.Name() != z.Name() || rebound.Serial() != z.Serial() {
		t.Error("another zone")
	}
	if _, gone := zones.Broken("broken.test.").Rebind(func(string) *zones.Slot { return nil }); gone != nil {
		t.Errorf("a zone without services misses %s", gone)
	}
}

// TestServiceOfAnAnswer: the responder says which service an answer came from, be it an address or none.
func TestServiceOfAnAnswer(t *testing.T) {
	set, _ := conformSet(t)
	var r zones.Responder
	var out [1232]byte
	for _, c := range []struct {
		qname string
		qtype uint16
		want  string
	}{
		{"dyn", dns.TypeA, "web"},
		{"www", dns.TypeA, ""},
		{"v4only", dns.TypeAAAA, "old"}, // NODATA
		{"nothing", dns.TypeA, ""},
		{"a.dynwild", dns.TypeAAAA, "web"},
		{"dyn", dns.TypeTXT, ""},
		{"todyn", dns.TypeA, "web"}, // behind an alias
		{"out.of.zone.", dns.TypeA, ""},
	} {
		query, err := new(dns.Msg).SetQuestion(relative(c.qname), c.qtype).Pack()
		if err != nil {
			t.Fatal(err)
		}
		if r.Respond(set, query, out[:], zones.UDP, epoch); r.Service != c.want {
			t.Errorf("%s %s: got %q, want %q", c.qname, dns.Type(c.qtype), r.Service, c.want)
		}
	}
	short := strings.Repeat("\x00", 3)
	if r.Respond(set, commonQuery(t, "dyn", dns.TypeA, false), out[:], zones.UDP, epoch); r.Service == "" {
		t.Error("no service")
	}
	if r.Respond(set, []byte(short), out[:], zones.UDP, epoch); r.Service != "" {
		t.Error("the service of the query before")
	}
}
