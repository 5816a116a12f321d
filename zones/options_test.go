package zones_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dnsfailover/zones"

	"github.com/miekg/dns"
)

// optionCases are EDNS options in a query and what comes back with settings that have everything on, for a client at clientA.
var optionCases = []struct {
	number, says string
	transport    zones.Transport
	asked        []byte // options
	rcode        int
	want         []byte // options
}{
	{"134", "an unknown option", zones.UDP, []byte{0, 100, 0, 2, 1, 2}, 0, nil},
	{"134", "an option with the highest code", zones.UDP, []byte{0xFF, 0xFF, 0, 0}, 0, nil},
	{"144", "NSID", zones.UDP, []byte{0, 3, 0, 0}, 0, []byte("\x00\x03\x00\x08ns1.test")},
	{"144", "NSID with data, which is ignored", zones.Stream, []byte{0, 3, 0, 1, 7}, 0, []byte("\x00\x03\x00\x08ns1.test")},
	{"144", "NSID twice", zones.UDP, []byte{0, 3, 0, 0, 0, 3, 0, 0}, 0, []byte("\x00\x03\x00\x08ns1.test")},
	{"145 239", "a client's network", zones.UDP, []byte{0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2}, 0, []byte{0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2}},
	{"145 239", "a client's network of IPv6", zones.UDP, []byte{0, 8, 0, 6, 0, 2, 15, 0, 32, 2}, 0, []byte{0, 8, 0, 6, 0, 2, 15, 0, 32, 2}},
	{"239", "a client's whole address", zones.UDP, append([]byte{0, 8, 0, 20, 0, 2, 128, 0}, clientB.AsSlice()...), 0, append([]byte{0, 8, 0, 20, 0, 2, 128, 0}, clientB.AsSlice()...)},
	{"239", "a client that wants to be unknown", zones.UDP, []byte{0, 8, 0, 4, 0, 1, 0, 0}, 0, []byte{0, 8, 0, 4, 0, 1, 0, 0}},
	{"239", "a client without a family", zones.UDP, []byte{0, 8, 0, 4, 0, 0, 0, 0}, 0, []byte{0, 8, 0, 4, 0, 0, 0, 0}},
	{"239", "bits beyond the network", zones.UDP, []byte{0, 8, 0, 7, 0, 1, 23, 0, 192, 0, 3}, dns.RcodeFormatError, nil},
	{"146", "a network of 33 bits", zones.UDP, []byte{0, 8, 0, 9, 0, 1, 33, 0, 192, 0, 2, 1, 0}, dns.RcodeFormatError, nil},
	{"146", "a network of 129 bits", zones.UDP, append([]byte{0, 8, 0, 21, 0, 2, 129, 0}, make([]byte, 17)...), dns.RcodeFormatError, nil},
	{"146", "an address that is too short", zones.UDP, []byte{0, 8, 0, 6, 0, 1, 24, 0, 192, 0}, dns.RcodeFormatError, nil},
	{"146", "an address that is too long", zones.UDP, []byte{0, 8, 0, 8, 0, 1, 24, 0, 192, 0, 2, 0}, dns.RcodeFormatError, nil},
	{"146", "a scope in a query", zones.UDP, []byte{0, 8, 0, 7, 0, 1, 24, 24, 192, 0, 2}, dns.RcodeFormatError, nil},
	{"146", "an unknown family", zones.UDP, []byte{0, 8, 0, 5, 0, 3, 8, 0, 1}, dns.RcodeFormatError, nil},
	{"146", "an address without a family", zones.UDP, []byte{0, 8, 0, 5, 0, 0, 0, 0, 1}, dns.RcodeFormatError, nil},
	{"146", "no network at all", zones.UDP, []byte{0, 8, 0, 0}, dns.RcodeFormatError, nil},
	{"147", "keepalive over UDP", zones.UDP, []byte{0, 11, 0, 0}, 0, nil},
	{"148", "keepalive", zones.Stream, []byte{0, 11, 0, 0}, 0, []byte{0, 11, 0, 2, 0, 100}},
	{"148", "keepalive with a timeout, which is ignored", zones.Stream, []byte{0, 11, 0, 2, 0, 1}, 0, []byte{0, 11, 0, 2, 0, 100}},
	{"149", "padding over UDP", zones.UDP, []byte{0, 12, 0, 4, 0, 0, 0, 0}, 0, nil},
	{"149", "padding over TCP", zones.Stream, []byte{0, 12, 0, 4, 0, 0, 0, 0}, 0, nil},
	{"151", "a client's cookie", zones.UDP, unhex("000a0008" + "0102030405060708"), 0, freshCookie()},
	{"238", "a client's cookie over TCP", zones.Stream, unhex("000a0008" + "0102030405060708"), 0, freshCookie()},
	{"153", "a server cookie of 8 octets", zones.UDP, unhex("000a0010" + "0102030405060708" + "0000000000000000"), 0, freshCookie()},
	{"153", "a server cookie of 16 octets", zones.UDP, unhex("000a0018" + "0102030405060708" + "01000000695a8f000000000000000000"), 0, freshCookie()},
	{"153", "a server cookie of 32 octets", zones.UDP, unhex("000a0028" + "0102030405060708" + strings.Repeat("01", 32)), 0, freshCookie()},
	{"151", "two cookies, of which the first counts", zones.UDP, unhex("000a0008" + "0102030405060708" + "000a0003" + "010203"), 0, freshCookie()},
	{"152", "no cookie in it", zones.UDP, unhex("000a0000"), dns.RcodeFormatError, nil},
	{"152", "a cookie of 7 octets", zones.UDP, unhex("000a0007" + "01020304050607"), dns.RcodeFormatError, nil},
	{"152", "a cookie of 9 octets", zones.UDP, unhex("000a0009" + "010203040506070809"), dns.RcodeFormatError, nil},
	{"152", "a cookie of 15 octets", zones.UDP, unhex("000a000f" + "0102030405060708090a0b0c0d0e0f"), dns.RcodeFormatError, nil},
	{"152", "a cookie of 41 octets", zones.UDP, unhex("000a0029" + strings.Repeat("01", 41)), dns.RcodeFormatError, nil},
	{"146", "a bad network behind what is good", zones.UDP, unhex("00030000" + "000a0008" + "0102030405060708" + "00080000"), dns.RcodeFormatError, nil},
	{"144", "several", zones.Stream, unhex("000b0000" + "00030000"), 0, []byte("\x00\x0b\x00\x02\x00\x64\x00\x03\x00\x08ns1.test")},
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func freshCookie() []byte {
	return append(unhex("000a0018"), serverCookie(talkativeSecrets[0], unhex("0102030405060708"), 0, uint32(epoch/1e9), clientA)...)
}

func TestOptions(t *testing.T) {
	set, _ := conformSet(t)
	r := &zones.Responder{Settings: &talkative, Client: clientA}
	out := make([]byte, dns.MaxMsgSize)
	for _, c := range optionCases {
		t.Run(c.number+" "+c.says, func(t *testing.T) {
			query := packet(0, oneWithOPT, conform, optRecord(len(c.asked), c.asked...))
			got := out[:r.Respond(set, query, out[:room(c.transport)], c.transport, epoch)]
			m := new(dns.Msg)
			if err := unpack(m, got); err != nil {
				t.Fatal(err)
			}
			if m.Rcode != c.rcode || len(m.Answer) != 2 && c.rcode == 0 || len(m.Answer) > 0 && c.rcode != 0 || r.Trusted {
				t.Fatalf("want rcode %d, got, trusted %t,\n%v", c.rcode, r.Trusted, m)
			}
			if end := optRecord(len(c.want), c.want...); !bytes.HasSuffix(got, end) {
				t.Errorf("ends with %x, want %x", got[len(got)-len(end):], end)
			}
		})
	}
}

// ask returns the answer to an ordinary query with options, over that transport.
func ask(t *testing.T, r *zones.Responder, set *zones.Set, qname string, transport zones.Transport, options ...byte) (*dns.Msg, []byte) {
	t.Helper()
	out := make([]byte, dns.MaxMsgSize)
	query := packet(0, oneWithOPT, question(relative(qname)), optRecord(len(options), options...))
	got := out[:r.Respond(set, query, out[:room(transport)], transport, epoch)]
	m := new(dns.Msg)
	if err := unpack(m, got); err != nil {
		t.Fatal(err)
	}
	return m, got
}

func TestPaddingOverTLS(t *testing.T) { // 230
	set, _ := conformSet(t)
	for _, qname := range []string{"www", "nothing", "big", "a.many", "example."} {
		for _, settings := range []*zones.Settings{nil, &talkative} {
			r := &zones.Responder{Settings: settings}
			for _, options := range [][]byte{nil, {0, 12, 0, 0}, {0, 3, 0, 0}} {
				m, got := ask(t, r, set, qname, zones.TLS, options...)
				list := m.IsEdns0().Option
				if last := list[len(list)-1]; len(got)%468 != 0 || last.Option() != dns.EDNS0PADDING {
					t.Errorf("%s: %d octets, the last option is %v", qname, len(got), last)
				}
			}
		}
	}
	out := make([]byte, dns.MaxMsgSize)
	r := &zones.Responder{}
	if n := r.Respond(set, packet(0, one, conform), out, zones.TLS, epoch); n%468 == 0 {
		t.Error("padded without EDNS")
	}
	for i := range out {
		out[i] = 0xFF
	}
	n := r.Respond(set, packet(0, oneWithOPT, conform, goodOPT), out, zones.TLS, epoch)
	if !bytes.HasSuffix(out[:n], make([]byte, 300)) { // RFC 7830 section 3
		t.Errorf("padded with what was in the buffer: %x", out[:n])
	}
	for n := 100; n < 800; n++ { // whatever room there is
		got := out[:r.Respond(set, packet(0, oneWithOPT, conform, goodOPT), out[:n], zones.TLS, epoch)]
		if err := unpack(new(dns.Msg), got); err != nil || len(got) > n {
			t.Fatalf("%d octets in room for %d: %v", len(got), n, err)
		}
	}
}

func TestKeepalive(t *testing.T) { // 148, 223
	set, _ := conformSet(t)
	for idle, want := range map[time.Duration]int{
		0: -1, -1: 0, 99 * time.Millisecond: 0, 30 * time.Second: 300, 3 * time.Hour: 65535,
	} {
		r := &zones.Responder{Settings: &zones.Settings{Idle: idle}}
		m, _ := ask(t, r, set, "www", zones.TLS, 0, 11, 0, 0)
		got := -1
		for _, option := range m.IsEdns0().Option {
			if k, ok := option.(*dns.EDNS0_TCP_KEEPALIVE); ok {
				got = int(k.Timeout)
			}
		}
		if got != want {
			t.Errorf("idle %v: told %d, want %d", idle, got, want)
		}
	}
}

// TestOptionsLeaveRoom: whatever is asked for, the answer stays within 512 octets.
func TestOptionsLeaveRoom(t *testing.T) {
	set, _ := conformSet(t)
	everything := slices.Concat([]byte{0, 3, 0, 0}, unhex("000a0008"+"0102030405060708"), append([]byte{0, 8, 0, 20, 0, 2, 128, 0}, make([]byte, 16)...))
	opt := optRecord(len(everything), everything...)
	binary.BigEndian.PutUint16(opt[3:], 512)
	out := make([]byte, 1232)
	for _, length := range []int{1, 100, 160, 255, 256} {
		settings := talkative
		settings.Identity = strings.Repeat("i", length)
		settings.Version = settings.Identity
		r := &zones.Responder{Settings: &settings, Client: clientB}
		for _, qname := range []string{"www", "dyn", "big", "x" + longest[1:], "example.", "hostname.bind."} {
			for _, class := range []byte{1, 3} {
				asked := question(relative(qname))
				asked[len(asked)-1] = class
				if class == 3 {
					asked[len(asked)-3] = byte(dns.TypeTXT)
				}
				got := out[:r.Respond(set, packet(0, oneWithOPT, asked, opt), out, zones.UDP, epoch)]
				m := new(dns.Msg)
				if err := unpack(m, got); err != nil || len(got) > 512 {
					t.Fatalf("%d octets: %v", len(got), err)
				}
				nsid := slices.ContainsFunc(m.IsEdns0().Option, func(o dns.EDNS0) bool { return o.Option() == dns.EDNS0NSID })
				if wanted := length <= 160 || length == 255 && len(qname) < 20; nsid != wanted {
					t.Errorf("%s, identity of %d octets: told %t", qname, length, nsid)
				}
			}
		}
	}
}

func TestExtendedErrors(t *testing.T) { // 150, 242-244
	set, dynamics := conformSet(t)
	const note = "primary is down: connection refused"
	timeline := *dynamics[0].Slot.Load()
	segments := slices.Clone(timeline.Segments)
	segments[0].Note = note
	dynamics[0].Slot.Store(&zones.Timeline{Segments: segments})
	for says, c := range map[string]struct {
		qname       string
		qtype, rest uint16 // class
		code        int    // -1: none
		text        string
	}{
		"243 a name of others":               {"example.", dns.TypeA, dns.ClassINET, 20, ""},
		"242 a transfer":                     {"@", dns.TypeAXFR, dns.ClassINET, 18, ""},
		"244 an unknown class":               {"www", dns.TypeA, 77, 21, ""},
		"244 a meta type":                    {"www", dns.TypeMAILA, dns.ClassINET, 21, ""},
		"nothing special":                    {"www", dns.TypeA, dns.ClassINET, -1, ""},
		"a name that is not there":           {"nothing", dns.TypeA, dns.ClassINET, -1, ""},
		"a service on its backup":            {"dyn", dns.TypeA, dns.ClassINET, 0, note},
		"an alias of a service":              {"todyn", dns.TypeAAAA, dns.ClassINET, 0, note},
		"other data of the service's name":   {"dyn", dns.TypeMX, dns.ClassINET, -1, ""},
		"a service with nothing to say":      {"v4only", dns.TypeA, dns.ClassINET, -1, ""},
		"nothing in this family, explained":  {"v4only", dns.TypeAAAA, dns.ClassINET, -1, ""},
		"a wildcard of a service, explained": {"a.dynwild", dns.TypeA, dns.ClassINET, 0, note},
	} {
		for _, on := range []bool{true, false} {
			r := &zones.Responder{Settings: &zones.Settings{EDE: on}}
			q := weather{edns: true, size: 1232, class: c.rest}.query(dns.Question{Name: relative(c.qname), Qtype: c.qtype}, 1)
			query, err := q.Pack()
			if err != nil {
				t.Fatal(err)
			}
			out := make([]byte, 1232)
			m := new(dns.Msg)
			if err := unpack(m, out[:r.Respond(set, query, out, zones.UDP, epoch)]); err != nil {
				t.Fatal(err)
			}
			code, text := -1, ""
			for _, option := range m.IsEdns0().Option {
				ede := option.(*dns.EDNS0_EDE)
				code, text = int(ede.InfoCode), ede.ExtraText
			}
			if on && (code != c.code || text != c.text) || !on && code != -1 {
				t.Errorf("%s, on %t: code %d, text %q", says, on, code, text)
			}
		}
	}
	for says, text := range map[string]string{"too long": strings.Repeat("a", 1200), "not UTF-8": "\xFF", "with a zero": "a\x00"} {
		segments[0].Note = text
		dynamics[0].Slot.Store(&zones.Timeline{Segments: segments})
		r := &zones.Responder{Settings: &talkative}
		if m, _ := ask(t, r, set, "dyn", zones.UDP); len(m.IsEdns0().Option) != 0 || len(m.Answer) != 2 {
			t.Errorf("a note %s: %v", says, m)
		}
	}
}

// TestNotesFillTheRoom: a note is sent if it fits, to the octet (244).
func TestNotesFillTheRoom(t *testing.T) {
	set, dynamics := conformSet(t)
	for _, options := range [][]byte{nil, {0, 3, 0, 0}} {
		for length := 380; length < 480; length++ {
			segments := slices.Clone(dynamics[0].Slot.Load().Segments)
			segments[0].Note = strings.Repeat("n", length)
			dynamics[0].Slot.Store(&zones.Timeline{Segments: segments})
			opt := optRecord(len(options), options...)
			binary.BigEndian.PutUint16(opt[3:], 512)
			out := make([]byte, 1232)
			r := &zones.Responder{Settings: &talkative}
			got := out[:r.Respond(set, packet(0, oneWithOPT, question("dyn.conform.test."), opt), out, zones.UDP, epoch)]
			m := new(dns.Msg)
			if err := unpack(m, got); err != nil {
				t.Fatal(err)
			}
			list := m.IsEdns0().Option
			noted := len(list) > 0 && list[len(list)-1].Option() == dns.EDNS0EDE
			if room := 512 - len(got); noted && room < 0 || !noted && room >= 6+length || len(m.Answer) != 2 {
				t.Errorf("a note of %d octets: sent %t, answer of %d", length, noted, len(got))
			}
		}
	}
}

func TestMaxUDPIsTold(t *testing.T) { // 122, 123
	set, _ := conformSet(t)
	for most, want := range map[int]uint16{0: 1232, 512: 512, 4096: 4096} {
		r := &zones.Responder{Settings: &zones.Settings{MaxUDP: most}}
		if m, _ := ask(t, r, set, "www", zones.UDP); m.IsEdns0().UDPSize() != want {
			t.Errorf("MaxUDP %d: told %d", most, m.IsEdns0().UDPSize())
		}
	}
}

// TestExtendedErrorsFillTheRoom: an extended error without a text is sent if it fits behind the answer, to the octet (244).
func TestExtendedErrorsFillTheRoom(t *testing.T) {
	var text strings.Builder
	for i := range 50 {
		fmt.Fprintf(&text, "a%d CNAME %s.%s.%s.%s.broken\n", i, long, long, long, strings.Repeat("x", i+1))
		fmt.Fprintf(&text, "%s%d CNAME %s.%s.a%d\n%s.%s.a%d CNAME a%d\n", long[:30], i, long, long, i, long, long, i, i)
	}
	set := zones.NewSet([]*zones.Zone{loadText(t, text.String(), nil), zones.Broken("broken.zone.test.")})
	told, untold := 0, 0
	for i := range 50 {
		opt := optRecord(0)
		binary.BigEndian.PutUint16(opt[3:], 512)
		out := make([]byte, 1232)
		r := &zones.Responder{Settings: &talkative}
		got := out[:r.Respond(set, packet(0, oneWithOPT, question(fmt.Sprintf("%s%d.zone.test.", long[:30], i)), opt), out, zones.UDP, epoch)]
		m := new(dns.Msg)
		if err := unpack(m, got); err != nil {
			t.Fatal(err)
		}
		if m.Truncated {
			continue
		}
		switch room := 512 - len(got); {
		case len(m.IsEdns0().Option) > 0:
			told++
			if room < 0 {
				t.Errorf("answer of %d octets", len(got))
			}
		default:
			untold++
			if room < 0 || room >= 6 {
				t.Errorf("no extended error in an answer of %d octets", len(got))
			}
		}
	}
	if told == 0 || untold == 0 {
		t.Errorf("told in %d answers, left out of %d: the test misses the edge", told, untold)
	}
}
