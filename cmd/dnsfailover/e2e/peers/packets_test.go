package peers

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// verdict is what a packet must get.
type verdict int

const (
	dropped  verdict = iota // no answer
	formErr                 // FORMERR and no flags
	notImp                  // NOTIMP, the opcode and no flags
	refused                 // REFUSED, with no data
	answered                // the two addresses of www
	badVers
	anError // any rcode but NOERROR, and no data
	noData  // no data in any case
)

var (
	one    = [4]uint16{1}
	oneOPT = [4]uint16{1, 0, 0, 1}
	good   = optRecord(1232, 0)
	www    = quest("www")
	record = []byte{0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1}
	all    = uint16(flagAA | flagTC | flagRD | flagRA | flagZ | flagAD | flagCD)
)

// names that no question may have, with type and class
var badNames = map[string][]byte{
	"24 a pointer to itself":           {0xC0, 12, 0, 1, 0, 1},
	"25 a circle of two pointers":      {1, 'a', 0xC0, 16, 0xC0, 12, 0, 1, 0, 1},
	"25 a circle of a label":           {1, 'a', 0xC0, 12, 0, 1, 0, 1},
	"26 a pointer forward":             {0xC0, 20, 0, 1, 0, 1, 0, 0, 0, 0, 0},
	"27 a pointer into the header":     {0xC0, 4, 0, 1, 0, 1},
	"28 a label of type 0x40":          {0x41, 'a', 0, 0, 1, 0, 1},
	"28 a label of type 0x80":          {0x81, 'a', 0, 0, 1, 0, 1},
	"29 a name of 256 octets":          append([]byte(strings.Repeat("\x01a", 127)), 1, 'a', 0, 0, 1, 0, 1),
	"29 a name that never ends":        []byte(strings.Repeat("\x3f"+strings.Repeat("a", 63), 7)),
	"23 a label longer than the query": {63, 'a'},
}

// TestPackets sends packets that no library makes (numbers as in the conformance list) over all transports (4 of the classes of failures: none may be a way round).
func TestPackets(t *testing.T) {
	s := startOurs(t, conformWorld(t), "")
	type packetCase struct {
		number, says string
		packet       []byte
		want         verdict
	}
	tests := []packetCase{
		{"1", "an ordinary query", query(0, "www"), answered},
		{"17", "no question", packet(0, [4]uint16{}), formErr},
		{"17", "no question, with EDNS", packet(0, [4]uint16{0, 0, 0, 1}, good), anError},
		{"18", "two questions", packet(0, [4]uint16{2}, www, quest("alias")), formErr},
		{"19", "the same question twice", packet(0, [4]uint16{2}, www, www), formErr},
		{"18", "65535 questions", packet(0, [4]uint16{65535}, www), formErr},
		{"20", "an answer", query(flagQR, "www"), dropped},
		{"21", "an answer of opcode 15", query(flagQR|15<<11, "www"), dropped},
		{"21", "an answer that is no message", packet(flagQR, [4]uint16{9, 9, 9, 9}, []byte{1}), dropped},
		{"33", "IQUERY", query(1<<11, "www"), notImp},
		{"34", "STATUS", query(2<<11, "www"), notImp},
		{"35", "opcode 3", query(3<<11, "www"), notImp},
		{"37", "DSO", query(6<<11, "www"), notImp},
		{"32", "opcode 15", query(15<<11, "www"), notImp},
		{"36", "opcode 15 with all flags", query(15<<11|all, "www"), notImp},
		{"38", "an answer in the query", packet(0, [4]uint16{1, 1}, www, record), noData},
		{"38", "an authority in the query", packet(0, [4]uint16{1, 0, 1}, www, record), noData},
		{"39", "65535 records that are not there", packet(0, [4]uint16{1, 0, 0, 65535}, www), formErr},
		{"39", "one record that is not there", packet(0, oneOPT, www), formErr},
		{"40", "octets after the end", packet(0, one, www, []byte{1, 2, 3}), noData},
		{"41", "all flags and no question", packet(all, [4]uint16{}), formErr},
		{"113", "class CH for our name", query(0, "www", dns.TypeA, dns.ClassCHAOS), refused},
		{"111", "version.bind", query(0, "version.bind.", dns.TypeTXT, dns.ClassCHAOS), refused},
		{"112", "id.server", query(0, "id.server.", dns.TypeTXT, dns.ClassCHAOS), refused},
		{"112", "hostname.bind", query(0, "hostname.bind.", dns.TypeTXT, dns.ClassCHAOS), refused},
		{"114", "class HS", query(0, "www", dns.TypeA, dns.ClassHESIOD), refused},
		{"115", "class NONE", query(0, "www", dns.TypeA, dns.ClassNONE), anError},
		{"115", "class 0", query(0, "www", dns.TypeA, 0), anError},
		{"116", "class ANY", query(0, "www", dns.TypeA, dns.ClassANY), refused},
		{"117", "type OPT", query(0, "www", dns.TypeOPT), anError},
		{"117", "type TSIG", query(0, "www", dns.TypeTSIG), anError},
		{"117", "type TKEY", query(0, "www", dns.TypeTKEY), anError},
		{"117", "type 0", query(0, "www", 0), anError},
		{"118", "MAILA", query(0, "www", dns.TypeMAILA), noData},
		{"118", "MAILB", query(0, "www", dns.TypeMAILB), noData},
		{"134", "an unknown option", edns(optRecord(1232, 0, option(100, 1, 2)), "www"), answered},
		{"143", "bits of an extended rcode", edns(optRecord(1232, 0xFF000000), "www"), answered},
		{"133", "unknown EDNS flags", edns(optRecord(1232, 0x7FFF), "www"), answered},
		{"135", "EDNS version 1", edns(optRecord(1232, 1<<16), "www"), badVers},
		{"136", "EDNS version 255", edns(optRecord(1232, 255<<16), "www"), badVers},
		{"137", "EDNS version 1 with DO and an option", edns(optRecord(1232, 1<<16|1<<15, option(100, 1)), "www"), badVers},
		{"138", "two OPT records", packet(0, [4]uint16{1, 0, 0, 2}, www, good, good), formErr},
		{"139", "OPT not at the root", packet(0, oneOPT, www, append([]byte{1, 'a'}, good...)), formErr},
		{"140", "OPT longer than the query", packet(0, oneOPT, www, []byte{0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 9}), formErr},
		{"141", "an option longer than OPT", packet(0, oneOPT, www, optRecord(1232, 0, []byte{0, 100, 0, 9, 1})), formErr},
		{"141", "half an option", packet(0, oneOPT, www, optRecord(1232, 0, []byte{0, 100, 0})), formErr},
		{"142", "OPT among the answers", packet(0, [4]uint16{1, 1}, www, good), noData},
		{"145", "a client's network", edns(optRecord(1232, 0, option(8, 0, 1, 24, 0, 192, 0, 2)), "www"), answered},
		{"147 148", "keepalive", edns(optRecord(1232, 0, option(11)), "www"), answered},
		{"149", "padding", edns(optRecord(1232, 0, option(12, 0, 0, 0, 0)), "www"), answered},
		{"178", "TSIG that is not last", packet(0, [4]uint16{1, 0, 0, 2}, www, tsigRecord, good), formErr},
		{"178", "two TSIG records", packet(0, [4]uint16{1, 0, 0, 2}, www, tsigRecord, tsigRecord), formErr},
		{"168", "AXFR", query(0, "conform.test.", dns.TypeAXFR), anError},
		{"173", "AXFR of others' zone", query(0, "example.", dns.TypeAXFR), anError},
		{"174", "AXFR of a name that is no zone", query(0, "www", dns.TypeAXFR), anError},
		{"170", "IXFR", packet(0, [4]uint16{1, 0, 1}, quest("conform.test.", dns.TypeIXFR), soaRecord), anError},
		{"179", "NOTIFY", packet(4<<11|flagAA, one, quest("conform.test.", dns.TypeSOA)), anError},
		{"180", "NOTIFY for others' zone", packet(4<<11|flagAA, one, quest("example.", dns.TypeSOA)), anError},
		{"181", "UPDATE", packet(5<<11, [4]uint16{1, 0, 1}, quest("conform.test.", dns.TypeSOA), record), anError},
		{"182", "UPDATE with no zone", packet(5<<11, [4]uint16{}), anError},
		{"182", "UPDATE with two zones", packet(5<<11, [4]uint16{2}, quest("conform.test.", dns.TypeSOA), quest("conform.test.", dns.TypeSOA)), anError},
	}
	for says, name := range badNames {
		tests = append(tests, packetCase{says[:2], says[3:], packet(flagRD, one, name), formErr})
	}
	for n := range query(0, "www") {
		want := dropped
		if n >= 12 {
			want = formErr // 23
		}
		tests = append(tests, packetCase{"22 23", fmt.Sprintf("%d octets", n), query(0, "www")[:n], want})
	}
	for _, w := range everyWire {
		for _, test := range tests {
			t.Run(w.name+" "+test.number+" "+test.says, func(t *testing.T) {
				got := w.exchange(t, s.address, test.packet)
				if err := judge(test.packet, got, test.want); err != nil {
					t.Errorf("%v\nsent %x\ngot  %x\n%v", err, test.packet, got, parsed(got))
				}
			})
		}
	}
}

// soaRecord is what an IXFR query has in its authority section; tsigRecord is of a key that nobody knows.
var (
	soaRecord  = append([]byte{0xC0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0}, make([]byte, 20)...)
	tsigRecord = append([]byte{1, 'k', 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 29, 11}, "hmac-sha256\x00\x00\x00\x00\x00\x00\x00\x01\x2c\x00\x00\xbe\xef\x00\x00\x00\x00"...)
)

func parsed(answer []byte) *dns.Msg {
	m := new(dns.Msg)
	_ = m.Unpack(answer)
	return m
}

// judge says how an answer differs from what a packet must get.
func judge(packet, got []byte, want verdict) error {
	if want == dropped || got == nil {
		if want != dropped || got != nil {
			return fmt.Errorf("answered: %t", got != nil)
		}
		return nil
	}
	m := new(dns.Msg)
	if err := m.Unpack(got); err != nil {
		return err
	}
	flags, opcode := binary.BigEndian.Uint16(got[2:]), binary.BigEndian.Uint16(packet[2:])&(15<<11)
	if !slices.Equal(got[:2], packet[:2]) || flags&flagQR == 0 || flags&(15<<11) != opcode {
		return fmt.Errorf("the identity, QR or the opcode is wrong")
	}
	opts := slices.DeleteFunc(slices.Clone(m.Extra), func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeOPT })
	data := len(m.Answer) + len(m.Ns) + len(m.Extra) - len(opts)
	if want == answered {
		asked := int(packet[11])
		switch {
		case m.Rcode != dns.RcodeSuccess || len(m.Answer) != 2 || !m.Authoritative:
			return fmt.Errorf("not the answer")
		case len(opts) != asked: // 129, 130
			return fmt.Errorf("%d OPT records, want %d", len(opts), asked)
		case asked == 1 && (opts[0].(*dns.OPT).Version() != 0 || opts[0].(*dns.OPT).Z() != 0 || opts[0].(*dns.OPT).ExtendedRcode() != 0):
			return fmt.Errorf("OPT is %v", opts[0])
		case asked == 1 && slices.ContainsFunc(opts[0].(*dns.OPT).Option, uncalled):
			return fmt.Errorf("options came back: %v", opts[0])
		}
		return nil
	}
	if rest := flags &^ (flagQR | 15<<11 | 15 | flagRD); rest != 0 && want != noData {
		return fmt.Errorf("flags %04x are left", rest)
	}
	if (want != noData || m.Rcode != dns.RcodeSuccess) && data > 0 {
		return fmt.Errorf("an error with data")
	}
	rcode := map[verdict]int{formErr: dns.RcodeFormatError, notImp: dns.RcodeNotImplemented, refused: dns.RcodeRefused, badVers: dns.RcodeBadVers}
	switch expected, one := rcode[want]; {
	case one && m.Rcode != expected:
		return fmt.Errorf("rcode is %s", dns.RcodeToString[m.Rcode])
	case want == anError && m.Rcode == dns.RcodeSuccess:
		return fmt.Errorf("no error")
	case want == notImp && flags&flagRD != 0:
		return fmt.Errorf("RD is left")
	case want == badVers && (len(opts) != 1 || opts[0].(*dns.OPT).Version() != 0 || slices.ContainsFunc(opts[0].(*dns.OPT).Option, uncalled) || len(m.Question) != 1):
		return fmt.Errorf("BADVERS is not as RFC 6891 section 6.1.3 has it")
	}
	return nil
}

// uncalled says whether an option has no place in an answer: keepalive has (148), a client's network of scope 0 (239), and padding, over TLS (230).
func uncalled(o dns.EDNS0) bool {
	if ecs, ok := o.(*dns.EDNS0_SUBNET); ok {
		return ecs.SourceScope != 0
	}
	return o.Option() != dns.EDNS0TCPKEEPALIVE && o.Option() != dns.EDNS0PADDING
}

// TestHeaderBits sends each flag and looks at all that come back (2 to 10).
func TestHeaderBits(t *testing.T) {
	s := startOurs(t, conformWorld(t), "")
	for _, w := range everyWire {
		for _, sent := range []uint16{0, flagRD, flagRA, flagZ, flagAA, flagTC, flagAD, flagCD, all} {
			for name, clean := range map[string]uint16{"www": flagQR | flagAA, "www.sub": flagQR, "example.": flagQR | dns.RcodeRefused, "nothing": flagQR | flagAA | dns.RcodeNameError} {
				got := w.exchange(t, s.address, query(sent, name))
				if want := clean | sent&flagRD; len(got) < 12 || binary.BigEndian.Uint16(got[2:]) != want {
					t.Errorf("%s: %s with flags %04x was answered with %x, want flags %04x", w.name, name, sent, got, want)
				}
			}
		}
		for _, name := range []string{"wWw", "WWW", "www"} { // 11, 12
			packet := query(0, name)
			if got := w.exchange(t, s.address, packet); len(got) < len(packet) || !slices.Equal(got[12:len(packet)], packet[12:]) {
				t.Errorf("%s: the question for %s came back as %x", w.name, name, got)
			}
		}
	}
}

// TestNoise sends 10,000 random packets and 10,000 queries with some bits flipped (183, 184). The valid ones among them
// get no SERVFAIL, and what is answered can be read.
func TestNoise(t *testing.T) {
	s := startOurs(t, conformWorld(t), "")
	rnd := rand.New(rand.NewPCG(4, 5))
	answered := 0
	for range 200 {
		var sent [][]byte
		for i := range 100 {
			q := make([]byte, rnd.IntN(120))
			for j := range q {
				q[j] = byte(rnd.Uint32())
			}
			if i%2 == 0 {
				q = edns(good, []string{"www", "x.y.wild", "a.sub", "www.dn", "alias3"}[rnd.IntN(5)])
				for range 1 + rnd.IntN(3) {
					q[rnd.IntN(len(q))] ^= 1 << rnd.IntN(8)
				}
			}
			sent = append(sent, q)
		}
		answered += flood(t, s.address, sent)
	}
	if answered < 5000 {
		t.Errorf("only %d of 20000 packets were answered", answered)
	}
	t.Logf("%d of 20000 packets were answered", answered)
}

// flood sends packets at once and then asks whether the server is alive. It returns how many were answered.
func flood(t *testing.T, address string, packets [][]byte) (answers int) {
	t.Helper()
	c, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, p := range append(packets, alive()) {
		if _, err := c.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, 1<<16)
	for {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		n, err := c.Read(b)
		if err != nil {
			t.Fatalf("the server is not alive any more: %v", err)
		}
		if isAlive(b[:n]) {
			return answers
		}
		answers++
		m := new(dns.Msg)
		if err := m.Unpack(b[:n]); err != nil || m.Rcode == dns.RcodeServerFailure || !m.Response {
			t.Errorf("%v: %x", err, b[:n])
		}
	}
}
