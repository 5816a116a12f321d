package zones

import (
	"encoding/binary"
	"net/netip"

	"github.com/miekg/dns"
)

// maxSubnet is the length of the longest client's network.
const maxSubnet = 4 + 16

// Offsets in a client's network: its address follows.
const (
	subnetSource  = 2
	subnetScope   = 3
	subnetAddress = 4
)

// echoSubnet answers a client's network (RFC 7871): what was sent comes back with SCOPE PREFIX-LENGTH 0 (section 7.2.1), since our
// answers are the same for all clients; where they aren't, staffed enters the scope. False means that it is malformed (section 6).
func (r *Responder) echoSubnet(data []byte) bool {
	if len(data) < 4 {
		return false
	}
	most := 0
	switch binary.BigEndian.Uint16(data) {
	case 0: // nothing is told, with SOURCE PREFIX-LENGTH 0
	case 1:
		most = 32
	case 2:
		most = 128
	default:
		return false
	}
	source, scope, address := int(data[subnetSource]), data[subnetScope], data[subnetAddress:]
	if source > most || scope != 0 || len(address) != (source+7)/8 {
		return false
	}
	if beyond := source % 8; beyond != 0 && address[len(address)-1]<<beyond != 0 {
		return false
	}
	r.options.subnet = r.options.length + lenOption
	copy(r.options.put(dns.EDNS0SUBNET, len(data)), data)
	return true
}

// staffed returns what the client gets of a service with staff: whether it is one of them says its address, or the network
// that a resolver which may speak for it tells. What others tell changes nothing, so that the scope is 0 for them.
func (r *Responder) staffed(staff *Networks, t *Timeline, public *Segment) *Segment {
	if t.Staff == nil {
		return public
	}
	if network, ok := r.clientNetwork(); ok {
		var scope int
		r.Staff, scope = staff.Cover(network)
		r.options.bytes[r.options.subnet+subnetScope] = byte(scope)
	} else {
		r.Staff = staff.Contains(r.Client)
	}
	if r.Staff {
		return t.Staff
	}
	return public
}

// clientNetwork returns the network of the client if it is told by somebody who is trusted to. A prefix of 0 bits tells
// nothing (RFC 7871 section 7.1.2).
func (r *Responder) clientNetwork() (network netip.Prefix, ok bool) {
	at := r.options.subnet
	if at == 0 || !r.settings().TrustECS.Contains(r.Client) {
		return netip.Prefix{}, false
	}
	data := r.options.bytes[at:r.options.length]
	source := int(data[subnetSource])
	if source == 0 {
		return netip.Prefix{}, false
	}
	var whole [16]byte
	copy(whole[:], data[subnetAddress:][:(source+7)/8])
	address := netip.AddrFrom16(whole)
	if binary.BigEndian.Uint16(data) == 1 {
		address = netip.AddrFrom4([4]byte(whole[:]))
	}
	return netip.PrefixFrom(address, source), true
}
