package peers

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// secret makes cookies; it is that of RFC 9018 appendix A.
const secret = "e5e973e5a6b2a43f48e7dc849e37bfcf"

// startTold runs dnsfailover with all options that tell something.
func startTold(t *testing.T) *server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cookies.txt")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return startOurs(t, conformWorld(t), fmt.Sprintf("dns: {identity: ns1, version: \"1.0\", cookies: {secrets: %q}}\n", file))
}

// TestSizes asks for what is too big: nothing without EDNS is over 512 octets, nothing over UDP over 1232, and what does not fit
// is cut with TC and never in part (120 to 128, 187).
func TestSizes(t *testing.T) {
	s := startOurs(t, conformWorld(t), "")
	for _, test := range []struct {
		number, name string
		qtype        uint16
		size         uint16 // of the payload; 0: no EDNS
		most         int    // octets of the answer
		tc           bool
	}{
		{"120", "big", dns.TypeTXT, 0, 512, true},
		{"121", "huge", dns.TypeTXT, 0, 512, true},
		{"122", "huge", dns.TypeTXT, 4096, 1232, true},
		{"123", "huge", dns.TypeTXT, 65535, 1232, true},
		{"124", "big", dns.TypeTXT, 0xFFFF & 1, 512, true},
		{"124", "big", dns.TypeTXT, 511, 512, true},
		{"125", "big", dns.TypeTXT, 1232, 1232, false},
		{"128", "many", dns.TypeNS, 512, 512, true},
		{"128", "many", dns.TypeNS, 1232, 1232, false},
		{"187", "x" + longest[1:], dns.TypeA, 0, 512, false},
		{"187", longest, dns.TypeA, 0, 512, false},
		{"189", "nothing", dns.TypeA, 0, 130, false},
		{"109", "www", dns.TypeANY, 0, 512, false},
	} {
		packet := query(0, test.name, test.qtype)
		if test.size > 0 {
			packet = edns(optRecord(test.size, 0), test.name, test.qtype)
		}
		got := exchangeUDP(t, s.address, packet)
		m := parsed(got)
		if len(got) > test.most || m.Truncated != test.tc || test.tc && len(m.Answer) > 0 || (m.IsEdns0() != nil) != (test.size > 0) {
			t.Errorf("%s: %s with payload %d: %d octets\n%v", test.number, test.name, test.size, len(got), m)
		}
		if over := parsed(exchangeTCP(t, s.address, packet)); over.Truncated || len(over.Answer)+len(over.Ns) == 0 {
			t.Errorf("126 127: %s over TCP:\n%v", test.name, over)
		}
	}
}

var longest = strings.Join([]string{strings.Repeat("a", 63), strings.Repeat("b", 63), strings.Repeat("c", 63), strings.Repeat("d", 48)}, ".")

// TestEDNS looks for the OPT record on all kinds of answers (130 to 132), and for the options that are asked for.
func TestEDNS(t *testing.T) {
	s := startTold(t)
	for _, w := range wires {
		for _, name := range []string{"www", "nothing", "example.", "www.sub", "huge"} {
			for _, do := range []uint32{0, 1 << 15} {
				m := parsed(w.exchange(t, s.address, edns(optRecord(1232, do), name, dns.TypeTXT)))
				opt := m.IsEdns0()
				if opt == nil || opt.Do() != (do > 0) || opt.UDPSize() != 1232 || len(opt.Option) > 0 {
					t.Errorf("130 131 132: %s over %s with DO %d:\n%v", name, w.name, do, m)
				}
			}
		}
		has := func(number string, code uint16, sent []byte, want func(data []byte) bool) {
			t.Helper()
			m := parsed(w.exchange(t, s.address, edns(optRecord(1232, 0, sent), "www")))
			if data, ok := optionOf(m, code); m.Rcode != dns.RcodeSuccess || ok != (want != nil) || ok && !want(data) {
				t.Errorf("%s: option %d over %s: %x\n%v", number, code, w.name, data, m)
			}
		}
		has("144", dns.EDNS0NSID, option(dns.EDNS0NSID), func(data []byte) bool { return string(data) == "ns1" })
		has("145 239", dns.EDNS0SUBNET, option(dns.EDNS0SUBNET, 0, 1, 24, 0, 192, 0, 2), func(data []byte) bool {
			return bytes.Equal(data, []byte{0, 1, 24, 0, 192, 0, 2})
		})
		has("149", dns.EDNS0PADDING, option(dns.EDNS0PADDING, 0, 0), nil)
		if w.name == "UDP" {
			has("147", dns.EDNS0TCPKEEPALIVE, option(dns.EDNS0TCPKEEPALIVE), nil)
		} else {
			has("148", dns.EDNS0TCPKEEPALIVE, option(dns.EDNS0TCPKEEPALIVE), func(data []byte) bool { return len(data) == 2 })
		}
		for _, bad := range [][]byte{{0, 1, 33, 0, 1, 2, 3, 4, 5}, {0, 1, 24, 0, 1}, {0, 1, 24, 0, 1, 2, 3, 4}, {0, 1, 20, 0, 1, 2, 255}, {0}} { // 146
			m := parsed(w.exchange(t, s.address, edns(optRecord(1232, 0, option(dns.EDNS0SUBNET, bad...)), "www")))
			if m.Rcode != dns.RcodeFormatError {
				t.Errorf("146: a client's network of %x over %s:\n%v", bad, w.name, m)
			}
		}
		for name, want := range map[string]string{"version.bind.": "1.0", "id.server.": "ns1", "hostname.bind.": "ns1"} { // 111, 112
			m := parsed(w.exchange(t, s.address, query(0, name, dns.TypeTXT, dns.ClassCHAOS)))
			if len(m.Answer) != 1 || m.Answer[0].(*dns.TXT).Txt[0] != want {
				t.Errorf("111 112: %s over %s:\n%v", name, w.name, m)
			}
		}
	}
}

// optionOf returns the data of an option of an answer.
func optionOf(m *dns.Msg, code uint16) ([]byte, bool) {
	opt := m.IsEdns0()
	if opt == nil {
		return nil, false
	}
	for _, o := range opt.Option {
		if o.Option() != code {
			continue
		}
		one := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}, Option: []dns.EDNS0{o}}
		b := make([]byte, 512)
		n, err := dns.PackRR(one, b, 0, nil, false)
		if err != nil {
			return nil, false
		}
		return b[15:n], true
	}
	return nil, false
}

// withCookie asks for www with a cookie and returns the whole answer and its cookie.
func withCookie(t *testing.T, w wire, s *server, cookie []byte) (*dns.Msg, []byte) {
	t.Helper()
	m := parsed(w.exchange(t, s.address, edns(optRecord(1232, 0, option(dns.EDNS0COOKIE, cookie...)), "www")))
	got, _ := optionOf(m, dns.EDNS0COOKIE)
	return m, got
}

var clientCookie = []byte{0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57}

// TestCookies holds RFC 7873 and RFC 9018 (151 to 155, 238).
func TestCookies(t *testing.T) {
	s := startTold(t)
	for _, w := range wires {
		m, first := withCookie(t, w, s, clientCookie)
		if m.Rcode != dns.RcodeSuccess || len(first) != 24 || !bytes.Equal(first[:8], clientCookie) || len(m.Answer) != 2 {
			t.Fatalf("151 238: over %s: cookie %x\n%v", w.name, first, m)
		}
		if m, again := withCookie(t, w, s, first); m.Rcode != dns.RcodeSuccess || len(again) != 24 || len(m.Answer) != 2 {
			t.Errorf("155: over %s: cookie %x\n%v", w.name, again, m)
		}
		bogus := slices.Clone(first)
		bogus[20] ^= 1
		if m, fresh := withCookie(t, w, s, bogus); m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeBadCookie || len(fresh) != 24 || bytes.Equal(fresh, bogus) {
			t.Errorf("153: over %s: cookie %x\n%v", w.name, fresh, m)
		}
		for n := range 42 { // 152
			m, _ := withCookie(t, w, s, make([]byte, n))
			if want := n != 8 && (n < 16 || n > 40); (m.Rcode == dns.RcodeFormatError) != want {
				t.Errorf("152: a cookie of %d octets over %s:\n%v", n, w.name, m)
			}
		}
		got := w.exchange(t, s.address, packet(0, [4]uint16{0, 0, 0, 1}, optRecord(1232, 0, option(dns.EDNS0COOKIE, clientCookie...)))) // 154
		if cookie, ok := optionOf(parsed(got), dns.EDNS0COOKIE); !ok || len(cookie) != 24 || parsed(got).Rcode != dns.RcodeSuccess {
			t.Errorf("154: a cookie without a question over %s: %x\n%v", w.name, cookie, parsed(got))
		}
	}
}

// TestCookiesOfOthers has BIND and Knot with the same secret: they make the same cookies, and take ours for their own.
func TestCookiesOfOthers(t *testing.T) {
	ours := startTold(t)
	for name, start := range map[string]func(*testing.T) *server{
		"BIND": func(t *testing.T) *server {
			return startBINDWith(t, conformWorld(t), fmt.Sprintf("cookie-algorithm siphash24;\n\tcookie-secret %q;\n\trequire-server-cookie yes;", secret))
		},
		"Knot": func(t *testing.T) *server {
			return startKnotWith(t, conformWorld(t), "    global-module: mod-cookies/c\n", "mod-cookies:\n  - id: c\n    secret: 0x"+secret+"\n    badcookie-slip: 1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			theirs := start(t)
			var a, b []byte
			for range 5 { // in the same second
				_, a = withCookie(t, wires[0], ours, clientCookie)
				_, b = withCookie(t, wires[0], theirs, clientCookie)
				if len(a) == 24 && len(b) == 24 && bytes.Equal(a[12:16], b[12:16]) {
					break
				}
			}
			if !bytes.Equal(a, b) {
				t.Errorf("our cookie is %s, theirs %s", hex.EncodeToString(a), hex.EncodeToString(b))
			}
			if m, _ := withCookie(t, wires[0], theirs, clientCookie); m.Rcode != dns.RcodeBadCookie {
				t.Fatalf("without a server cookie they say %s: the test can't see anything", dns.RcodeToString[m.Rcode])
			}
			if m, _ := withCookie(t, wires[0], theirs, a); m.Rcode != dns.RcodeSuccess || len(m.Answer) != 2 {
				t.Errorf("our cookie is answered with\n%v", m)
			}
		})
	}
}
