package zones

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

// maxSubnet is the length of the longest client's network.
const maxSubnet = 4 + 16

// echoSubnet answers a client's network (RFC 7871): our answers are the same for all clients, so what was sent comes back with
// SCOPE PREFIX-LENGTH 0 (section 7.2.1). False means that it is malformed (section 6).
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
	source, scope, address := int(data[2]), data[3], data[4:]
	if source > most || scope != 0 || len(address) != (source+7)/8 {
		return false
	}
	if beyond := source % 8; beyond != 0 && address[len(address)-1]<<beyond != 0 {
		return false
	}
	copy(r.options.put(dns.EDNS0SUBNET, len(data)), data)
	return true
}
