package policy

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestStaffGetsTheFirstTargetWhateverIsServed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		if rapid.Bool().Draw(t, "windows") {
			in = drawWindows(t)
		}
		if Look(in).Timeline.Staff != nil {
			t.Fatal("there is no staff, and it is served")
		}
		in.Service.Staff = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
		s := Look(in).Timeline.Staff
		in.Override = &Override{Target: 0}
		want := *Look(in).Timeline.At(in.Now.UnixNano())
		want.From, want.Edge, want.Note = 0, 0, "" // windows come and go, but not for them
		if diff := cmp.Diff(want, *s); diff != "" {
			t.Fatalf("(-under an override to the first +staff):\n%s", diff)
		}
	})
}

func TestStaffFollowsTheAddressesOfTheFirstTarget(t *testing.T) {
	in := Input{Service: service(2, 1), Facts: [][]Fact{{down(), changing(up(), 4*time.Second)}, {up()}}, Now: epoch}
	in.Service.Staff = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	in.Override = &Override{Target: 1, Until: epoch.Add(30 * time.Second)}
	s := Look(in).Timeline.Staff
	if len(s.A) != 0 || len(s.AAAA) == 0 {
		t.Errorf("%d octets of A, %d of AAAA", len(s.A), len(s.AAAA))
	}
	// When the last address goes down both are served again; the override's end is no edge for the staff.
	if ttl := s.TTL(epoch.UnixNano()); ttl != 5 || s.Edge != 0 || s.Change != epoch.Add(4*time.Second).UnixNano() {
		t.Errorf("TTL %d of %+v", ttl, s)
	}
}
