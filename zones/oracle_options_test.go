package zones_test

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"time"

	"dnsfailover/zones"

	"github.com/dchest/siphash"
	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// talkative are settings with everything on.
var (
	talkativeSecrets = [][16]byte{{0xe5, 0xe9, 0x73}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}}
	talkative        = zones.Settings{
		Identity: "ns1.test", Version: "1.0 (test)", EDE: true, Cookies: zones.NewCookies(talkativeSecrets...), Idle: 10 * time.Second,
		TrustECS: zones.NewNetworks([]netip.Prefix{netip.PrefixFrom(clientA, 32)}),
	}
	clientA = netip.MustParseAddr("203.0.113.203")
	clientB = netip.MustParseAddr("2001:db8:220:1:59de:d0f4:8769:82b8")
)

// rawOptions returns the options of an OPT record as octets.
func rawOptions(opt *dns.OPT) []*dns.EDNS0_LOCAL {
	wire := make([]byte, dns.Len(opt))
	end, err := dns.PackRR(opt, wire, 0, nil, false)
	if err != nil {
		panic(err)
	}
	list := []*dns.EDNS0_LOCAL{}
	for rest := wire[11:end]; len(rest) > 0; {
		n := 4 + int(binary.BigEndian.Uint16(rest[2:]))
		list = append(list, &dns.EDNS0_LOCAL{Code: binary.BigEndian.Uint16(rest), Data: slices.Clone(rest[4:n])})
		rest = rest[n:]
	}
	return list
}

func extended(code uint16, text string) *dns.EDNS0_EDE {
	return &dns.EDNS0_EDE{InfoCode: code, ExtraText: text}
}

// options returns the options that an answer must carry; false if one of the query's is malformed. Only the first of
// its code counts.
func (o *oracle) options(q *dns.Msg, transport zones.Transport, now int64) (list []dns.EDNS0, ok bool) {
	opt := q.IsEdns0()
	if opt == nil {
		return nil, true
	}
	seen := map[uint16]bool{}
	for _, option := range rawOptions(opt) {
		if seen[option.Code] {
			continue
		}
		seen[option.Code] = true
		var data []byte
		switch option.Code {
		case dns.EDNS0NSID:
			data = []byte(o.settings.Identity)
		case dns.EDNS0SUBNET:
			if !wellFormedSubnet(option.Data) {
				return nil, false
			}
			data = option.Data
		case dns.EDNS0COOKIE:
			if o.settings.Cookies == nil {
				continue
			}
			if n := len(option.Data); n != 8 && (n < 16 || n > 40) {
				return nil, false
			}
			if _, stays := o.knows(option.Data, now); stays {
				data = option.Data
			} else {
				data = serverCookie(o.secrets[0], option.Data[:8], 0, uint32(now/1e9), o.client)
			}
		case dns.EDNS0TCPKEEPALIVE:
			if transport != zones.UDP && o.settings.Idle != 0 {
				data = binary.BigEndian.AppendUint16(nil, uint16(o.settings.Idle.Milliseconds()/100))
			}
		}
		if len(data) > 0 {
			list = append(list, &dns.EDNS0_LOCAL{Code: option.Code, Data: data})
		}
	}
	return list, true
}

// wellFormedSubnet: RFC 7871 section 6.
func wellFormedSubnet(data []byte) bool {
	if len(data) < 4 {
		return false
	}
	family, source, scope, rest := binary.BigEndian.Uint16(data), int(data[2]), data[3], data[4:]
	var address netip.Addr
	switch family {
	case 0:
		return source == 0 && scope == 0 && len(rest) == 0
	case 1:
		whole := [4]byte{}
		copy(whole[:], rest)
		address = netip.AddrFrom4(whole)
	case 2:
		whole := [16]byte{}
		copy(whole[:], rest)
		address = netip.AddrFrom16(whole)
	default:
		return false
	}
	prefix, err := address.Prefix(source)
	return err == nil && prefix.Addr() == address && scope == 0 && len(rest) == (source+7)/8
}

// serverCookie: RFC 9018 section 4, with the client cookie in front.
func serverCookie(secret [16]byte, client []byte, reserved, at uint32, address netip.Addr) []byte {
	out := slices.Clone(client)
	out = binary.BigEndian.AppendUint32(out, 1<<24|reserved)
	out = binary.BigEndian.AppendUint32(out, at)
	h := siphash.New(secret[:])
	h.Write(append(slices.Clone(out), address.Unmap().AsSlice()...))
	return h.Sum(out)
}

// knows says whether a cookie is accepted, and whether the client may go on with it.
func (o *oracle) knows(cookie []byte, now int64) (accepted, stays bool) {
	if len(cookie) != 24 || cookie[8] != 1 {
		return false, false
	}
	reserved, at := binary.BigEndian.Uint32(cookie[8:])&0xFFFFFF, binary.BigEndian.Uint32(cookie[12:])
	for age := int64(-300); age <= 3600; age++ {
		if uint32(now/1e9-age) != at {
			continue
		}
		for i, secret := range o.secrets {
			if slices.Equal(cookie, serverCookie(secret, cookie[:8], reserved, at, o.client)) {
				return true, i == 0 && reserved == 0 && age <= 1800
			}
		}
	}
	return false, false
}

// trusts says whether the query proves that it comes from where it says.
func (o *oracle) trusts(q *dns.Msg, now int64) bool {
	if q.IsEdns0() == nil || o.settings.Cookies == nil {
		return false
	}
	for _, option := range rawOptions(q.IsEdns0()) {
		if option.Code == dns.EDNS0COOKIE {
			accepted, _ := o.knows(option.Data, now)
			return accepted
		}
	}
	return false
}

// chaos answers for class CH.
func (o *oracle) chaos(question dns.Question) result {
	text := map[string]string{
		"version.bind.": o.settings.Version, "version.server.": o.settings.Version,
		"id.server.": o.settings.Identity, "hostname.bind.": o.settings.Identity,
	}[strings.ToLower(question.Name)]
	if text == "" || question.Qtype != dns.TypeTXT && question.Qtype != dns.TypeANY {
		return result{rcode: dns.RcodeRefused, ede: extended(dns.ExtendedErrorCodeNotSupported, "")}
	}
	hdr := dns.RR_Header{Name: question.Name, Rrtype: dns.TypeTXT, Class: dns.ClassCHAOS}
	return result{aa: true, answer: []dns.RR{&dns.TXT{Hdr: hdr, Txt: []string{text}}}}
}

var clients = rapid.SampledFrom([]netip.Addr{clientA, clientB, netip.AddrFrom16(clientA.As16())})

// options draws some, good ones and bad ones.
var options = rapid.Custom(func(t *rapid.T) []dns.EDNS0 {
	var list []dns.EDNS0
	for range rapid.SampledFrom([]int{0, 0, 1, 2, 5}).Draw(t, "options") {
		local := &dns.EDNS0_LOCAL{Code: rapid.SampledFrom([]uint16{3, 8, 10, 11, 12, 100, 65001}).Draw(t, "code")}
		switch local.Code {
		case dns.EDNS0SUBNET:
			if rapid.Bool().Draw(t, "sound") {
				local.Data = subnet(crowded.Draw(t, "network"))
				break
			}
			n := rapid.SampledFrom([]byte{0, 1, 24, 31, 32, 33, 56, 128, 129}).Draw(t, "source")
			family := rapid.SampledFrom([]byte{0, 1, 1, 2, 2, 3}).Draw(t, "family")
			local.Data = append([]byte{0, family, n, 0}, make([]byte, (int(n)+7)/8)...)
			if len(local.Data) > 4 {
				local.Data[len(local.Data)-1] = rapid.SampledFrom([]byte{0, 0, 1, 0x80}).Draw(t, "last")
			}
			local.Data = local.Data[:len(local.Data)-rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "missing")]
		case dns.EDNS0COOKIE:
			local.Data = cookies.Draw(t, "cookie")
		default:
			local.Data = rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "data")
		}
		list = append(list, local)
	}
	return list
})

var cookies = rapid.Custom(func(t *rapid.T) []byte {
	if n := rapid.SampledFrom([]int{24, 24, 24, 0, 7, 8, 9, 15, 16, 23, 25, 40, 41}).Draw(t, "length"); n != 24 {
		return make([]byte, n)
	}
	age := rapid.SampledFrom([]int64{-302, -300, -1, 0, 1, 1000, 1800, 1802, 3000, 3590, 3700, 1 << 31}).Draw(t, "age")
	secret := rapid.SampledFrom(append(slices.Clone(talkativeSecrets), [16]byte{9})).Draw(t, "secret")
	reserved := rapid.SampledFrom([]uint32{0, 0, 0, 0xabcdef}).Draw(t, "reserved")
	return serverCookie(secret, make([]byte, 8), reserved, uint32(epoch/1e9-age), clients.Draw(t, "client"))
})
