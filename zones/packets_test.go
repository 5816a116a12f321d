package zones_test

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"dnsfailover/zones"

	"github.com/miekg/dns"
)

// packet puts a message together octet by octet: flags, the four counts, and what follows.
func packet(flags uint16, counts [4]uint16, body ...[]byte) []byte {
	out := []byte{0xBE, 0xEF}
	out = binary.BigEndian.AppendUint16(out, flags)
	for _, n := range counts {
		out = binary.BigEndian.AppendUint16(out, n)
	}
	return append(out, slices.Concat(body...)...)
}

// question asks for the A records of a name.
func question(qname string) []byte { return append(parseName(qname).wire(), 0, 1, 0, 1) }

// optRecord is an OPT record with an RDLENGTH of its own.
func optRecord(length int, rdata ...byte) []byte {
	return append([]byte{0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, byte(length >> 8), byte(length)}, rdata...)
}

// Record of type A, and the beginning of a TSIG record's life.
var (
	anyRecord  = []byte{0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1}
	goodOPT    = optRecord(0)
	conform    = question("www.conform.test.")
	emptyTSIG  = append([]byte{0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 16, 0}, make([]byte, 15)...)
	allFlags   = uint16(0x07F0) // AA TC RD RA Z AD CD
	flagRD     = uint16(0x0100)
	flagQR     = uint16(0x8000)
	one        = [4]uint16{1}
	oneWithOPT = [4]uint16{1, 0, 0, 1}
)

// Ways in which a packet may fare.
const (
	dropped = -1 - iota // no answer
	bare                // FORMERR, the header alone
	answered
	noData // any error
)

func TestPackets(t *testing.T) {
	set, _ := conformSet(t)
	tests := []struct {
		number, says string
		packet       []byte
		want         int // an rcode without any record, or one of the above
	}{
		{"17", "no question", packet(flagRD, [4]uint16{}), bare},
		{"17", "no question with an OPT record", packet(flagRD, [4]uint16{0, 0, 0, 1}, goodOPT), dns.RcodeFormatError},
		{"18", "two questions", packet(0, [4]uint16{2}, conform, question("conform.test.")), dns.RcodeFormatError},
		{"19", "two equal questions", packet(0, [4]uint16{2}, conform, conform), dns.RcodeFormatError},
		{"19", "65535 questions", packet(0, [4]uint16{65535}, conform), dns.RcodeFormatError},
		{"20", "a response", packet(flagQR, one, conform), dropped},
		{"20", "an empty response", packet(flagQR, [4]uint16{}), dropped},
		{"21", "a response with opcode 15", packet(flagQR|15<<11, one, conform), dropped},
		{"21", "a response with FORMERR", packet(flagQR|1, [4]uint16{}), dropped},
		{"21", "a response to an update", packet(flagQR|5<<11, one, conform), dropped},
		{"24", "a pointer to itself", packet(0, one, []byte{0xC0, 12, 0, 1, 0, 1}), bare},
		{"25", "two pointers in a circle", packet(0, one, []byte{0xC0, 14, 0xC0, 12, 0, 1, 0, 1}), bare},
		{"25", "a label and a pointer to it", packet(0, one, []byte{1, 'a', 0xC0, 12, 0, 1, 0, 1}), bare},
		{"26", "a pointer forward", packet(0, one, []byte{0xC0, 18, 0, 1, 0, 1, 1, 'a', 0}), bare},
		{"27", "a pointer into the header", packet(0, one, []byte{0xC0, 4, 0, 1, 0, 1}), bare},
		{"28", "a label of type 0x40", packet(0, one, []byte{0x41, 'a', 0, 0, 1, 0, 1}), bare},
		{"28", "a label of type 0x80", packet(0, one, []byte{0x81, 'a', 0, 0, 1, 0, 1}), bare},
		{"29", "a name of 256 octets", packet(0, one, question(strings.Repeat(strings.Repeat("a", 63)+".", 3)+strings.Repeat("b", 62)+".")), bare},
		{"29", "a name without end", packet(0, one, []byte(strings.Repeat("\x3F"+strings.Repeat("a", 63), 8))), bare},
		{"38", "an answer in a query", packet(0, [4]uint16{1, 1}, conform, anyRecord), dns.RcodeFormatError},
		{"38", "an authority in a query", packet(0, [4]uint16{1, 0, 1}, conform, anyRecord), dns.RcodeFormatError},
		{"39", "65535 additional records that are not there", packet(0, [4]uint16{1, 0, 0, 65535}, conform), dns.RcodeFormatError},
		{"39", "an additional record that is not there", packet(0, oneWithOPT, conform), dns.RcodeFormatError},
		{"39", "two additional records of which one is there", packet(0, [4]uint16{1, 0, 0, 2}, conform, goodOPT), dns.RcodeFormatError},
		{"39", "65535 answers that are not there", packet(0, [4]uint16{1, 65535}, conform), dns.RcodeFormatError},
		{"39", "three additional records", packet(0, [4]uint16{1, 0, 0, 3}, conform, anyRecord, anyRecord, anyRecord), dns.RcodeFormatError},
		{"40", "an octet too many", packet(0, one, conform, []byte{0}), dns.RcodeFormatError},
		{"40", "an octet too many behind the OPT record", packet(0, oneWithOPT, conform, goodOPT, []byte{0}), dns.RcodeFormatError},
		{"41", "FORMERR clears flags", packet(allFlags, one, conform, []byte{0}), dns.RcodeFormatError},
		{"138", "two OPT records", packet(0, [4]uint16{1, 0, 0, 2}, conform, goodOPT, goodOPT), dns.RcodeFormatError},
		{"139", "an OPT record with a name", packet(0, oneWithOPT, conform, []byte{1, 'a'}, goodOPT), dns.RcodeFormatError},
		{"139", "an OPT record at a pointer", packet(0, oneWithOPT, conform, []byte{0xC0, 12}, goodOPT[1:]), dns.RcodeFormatError},
		{"140", "an OPT record past the end", packet(0, oneWithOPT, conform, optRecord(5)), dns.RcodeFormatError},
		{"140", "half an OPT record", packet(0, oneWithOPT, conform, goodOPT[:7]), dns.RcodeFormatError},
		{"141", "an option past the OPT record", packet(0, oneWithOPT, conform, optRecord(5, 0, 100, 0, 9, 0)), dns.RcodeFormatError},
		{"141", "half an option", packet(0, oneWithOPT, conform, optRecord(3, 0, 100, 0)), dns.RcodeFormatError},
		{"142", "an OPT record among the answers", packet(0, [4]uint16{1, 1}, conform, goodOPT), dns.RcodeFormatError},
		{"178", "TSIG before another record", packet(0, [4]uint16{1, 0, 0, 2}, conform, emptyTSIG, goodOPT), dns.RcodeFormatError},
		{"178", "two TSIG", packet(0, [4]uint16{1, 0, 0, 2}, conform, emptyTSIG, emptyTSIG), dns.RcodeFormatError},
		{"175", "TSIG of nobody", signed(t), noData},
		{"175", "half a TSIG", packet(0, oneWithOPT, conform, emptyTSIG), noData},
		{"175", "a TSIG without data", packet(0, oneWithOPT, conform, []byte{0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0}), noData},
		{"170", "IXFR", packet(0, [4]uint16{1, 0, 1}, parseName("conform.test.").wire(), []byte{0, 251, 0, 1}, anyRecord), noData},
		{"1", "nothing special", packet(0, one, conform), answered},
		{"1", "an OPT record", packet(0, oneWithOPT, conform, goodOPT), answered},
		{"134", "an unknown option", packet(0, oneWithOPT, conform, optRecord(6, 0, 100, 0, 2, 1, 2)), answered},
		{"144", "NSID", packet(0, oneWithOPT, conform, optRecord(4, 0, 3, 0, 0)), answered},
		{"146", "a client's network of 33 bits", packet(0, oneWithOPT, conform, optRecord(13, 0, 8, 0, 9, 0, 1, 33, 0, 192, 0, 2, 1, 0)), dns.RcodeFormatError},
		{"152", "half a cookie when there are none", packet(0, oneWithOPT, conform, optRecord(8, 0, 10, 0, 4, 1, 2, 3, 4)), answered},
		{"154", "no question but a cookie when there are none", packet(0, [4]uint16{0, 0, 0, 1}, optRecord(12, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8)), dns.RcodeFormatError},
		{"17", "no question and half an OPT record", packet(0, [4]uint16{0, 0, 0, 1}, goodOPT[:5]), bare},
		{"17", "no question but another record", packet(0, [4]uint16{0, 0, 0, 1}, []byte{0}, anyRecord[2:]), bare},
		{"147", "keepalive", packet(0, oneWithOPT, conform, optRecord(4, 0, 11, 0, 0)), answered},
		{"149", "padding", packet(0, oneWithOPT, conform, optRecord(8, 0, 12, 0, 4, 0, 0, 0, 0)), answered},
		{"133", "an unknown EDNS flag", packet(0, oneWithOPT, conform, []byte{0, 0, 41, 4, 0xD0, 0, 0, 0, 0x40, 0, 0}), answered},
		{"143", "bits of an extended rcode", packet(0, oneWithOPT, conform, []byte{0, 0, 41, 4, 0xD0, 0xFF, 0, 0, 0, 0, 0}), answered},
	}
	for _, test := range tests {
		t.Run(test.number+" "+test.says, func(t *testing.T) {
			for _, transport := range []zones.Transport{zones.UDP, zones.Stream} {
				r := &zones.Responder{}
				out := make([]byte, dns.MaxMsgSize)
				got := out[:r.Respond(set, test.packet, out[:room(transport)], transport, epoch)]
				checkPacket(t, test.packet, got, test.want)
			}
		})
	}
}

// signed returns a query with a TSIG record of a key that the server doesn't know.
func signed(t *testing.T) []byte {
	m := new(dns.Msg).SetQuestion("www.conform.test.", dns.TypeA)
	m.SetTsig("key.test.", dns.HmacSHA256, 300, epoch/1_000_000_000)
	out, _, err := dns.TsigGenerate(m, "c2VjcmV0", "", false)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func checkPacket(t *testing.T, query, got []byte, want int) {
	t.Helper()
	if want == dropped {
		if len(got) != 0 {
			t.Fatalf("answered with\n%s", dig(got))
		}
		return
	}
	m := new(dns.Msg)
	if err := unpack(m, got); err != nil {
		t.Fatalf("%v: %x", err, got)
	}
	if m.Id != binary.BigEndian.Uint16(query) || !m.Response {
		t.Fatalf("header is %+v", m.MsgHdr)
	}
	if want == answered {
		opts := slices.DeleteFunc(m.Extra, func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeOPT })
		if m.Rcode != dns.RcodeSuccess || len(m.Answer) != 2 || len(opts) != int(query[11]) {
			t.Fatalf("answered with\n%v", m)
		}
		if len(opts) > 0 && len(opts[0].(*dns.OPT).Option) > 0 {
			t.Fatalf("options came back:\n%v", m)
		}
		return
	}
	if len(m.Answer)+len(m.Ns) > 0 || m.Authoritative || m.Truncated || m.RecursionAvailable || m.AuthenticatedData || m.CheckingDisabled || m.Zero {
		t.Fatalf("want nothing but an error, got\n%v", m)
	}
	switch {
	case want == bare && (m.Rcode != dns.RcodeFormatError || len(got) != 12):
		t.Fatalf("want FORMERR and 12 octets, got\n%v", m)
	case want == noData && m.Rcode == dns.RcodeSuccess:
		t.Fatalf("want an error, got\n%v", m)
	case want >= 0 && m.Rcode != want:
		t.Fatalf("want rcode %d, got\n%v", want, m)
	}
}

func TestShortPacketsAreDropped(t *testing.T) { // 22
	set, _ := conformSet(t)
	r := &zones.Responder{}
	out := make([]byte, dns.MaxMsgSize)
	query := packet(flagRD, one, conform)
	for n := range 12 {
		if got := r.Respond(set, query[:n], out, zones.UDP, epoch); got != 0 {
			t.Errorf("%d octets were answered", n)
		}
	}
	for n := 12; n < len(query); n++ { // 23
		checkPacket(t, query, out[:r.Respond(set, query[:n], out, zones.UDP, epoch)], bare)
	}
}

func TestOtherOpcodesAreNotImplemented(t *testing.T) { // 32-37, 179, 181
	set, _ := conformSet(t)
	r := &zones.Responder{}
	out := make([]byte, dns.MaxMsgSize)
	for opcode := uint16(1); opcode < 16; opcode++ {
		for _, flags := range []uint16{0, allFlags} {
			for _, query := range [][]byte{
				packet(opcode<<11|flags, one, conform),
				packet(opcode<<11|flags, oneWithOPT, conform, goodOPT),
				packet(opcode<<11|flags, [4]uint16{}),
				packet(opcode<<11|flags, [4]uint16{65535, 65535, 65535, 65535}, conform),
			} {
				got := out[:r.Respond(set, query, out, zones.UDP, epoch)]
				want := packet(flagQR|opcode<<11|dns.RcodeNotImplemented, [4]uint16{})
				if opcode == dns.OpcodeNotify || opcode == dns.OpcodeUpdate {
					want[3] |= got[3] & 0xF // REFUSED does as well
				}
				if !slices.Equal(got, want) || got[3]&0xF == 0 {
					t.Errorf("opcode %d: %x was answered with %x, want %x", opcode, query, got, want)
				}
			}
		}
	}
}

func TestVersionsOfEDNS(t *testing.T) { // 135-137
	set, _ := conformSet(t)
	r := &zones.Responder{}
	out := make([]byte, dns.MaxMsgSize)
	for _, version := range []uint8{1, 255} {
		q := weather{edns: true, do: true, size: 1232, version: version, class: dns.ClassINET}.query(dns.Question{Name: "wWw.Conform.test.", Qtype: dns.TypeA}, 1)
		q.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: 100, Data: []byte{1}}}
		query, err := q.Pack()
		if err != nil {
			t.Fatal(err)
		}
		got := out[:r.Respond(set, query, out[:1232], zones.UDP, epoch)]
		if err := check(result{rcode: dns.RcodeBadVers}, q, query, zones.UDP, got); err != nil {
			t.Errorf("version %d: %v\n%s", version, err, dig(got))
		}
		if r.Rcode != dns.RcodeBadVers {
			t.Errorf("counted rcode %d", r.Rcode)
		}
	}
}

// TestWorstPacketsDoNotAllocate: what a packet claims to hold costs no memory (3 of the classes of failures: CVE-2026-82399 and others).
func TestWorstPacketsDoNotAllocate(t *testing.T) {
	set, _ := conformSet(t)
	r := &zones.Responder{}
	out := make([]byte, dns.MaxMsgSize)
	options := make([]byte, 0, 4000)
	for len(options)+4 <= cap(options) {
		options = append(options, 0, 100, 0, 0)
	}
	for says, query := range map[string][]byte{
		"counts of 65,535":           packet(0, [4]uint16{65535, 65535, 65535, 65535}, conform),
		"65,535 additional records":  packet(0, [4]uint16{1, 0, 0, 65535}, conform),
		"a name of pointers":         packet(0, one, []byte(strings.Repeat("\xC0\x0C", 200))),
		"a name of labels":           packet(0, one, []byte(strings.Repeat("\x01a", 2000))),
		"a thousand options":         packet(0, oneWithOPT, conform, optRecord(len(options), options...)),
		"an option that is too long": packet(0, oneWithOPT, conform, optRecord(4, 0, 100, 0xFF, 0xFF)),
		"an update":                  packet(5<<11, [4]uint16{1, 500, 500, 500}, conform),
		"a header":                   packet(0, [4]uint16{}),
		"a chain of aliases":         packet(0, one, question("hop24.conform.test.")),
		"a growing circle":           packet(0, one, question("x.dnloop.conform.test.")),
		"a name that isn't there":    packet(0, one, question(strings.Repeat("x.", 110)+"conform.test.")),
	} {
		if n := testing.AllocsPerRun(100, func() { r.Respond(set, query, out[:1232], zones.UDP, epoch) }); n > 0 {
			t.Errorf("%s: %v allocations", says, n)
		}
	}
}

// TestSweep asks for all types in all classes with all opcodes (CVE-2021-36754, CVE-2015-5477 and others).
func TestSweep(t *testing.T) {
	set, _ := conformSet(t)
	r := &zones.Responder{}
	out := make([]byte, dns.MaxMsgSize)
	query := packet(0, one, question("any.wild.conform.test."))
	typ, class := query[len(query)-4:], query[len(query)-2:]
	for _, c := range []uint16{dns.ClassINET, dns.ClassCHAOS, dns.ClassANY, dns.ClassNONE, 0} {
		binary.BigEndian.PutUint16(class, c)
		for opcode := range byte(16) {
			query[2] = opcode << 3
			for qtype := range 1 << 16 {
				binary.BigEndian.PutUint16(typ, uint16(qtype))
				n := r.Respond(set, query, out[:512], zones.UDP, epoch)
				if n < 12 || out[2]&0xF8 != 0x80|opcode<<3 || (opcode != 0 || c != dns.ClassINET) && out[3]&0xF == 0 {
					t.Fatalf("class %d, opcode %d, type %d: %x", c, opcode, qtype, out[:n])
				}
			}
		}
	}
}

// TestNoise sends 10,000 random packets and 10,000 queries with some bits flipped (183, 184).
func TestNoise(t *testing.T) {
	set, _ := conformSet(t)
	o := conformOracle(t)
	rnd := rand.New(rand.NewSource(1))
	for i := range 20_000 {
		query := make([]byte, rnd.Intn(100))
		for j := range query {
			query[j] = byte(rnd.Int())
		}
		if i%2 == 0 {
			query = packet(flagRD, oneWithOPT, question(relative([]string{"www", "x.y.wild", "a.sub", "www.dn", "alias3", "dyn"}[rnd.Intn(6)])), goodOPT)
			for range 1 + rnd.Intn(3) {
				query[rnd.Intn(len(query))] ^= 1 << rnd.Intn(8)
			}
		}
		for _, transport := range []zones.Transport{zones.UDP, zones.Stream} {
			if err := examine(set, o, query, transport); err != nil {
				t.Fatalf("%v\n%x over %v", err, query, transport)
			}
		}
	}
}

// examine asks and says what no answer may be. If the query is an ordinary one, the oracle says what the answer must be.
func examine(set *zones.Set, o *oracle, query []byte, transport zones.Transport) error {
	r := &zones.Responder{Settings: &o.settings, Client: o.client}
	out := make([]byte, dns.MaxMsgSize)
	before := slices.Clone(query)
	got := out[:r.Respond(set, query, out[:room(transport)], transport, epoch)]
	if !slices.Equal(before, query) {
		return fmt.Errorf("the query was changed to %x", query)
	}
	if len(query) < 12 || query[2]&0x80 != 0 {
		if len(got) > 0 {
			return fmt.Errorf("must not be answered, but was with %x", got)
		}
		return nil
	}
	m := new(dns.Msg)
	if err := unpack(m, got); err != nil {
		return fmt.Errorf("%w: %x", err, got)
	}
	if !slices.Equal(got[:2], query[:2]) || got[2]&0xF8 != query[2]&0x78|0x80 {
		return fmt.Errorf("identity or opcode differ: %x", got[:4])
	}
	if len(got) > room(transport) || m.Rcode == dns.RcodeServerFailure {
		return fmt.Errorf("%d octets:\n%v", len(got), m)
	}
	short := slices.Clone(got)
	short = short[:zones.Truncated(short)]
	if err := unpack(new(dns.Msg), short); err != nil || len(short) > len(got) {
		return fmt.Errorf("what the rate limit leaves: %d of %d octets, %w", len(short), len(got), err)
	}
	if q, ok := ordinary(query); ok {
		return check(o.judge(q, transport, epoch), q, query, transport, got)
	}
	if len(m.Answer)+len(m.Ns) > 0 && int(query[10])<<8|int(query[11]) == 0 {
		return fmt.Errorf("not an ordinary query, but answered with\n%v", m)
	}
	return nil
}

// ordinary reads a query of one question and at most an OPT record; each octet must have a meaning.
func ordinary(query []byte) (*dns.Msg, bool) {
	q := new(dns.Msg)
	if q.Unpack(query) != nil || q.Opcode != dns.OpcodeQuery || len(q.Question) != 1 || len(q.Answer)+len(q.Ns) > 0 || len(q.Extra) > 1 {
		return nil, false
	}
	if len(q.Extra) == 1 && (q.IsEdns0() == nil || q.Extra[0].Header().Name != ".") {
		return nil, false
	}
	again, err := q.Pack()
	return q, err == nil && slices.Equal(again, query)
}
