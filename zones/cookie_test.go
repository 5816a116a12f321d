package zones_test

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"testing"

	"dnsfailover/zones"

	"github.com/miekg/dns"
)

func secretOf(s string) [16]byte { return [16]byte(unhex(s)) }

// cookieOf asks with a cookie and returns the one in the answer.
func cookieOf(t *testing.T, r *zones.Responder, set *zones.Set, cookie []byte, now int64) []byte {
	t.Helper()
	option := append([]byte{0, 10, 0, byte(len(cookie))}, cookie...)
	out := make([]byte, 1232)
	got := out[:r.Respond(set, packet(0, oneWithOPT, conform, optRecord(len(option), option...)), out, zones.UDP, now*1e9)]
	m := new(dns.Msg)
	if err := unpack(m, got); err != nil {
		t.Fatal(err)
	}
	for _, option := range m.IsEdns0().Option {
		if c, ok := option.(*dns.EDNS0_COOKIE); ok {
			return unhex(c.Cookie)
		}
	}
	t.Fatalf("no cookie in\n%v", m)
	return nil
}

// TestCookieVectors holds the examples of RFC 9018 appendix A.
func TestCookieVectors(t *testing.T) { // 235, 236
	const (
		first = "e5e973e5a6b2a43f48e7dc849e37bfcf"
		old   = "dd3bdf9344b678b185a6f5cb60fca715"
		next  = "445536bcd2513298075a5d379663c962"
	)
	set, _ := conformSet(t)
	for _, c := range []struct {
		says    string
		secrets []string
		client  string
		now     int64
		asked   string
		trusted bool
		want    string
	}{
		{"A.1", []string{first}, "198.51.100.100", 1559731985, "2464c4abcf10c957", false, "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
		{"A.2", []string{first}, "198.51.100.100", 1559734385, "2464c4abcf10c957010000005cf79f111f8130c3eee29480", true, "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
		{"A.3, by our clock too old to be trusted", []string{first}, "203.0.113.203", 1559734700, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", false, "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"},
		{"A.3, sooner", []string{first}, "203.0.113.203", 1559727985, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", true, ""},
		{"A.4", []string{next, old}, "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961, "22681ab97d52c298010000005cf7c57926556bd0934c72f8", true, "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
		{"A.4, from another address", []string{next, old}, "2001:db8:220:1:59de:d0f4:8769:82b9", 1559741961, "22681ab97d52c298010000005cf7c57926556bd0934c72f8", false, ""},
		{"A.4, when the old secret is gone", []string{next}, "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961, "22681ab97d52c298010000005cf7c57926556bd0934c72f8", false, "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
		{"A.1, over a socket for both families", []string{first}, "::ffff:198.51.100.100", 1559731985, "2464c4abcf10c957", false, "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
	} {
		var secrets [][16]byte
		for _, s := range c.secrets {
			secrets = append(secrets, secretOf(s))
		}
		r := &zones.Responder{Settings: &zones.Settings{Cookies: zones.NewCookies(secrets...)}, Client: netip.MustParseAddr(c.client)}
		got := cookieOf(t, r, set, unhex(c.asked), c.now)
		if r.Trusted != c.trusted || c.want != "" && hex.EncodeToString(got) != c.want || c.want == "" && hex.EncodeToString(got) == c.asked {
			t.Errorf("%s: trusted %t, cookie %x, want %s", c.says, r.Trusted, got, c.want)
		}
	}
}

// TestCookieAges also when the clock doesn't fit in 31 and 32 bits any more.
func TestCookieAges(t *testing.T) { // 155, 235, 237
	set, _ := conformSet(t)
	r := &zones.Responder{Settings: &talkative, Client: clientA}
	for _, now := range []int64{epoch / 1e9, 1<<31 - 1, 1 << 31, 1<<31 + 1000, 1<<32 - 1, 1 << 32, 1<<32 + 100, 1<<32 + 3000} {
		for _, c := range []struct {
			age           int64
			trusted, kept bool
		}{
			{-301, false, false},
			{-300, true, true},
			{0, true, true},
			{1800, true, true},
			{1801, true, false},
			{3600, true, false},
			{3601, false, false},
			{1 << 31, false, false},
		} {
			old := cookieOf(t, r, set, unhex("0102030405060708"), now-c.age)
			if r.Trusted {
				t.Error("a new client is trusted")
			}
			got := cookieOf(t, r, set, old, now)
			if r.Trusted != c.trusted || bytes.Equal(got, old) != c.kept {
				t.Errorf("at %d, age %d: trusted %t, kept %t", now, c.age, r.Trusted, bytes.Equal(got, old))
			}
			if again := cookieOf(t, r, set, got, now); !bytes.Equal(again, got) || !r.Trusted {
				t.Errorf("at %d: the new cookie is not accepted", now)
			}
		}
	}
}

// TestBogusCookies: no octet of a cookie can be changed.
func TestBogusCookies(t *testing.T) { // 153
	set, _ := conformSet(t)
	r := &zones.Responder{Settings: &talkative, Client: clientA}
	now := epoch / 1e9
	good := cookieOf(t, r, set, unhex("0102030405060708"), now)
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if got := cookieOf(t, r, set, bad, now); r.Trusted || bytes.Equal(got, bad) || !bytes.Equal(got[:8], bad[:8]) {
			t.Errorf("octet %d was changed: trusted %t, cookie %x", i, r.Trusted, got)
		}
	}
}

// TestMalformedQueriesAreNotTrusted though they carry a good cookie.
func TestMalformedQueriesAreNotTrusted(t *testing.T) { // 146, 152
	set, _ := conformSet(t)
	r := &zones.Responder{Settings: &talkative, Client: clientA}
	m, _ := ask(t, r, set, "www", zones.UDP, freshCookie()...)
	if !r.Trusted || m.Rcode != dns.RcodeSuccess {
		t.Fatalf("a good cookie: trusted %t\n%v", r.Trusted, m)
	}
	m, _ = ask(t, r, set, "www", zones.UDP, append(freshCookie(), 0, 8, 0, 0)...)
	if r.Trusted || m.Rcode != dns.RcodeFormatError {
		t.Errorf("a good cookie before a malformed option: trusted %t\n%v", r.Trusted, m)
	}
}

func TestOnlyACookie(t *testing.T) { // 154
	set, _ := conformSet(t)
	now := epoch / 1e9
	r := &zones.Responder{Settings: &talkative, Client: clientA}
	good := cookieOf(t, r, set, unhex("0102030405060708"), now)
	out := make([]byte, 1232)
	for says, c := range map[string]struct {
		cookie []byte
		rcode  int
	}{
		"new":       {good[:8], dns.RcodeSuccess},
		"good":      {good, dns.RcodeSuccess},
		"bogus":     {append(bytes.Clone(good[:23]), good[23]^1), dns.RcodeBadCookie},
		"malformed": {good[:9], dns.RcodeFormatError},
	} {
		option := append([]byte{0, 10, 0, byte(len(c.cookie))}, c.cookie...)
		query := packet(flagRD, [4]uint16{0, 0, 0, 1}, optRecord(len(option), option...))
		got := out[:r.Respond(set, query, out, zones.UDP, epoch)]
		want := packet(flagQR|flagRD|uint16(c.rcode&0xF), [4]uint16{0, 0, 0, 1}, optRecord(28, append([]byte{0, 10, 0, 24}, good...)...))
		if c.rcode == dns.RcodeFormatError {
			want = packet(flagQR|flagRD|uint16(c.rcode), [4]uint16{0, 0, 0, 1}, goodOPT)
		}
		want[12+5] = byte(c.rcode >> 4)
		if !bytes.Equal(got, want) || int(r.Rcode) != c.rcode || r.Trusted != (says == "good") {
			t.Errorf("%s: rcode %d, trusted %t,\n%x, want\n%x", says, r.Rcode, r.Trusted, got, want)
		}
	}
}
