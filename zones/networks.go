package zones

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"
)

// Networks is a set of addresses, given as networks. It is immutable; nil is the empty set.
type Networks struct {
	v4, v6  []netip.Prefix // in order; no two overlap or make up a larger one
	longest [2]int         // of the prefixes in v4 and v6, in bits
}

// maxParts bounds how many parts of a network are looked at for its scope.
const maxParts = 64

// NewNetworks returns the set of all addresses in list.
func NewNetworks(list []netip.Prefix) *Networks {
	if len(list) == 0 {
		return nil
	}
	n := new(Networks)
	for _, p := range list {
		if p = p.Masked(); p.Addr().Is4() {
			n.v4 = append(n.v4, p)
		} else {
			n.v6 = append(n.v6, p)
		}
	}
	n.v4, n.v6 = fewest(n.v4), fewest(n.v6)
	for i, list := range [2][]netip.Prefix{n.v4, n.v6} {
		for _, p := range list {
			n.longest[i] = max(n.longest[i], p.Bits())
		}
	}
	return n
}

// fewest returns the fewest networks that have the same addresses as list, which is of one family, in order.
func fewest(list []netip.Prefix) []netip.Prefix {
	slices.SortFunc(list, netip.Prefix.Compare)
	var out []netip.Prefix
	for _, p := range list {
		if last := len(out) - 1; last >= 0 && out[last].Contains(p.Addr()) {
			continue
		}
		for last := len(out) - 1; last >= 0; last-- { // two halves are one
			whole := netip.PrefixFrom(p.Addr(), p.Bits()-1).Masked()
			if out[last].Bits() != p.Bits() || !whole.Contains(out[last].Addr()) {
				break
			}
			p, out = whole, out[:last]
		}
		out = append(out, p)
	}
	return out
}

// Contains tells whether address is in the set. An IPv4 address in IPv6 form counts as IPv4.
func (n *Networks) Contains(address netip.Addr) bool {
	if n == nil {
		return false
	}
	address = address.Unmap()
	_, before := n.search(address)
	return before.Contains(address)
}

// Cover tells whether all of network, which has no bits set behind its prefix, is in the set, and the scope of that
// (RFC 7871 section 7.2.1): the length, in bits, of the largest network around network of which the same is true as a whole. If only
// a part of network is in the set, then the scope is longer than network's prefix: so many bits tell for every part of it, and
// one less does not, unless there are very many.
func (n *Networks) Cover(network netip.Prefix) (inside bool, scope int) {
	if n == nil {
		return false, 0
	}
	after, before := n.search(network.Addr())
	if before.IsValid() && before.Bits() <= network.Bits() && before.Contains(network.Addr()) {
		return true, before.Bits()
	}
	if before.IsValid() && before.Addr() == network.Addr() {
		scope = before.Bits() // a part, at its begin
	}
	for i, part := range after {
		if !network.Contains(part.Addr()) {
			break
		}
		if i == maxParts {
			return false, n.longest[network.Addr().BitLen()/128]
		}
		scope = max(scope, part.Bits())
	}
	if scope > 0 {
		return false, scope
	}
	// None is in it, so that it differs from each, and from the nearest ones last.
	if before.IsValid() {
		scope = 1 + common(network.Addr(), before.Addr())
	}
	if len(after) > 0 {
		scope = max(scope, 1+common(network.Addr(), after[0].Addr()))
	}
	return false, scope
}

// search returns the last network that begins at address or before it, invalid if there is none, and those that begin after it.
func (n *Networks) search(address netip.Addr) (after []netip.Prefix, before netip.Prefix) {
	list := n.v6
	if address.Is4() {
		list = n.v4
	}
	i, found := slices.BinarySearchFunc(list, address, func(p netip.Prefix, a netip.Addr) int { return p.Addr().Compare(a) })
	if found {
		i++
	}
	if i > 0 {
		before = list[i-1]
	}
	return list[i:], before
}

// common returns how many bits two addresses of one family have in common at the begin.
func common(a, b netip.Addr) int {
	if a.Is4() {
		x, y := a.As4(), b.As4()
		return bits.LeadingZeros32(binary.BigEndian.Uint32(x[:]) ^ binary.BigEndian.Uint32(y[:]))
	}
	x, y := a.As16(), b.As16()
	if n := bits.LeadingZeros64(binary.BigEndian.Uint64(x[:]) ^ binary.BigEndian.Uint64(y[:])); n < 64 {
		return n
	}
	return 64 + bits.LeadingZeros64(binary.BigEndian.Uint64(x[8:])^binary.BigEndian.Uint64(y[8:]))
}
