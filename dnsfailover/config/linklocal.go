package config

import "net/netip"

// metadata are addresses at which clouds hand out secrets to whoever asks, besides 169.254.169.254 and its neighbours.
var metadata = []netip.Addr{
	netip.MustParseAddr("100.100.100.200"), // Alibaba Cloud
	netip.MustParseAddr("fd00:ec2::254"),   // Amazon EC2
	netip.MustParseAddr("fd20:ce::254"),    // Google Cloud
}

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")   // RFC 6052 section 2.1
	localNAT64 = netip.MustParsePrefix("64:ff9b:1::/48") // RFC 8215
	sixToFour  = netip.MustParsePrefix("2002::/16")      // RFC 3056
	compatible = netip.MustParsePrefix("::/96")          // RFC 4291 section 2.5.5.1
)

// guarded tells whether a probe must not be pointed at addr unless somebody means it: what answers there trusts
// whoever is near. IPv4 addresses are recognised within IPv6.
func guarded(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if addr.IsLinkLocalUnicast() {
		return true
	}
	for _, m := range metadata {
		if addr == m {
			return true
		}
	}
	for _, inner := range within(addr) {
		if guarded(inner) {
			return true
		}
	}
	return false
}

// within returns the IPv4 addresses that an IPv6 address may lead to.
func within(addr netip.Addr) (list []netip.Addr) {
	if !addr.Is6() {
		return nil
	}
	b := addr.As16()
	last := netip.AddrFrom4([4]byte(b[12:]))
	switch {
	case nat64.Contains(addr), compatible.Contains(addr):
		list = append(list, last)
	case localNAT64.Contains(addr): // for prefixes of 48, 64 and 96 bits (RFC 6052 section 2.2)
		list = append(list, last, netip.AddrFrom4([4]byte{b[6], b[7], b[9], b[10]}), netip.AddrFrom4([4]byte(b[9:13])))
	case sixToFour.Contains(addr):
		list = append(list, netip.AddrFrom4([4]byte(b[2:6])))
	}
	return list
}
