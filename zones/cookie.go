package zones

import (
	"crypto/subtle"
	"encoding/binary"
	"net/netip"

	"github.com/dchest/siphash"
	"github.com/miekg/dns"
)

// Cookies makes and verifies server cookies (RFC 9018), without any memory of who asked: every server with the same
// secrets makes and accepts the same. It is immutable.
type Cookies struct{ secrets []secret }

type secret struct{ k0, k1 uint64 }

// NewCookies returns the cookies made with the first secret; those made with the others are accepted (RFC 9018 section 5). At
// least one is needed.
func NewCookies(secrets ...[16]byte) *Cookies {
	c := &Cookies{}
	for _, s := range secrets {
		c.secrets = append(c.secrets, secret{binary.LittleEndian.Uint64(s[:8]), binary.LittleEndian.Uint64(s[8:])})
	}
	return c
}

// Layout of the COOKIE option, in octets (RFC 7873 section 4, RFC 9018 section 4).
const (
	clientCookie    = 8
	cookieTime      = 12 // behind version and 3 that are reserved
	cookieHash      = 16
	lenCookie       = 24
	minServerCookie = 8
	maxServerCookie = 32

	cookieVersion = 1
)

// Ages of a server cookie, in seconds (RFC 9018 section 4.3).
const (
	oldestCookie   = 60 * 60
	renewedCookie  = 30 * 60
	youngestCookie = -5 * 60
)

type cookieState uint8

const (
	noCookie   cookieState = iota
	newCookie              // the client has none of ours
	badCookie              // it has one that we don't accept
	goodCookie             // it has one that we do
)

// answerCookie answers a COOKIE option; false means that its length is wrong (RFC 7873 section 5.2.2).
func (r *Responder) answerCookie(data []byte) bool {
	if r.settings().Cookies == nil {
		return true
	}
	server := len(data) - clientCookie
	if server != 0 && (server < minServerCookie || server > maxServerCookie) {
		return false
	}
	r.options.cookie = newCookie
	out := r.options.put(dns.EDNS0COOKIE, lenCookie)
	now := uint32(r.now / second)
	if server != 0 {
		valid, fresh := r.settings().Cookies.verify(data, r.Client, now)
		r.options.cookie = badCookie
		if valid {
			r.options.cookie = goodCookie
		}
		if fresh {
			copy(out, data)
			return true
		}
	}
	copy(out, data[:clientCookie])
	out[clientCookie] = cookieVersion
	clear(out[clientCookie+1 : cookieTime])
	binary.BigEndian.PutUint32(out[cookieTime:], now)
	r.settings().Cookies.secrets[0].sign(out, r.Client)
	return true
}

// verify says whether a client's cookie is one of ours, and whether it is still to be used: if not, the answer
// brings a new one. The clock is a serial number (RFC 1982), so that it may wrap in 2106.
func (c *Cookies) verify(data []byte, client netip.Addr, now uint32) (valid, fresh bool) {
	if len(data) != lenCookie || data[clientCookie] != cookieVersion {
		return false, false
	}
	age := int32(now - binary.BigEndian.Uint32(data[cookieTime:]))
	if age > oldestCookie || age < youngestCookie {
		return false, false
	}
	var want [lenCookie]byte
	copy(want[:cookieHash], data) // with the reserved octets as they came
	for i, s := range c.secrets {
		s.sign(want[:], client)
		if subtle.ConstantTimeCompare(want[:], data) == 1 {
			reserved := binary.BigEndian.Uint32(data[clientCookie:]) << 8
			return true, i == 0 && reserved == 0 && age <= renewedCookie
		}
	}
	return false, false
}

// sign fills in the hash of a cookie of that client (RFC 9018 section 4.4).
func (s secret) sign(cookie []byte, client netip.Addr) {
	var input [cookieHash + 16]byte
	n := copy(input[:], cookie[:cookieHash])
	if client = client.Unmap(); client.Is4() {
		address := client.As4()
		n += copy(input[n:], address[:])
	} else {
		address := client.As16()
		n += copy(input[n:], address[:])
	}
	binary.LittleEndian.PutUint64(cookie[cookieHash:], siphash.Hash(s.k0, s.k1, input[:n]))
}

// greet returns the RCODE for a query that only asks for a cookie (RFC 7873 section 5.4).
func (r *Responder) greet() uint16 {
	switch r.options.cookie {
	case newCookie, goodCookie:
		return dns.RcodeSuccess
	case badCookie:
		return dns.RcodeBadCookie
	}
	return dns.RcodeFormatError
}
