package zones_test

import (
	"net/netip"
	"slices"
	"testing"

	"dnsfailover/zones"

	"pgregory.net/rapid"
)

// halves returns the two networks that p is made of.
func halves(p netip.Prefix) [2]netip.Prefix {
	low := netip.PrefixFrom(p.Addr(), p.Bits()+1)
	raw := p.Addr().AsSlice()
	raw[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	high, _ := netip.AddrFromSlice(raw)
	return [2]netip.Prefix{low, netip.PrefixFrom(high, p.Bits()+1)}
}

// alike tells by halving whether all addresses of p are in list, or none, and after how many bits it is the same for every part.
func alike(list []netip.Prefix, p netip.Prefix) (uniform, inside bool, depth int) {
	covered := slices.ContainsFunc(list, func(q netip.Prefix) bool { return q.Bits() <= p.Bits() && q.Contains(p.Addr()) })
	if covered || !slices.ContainsFunc(list, p.Overlaps) {
		return true, covered, p.Bits()
	}
	var uniforms, insides [2]bool
	for i, half := range halves(p) {
		var d int
		uniforms[i], insides[i], d = alike(list, half)
		depth = max(depth, d)
	}
	if uniforms[0] && uniforms[1] && insides[0] == insides[1] {
		return true, insides[0], p.Bits()
	}
	return false, false, depth
}

// scopeOf is Networks.Cover by the letter of what it says.
func scopeOf(list []netip.Prefix, p netip.Prefix) (inside bool, scope int) {
	uniform, inside, depth := alike(list, p)
	if !uniform {
		return false, depth
	}
	for bits := 0; ; bits++ {
		around := netip.PrefixFrom(p.Addr(), bits).Masked()
		if uniform, _, _ := alike(list, around); uniform {
			return inside, bits
		}
	}
}

// crowded draws networks that often lie beside, in and around each other.
var crowded = rapid.Custom(func(t *rapid.T) netip.Prefix {
	if rapid.Bool().Draw(t, "IPv6") {
		raw := netip.MustParseAddr("2001:db8::").As16()
		at := rapid.SampledFrom([]int{6, 7, 8, 15}).Draw(t, "octet")
		raw[at] = rapid.Byte().Draw(t, "value")
		return netip.PrefixFrom(netip.AddrFrom16(raw), rapid.IntRange(max(8*at-3, 1), 8*at+8).Draw(t, "bits")).Masked()
	}
	raw := [4]byte{192, 0, rapid.SampledFrom([]byte{2, 3, 0xFF}).Draw(t, "third"), rapid.Byte().Draw(t, "fourth")}
	return netip.PrefixFrom(netip.AddrFrom4(raw), rapid.SampledFrom([]int{1, 8, 15, 16, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32}).Draw(t, "bits")).Masked()
})

func TestNetworksAreWhatTheirListSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(crowded, 0, 8).Draw(t, "list")
		set := zones.NewNetworks(list)
		for range 20 {
			p := crowded.Draw(t, "network")
			inside, scope := set.Cover(p)
			if wantInside, wantScope := scopeOf(list, p); inside != wantInside || scope != wantScope {
				t.Fatalf("%v: inside %t, scope %d, want %t, %d; of %v", p, inside, scope, wantInside, wantScope, list)
			}
			in := slices.ContainsFunc(list, func(q netip.Prefix) bool { return q.Contains(p.Addr()) })
			if set.Contains(p.Addr()) != in || p.Addr().Is4() && set.Contains(netip.AddrFrom16(p.Addr().As16())) != in {
				t.Fatalf("%v: want inside %t; of %v", p.Addr(), in, list)
			}
		}
	})
}

func TestNoNetworks(t *testing.T) {
	set := zones.NewNetworks(nil)
	if inside, scope := set.Cover(netip.MustParsePrefix("192.0.2.0/24")); set != nil || inside || scope != 0 || set.Contains(clientA) {
		t.Error("nobody is in it")
	}
}

func TestVeryManyPartsAreToldByTheLongest(t *testing.T) {
	for _, first := range []string{"10.0.0.0", "2001:db8::"} {
		a := netip.MustParseAddr(first)
		list := []netip.Prefix{}
		for range 200 {
			list = append(list, netip.PrefixFrom(a, a.BitLen()))
			a = a.Next().Next()
		}
		inside, scope := zones.NewNetworks(list).Cover(netip.PrefixFrom(list[0].Addr(), 8))
		if inside || scope != a.BitLen() {
			t.Errorf("%s: inside %t, scope %d", first, inside, scope)
		}
	}
}
