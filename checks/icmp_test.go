package checks

import (
	"net/netip"
	"testing"
)

// The address of this host answers; where ICMP isn't allowed the probe says so.
func TestICMPProbe(t *testing.T) {
	for _, at := range []string{"127.0.0.1", "::1"} {
		r := run(t, &ICMPProbe{Address: netip.MustParseAddr(at)}, patience)
		if r.Inconclusive {
			t.Skipf("%s: %s", at, r.Reason)
		}
		if !r.OK || r.Reason != "echo reply" || len(r.Phases) != 2 {
			t.Errorf("%s: %+v", at, r)
		}
	}
	if got := (&ICMPProbe{Address: netip.MustParseAddr("::1")}).String(); got != "icmp echo ::1" {
		t.Error(got)
	}
}

// FuzzICMPQuote hands anything to what reads ICMP errors. (Fault 37.)
func FuzzICMPQuote(f *testing.F) {
	f.Add([]byte("\x45\x00\x00\x54\x00\x00\x40\x00\x40\x01\x00\x00\x7f\x00\x00\x01\xc0\x00\x02\x01\x08\x00\x00\x00\x12\x34\x56\x78"), true)
	f.Add(make([]byte, 60), false)
	f.Fuzz(func(t *testing.T, data []byte, four bool) {
		e := &echo{id: 0x1234, seq: 0x5678}
		to := netip.MustParseAddr("192.0.2.1")
		if !four {
			to = netip.MustParseAddr("2001:db8::1")
		}
		if e.quotedIn(data, families[four], to) && len(data) < 28 {
			t.Errorf("%x quotes a request", data)
		}
	})
}
