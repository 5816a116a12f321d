package zones_test

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"dnsfailover/zones"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// subnet is the data of a client's network (RFC 7871 section 6).
func subnet(p netip.Prefix) []byte {
	family := byte(1)
	if p.Addr().Is6() {
		family = 2
	}
	return append([]byte{0, family, byte(p.Bits()), 0}, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
}

// homes are networks in which the clients are that ask.
var homes = rapid.Custom(func(t *rapid.T) netip.Prefix {
	client := rapid.SampledFrom([]netip.Addr{clientA, clientB}).Draw(t, "client")
	return netip.PrefixFrom(client, client.BitLen()-rapid.IntRange(0, 24).Draw(t, "host bits")).Masked()
})

// told returns the network that q tells of its client, if it comes from who is trusted and tells one at all.
func (o *oracle) told(q *dns.Msg) netip.Prefix {
	if q.IsEdns0() == nil || o.settings.TrustECS == nil || o.client.Unmap() != clientA {
		return netip.Prefix{}
	}
	options := rawOptions(q.IsEdns0())
	i := slices.IndexFunc(options, func(option *dns.EDNS0_LOCAL) bool { return option.Code == dns.EDNS0SUBNET })
	if i < 0 || options[i].Data[2] == 0 {
		return netip.Prefix{}
	}
	data := options[i].Data
	raw := make([]byte, map[uint16]int{1: 4, 2: 16}[binary.BigEndian.Uint16(data)])
	copy(raw, data[4:])
	address, _ := netip.AddrFromSlice(raw)
	return netip.PrefixFrom(address, int(data[2]))
}

// segment returns what the client gets, and enters the scope of that.
func (o *oracle) segment(r *result, slot *zones.Slot, now int64) *zones.Segment {
	t, list := slot.Load(), o.staff[slot]
	inside := slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(o.client.Unmap()) })
	if o.network.IsValid() {
		inside, r.scope = scopeOf(list, o.network)
	}
	if inside {
		return t.Staff
	}
	return t.At(now)
}

// scoped enters scope in the client's network.
func scoped(options []dns.EDNS0, scope int) []dns.EDNS0 {
	for _, option := range options {
		if local := option.(*dns.EDNS0_LOCAL); local.Code == dns.EDNS0SUBNET {
			local.Data = slices.Clone(local.Data)
			local.Data[3] = byte(scope)
		}
	}
	return options
}
