package zones_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dnsfailover/zones"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// TestAgreesWithOracle asks the compiled zones and the oracle everything about small nasty worlds.
func TestAgreesWithOracle(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		w := worlds.Draw(t, "world")
		asked := weathers.Draw(t, "asked")
		p, err := w.load(dir)
		if err != nil {
			t.Fatalf("%v\n%s", err, w)
		}
		for i, question := range w.questions() {
			now := w.instants[i/len(asked)%len(w.instants)]
			if err := p.ask(question, asked[i%len(asked)], now); err != nil {
				t.Fatalf("%v\n\n%s", err, w)
			}
		}
	})
}

// pair is a world compiled both ways.
type pair struct {
	set       *zones.Set
	oracle    *oracle
	responder zones.Responder
	out       [dns.MaxMsgSize]byte
}

// ask asks both and says how they differ.
func (p *pair) ask(question dns.Question, a weather, now int64) error {
	q := a.query(question, 0xBEEF)
	query, err := q.Pack()
	if err != nil {
		return fmt.Errorf("query can't be packed: %w", err)
	}
	p.dress(a)
	got := p.out[:p.responder.Respond(p.set, query, p.out[:room(a.transport)], a.transport, now)]
	want := p.oracle.judge(q, a.transport, now)
	if err := check(want, q, query, a.transport, got); err != nil {
		return fmt.Errorf("%w\n\nat %d, over %v:\n%v\n\nthe oracle says\n%v\n\nthe zones say\n%s",
			err, now-epoch, a.transport, q, p.oracle.answer(q, a.transport, now), dig(got))
	}
	if int(p.responder.Rcode&0xF) != int(got[3]&0xF) || p.responder.Type != question.Qtype {
		return fmt.Errorf("counted rcode %d and type %d for\n%s", p.responder.Rcode, p.responder.Type, dig(got))
	}
	if trusted := p.oracle.trusts(q, now) && want.rcode != dns.RcodeBadVers && want.rcode != dns.RcodeFormatError; p.responder.Trusted != trusted {
		return fmt.Errorf("trusted: %t, want %t, for\n%v", p.responder.Trusted, trusted, q)
	}
	return nil
}

// dress gives both the settings of a.
func (p *pair) dress(a weather) {
	p.responder.Settings, p.oracle.settings = nil, zones.Settings{}
	if a.talkative {
		p.responder.Settings, p.oracle.settings = &talkative, talkative
	}
	p.responder.Client, p.oracle.client, p.oracle.secrets = a.client, a.client, talkativeSecrets
}

// load compiles the world both ways.
func (w *world) load(dir string) (*pair, error) {
	o := &oracle{staff: w.staff}
	var compiled []*zones.Zone
	for i, zone := range w.zones {
		file := filepath.Join(dir, fmt.Sprintf("%d.zone", i))
		if err := os.WriteFile(file, []byte(zone.text), 0o600); err != nil {
			return nil, err
		}
		z, problems := zones.Load(zone.apex, file, zone.dynamics)
		if z == nil {
			return nil, fmt.Errorf("zone %s was refused: %v", zone.apex, problems)
		}
		compiled = append(compiled, z)
		records, err := parse(zone.text, zone.apex)
		if err != nil {
			return nil, err
		}
		o.zones = append(o.zones, newPlainZone(zone.apex, records, zone.dynamics))
	}
	return &pair{set: zones.NewSet(compiled), oracle: o}, nil
}

// parse reads a master file without includes.
func parse(text, origin string) ([]dns.RR, error) {
	p := dns.NewZoneParser(strings.NewReader(text), origin, "")
	var records []dns.RR
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		records = append(records, rr)
	}
	lowestTTL(records)
	return records, p.Err()
}

// room returns the space that Respond is promised.
func room(transport zones.Transport) int {
	if transport != zones.UDP {
		return dns.MaxMsgSize
	}
	return 1232
}

// check compares an answer with what must be said, and says how it differs.
func check(want result, q *dns.Msg, query []byte, transport zones.Transport, got []byte) error {
	m := new(dns.Msg)
	if err := unpack(m, got); err != nil {
		return fmt.Errorf("not a DNS message: %w", err)
	}
	if most := limit(q, transport); len(got) > most {
		return fmt.Errorf("%d octets where %d are allowed", len(got), most)
	}
	if err := checkHead(want, q, m); err != nil {
		return err
	}
	if end := 12 + questionLen(query); len(got) < end || !bytes.Equal(got[12:end], query[12:end]) {
		return errors.New("the question was not echoed as it was asked")
	}
	opts := slices.DeleteFunc(slices.Clone(m.Extra), func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeOPT })
	m.Extra = slices.DeleteFunc(m.Extra, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeOPT })
	if err := checkOPT(want, q, opts, m.Truncated, limit(q, transport)-len(got)); err != nil {
		return err
	}
	return checkSections(want, q, m, limit(q, transport))
}

// checkHead compares the header.
func checkHead(want result, q, m *dns.Msg) error {
	head := dns.MsgHdr{Id: q.Id, Response: true, RecursionDesired: q.RecursionDesired, Authoritative: want.aa, Rcode: want.rcode}
	head.Truncated = m.Truncated
	if m.Truncated && want.chain > 0 && m.Rcode == dns.RcodeSuccess {
		head.Rcode = m.Rcode // the end of the chain was not reached
	}
	if m.MsgHdr != head {
		return fmt.Errorf("header is %+v, want %+v", m.MsgHdr, head)
	}
	return nil
}

// checkOPT wants one OPT record for one (RFC 6891 section 7), with the options that were asked for, and an extended error
// (RFC 8914) if there is room for it. Padding is another matter.
func checkOPT(want result, q *dns.Msg, opts []dns.RR, truncated bool, room int) error {
	asked := q.IsEdns0()
	if asked == nil {
		if len(opts) > 0 {
			return errors.New("an OPT record that nobody asked for")
		}
		return nil
	}
	if len(opts) != 1 {
		return fmt.Errorf("%d OPT records, want 1", len(opts))
	}
	opt := opts[0].(*dns.OPT)
	flags := opt.Hdr.Ttl & 0x00FFFFFF // without the high bits of the rcode
	wantFlags := uint32(0)
	if asked.Do() {
		wantFlags = 0x8000
	}
	if opt.UDPSize() != 1232 || flags != wantFlags || opt.Hdr.Name != "." {
		return fmt.Errorf("OPT is %v", opt)
	}
	wanted := want.options
	got := slices.DeleteFunc(rawOptions(opt), func(o *dns.EDNS0_LOCAL) bool { return o.Code == dns.EDNS0PADDING })
	if last := len(got) - 1; want.ede != nil && last >= 0 && got[last].Code == dns.EDNS0EDE {
		wanted = append(slices.Clone(wanted), want.ede)
	} else if want.ede != nil && !truncated && room >= 6+len(want.ede.ExtraText) {
		return fmt.Errorf("there is room for the extended error %v", want.ede)
	}
	if w := rawOptions(&dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}, Option: wanted}); !reflect.DeepEqual(got, w) {
		return fmt.Errorf("options are %v, want %v", got, w)
	}
	return nil
}

// checkSections compares the records. A server that compresses nothing is the yardstick for what had to be left out.
func checkSections(want result, q, m *dns.Msg, limit int) error {
	must, all := want.message(q, false), want.message(q, true)
	must.Compress, all.Compress = false, false
	if m.Truncated {
		if len(m.Answer)+len(m.Ns)+len(m.Extra) > 0 {
			return errors.New("truncated, but not empty")
		}
		if must.Len() <= limit {
			return fmt.Errorf("truncated, though %d octets are enough", must.Len())
		}
		return nil
	}
	if want.cut {
		if err := sameChain(want.answer, m.Answer); err != nil {
			return err
		}
	} else {
		chain := min(want.chain, len(m.Answer))
		if !slices.Equal(keys(want.answer[:want.chain]), keys(m.Answer[:chain])) {
			return fmt.Errorf("the answer does not begin with the chain\n%v\nbut with\n%v", show(want.answer[:want.chain]), show(m.Answer[:chain]))
		}
		if err := same("answer", want.answer, m.Answer); err != nil {
			return err
		}
	}
	if err := same("authority", want.authority, m.Ns); err != nil {
		return err
	}
	err := same("additional", union(slices.Clone(want.glue), want.extra), m.Extra)
	if err != nil && all.Len() > limit {
		return same("additional", want.glue, m.Extra) // RFC 2181 section 9
	}
	return err
}

// sameChain wants the beginning of an endless chain, up to the limit of hops or one more.
func sameChain(want, got []dns.RR) error {
	var once []dns.RR
	for _, rr := range got {
		once = union(once, []dns.RR{rr})
	}
	cnames := 0
	for i, rr := range want {
		if rr.Header().Rrtype == dns.TypeCNAME {
			cnames++
		}
		if i >= len(once) && cnames <= maxHops {
			return fmt.Errorf("the chain ends too early: %d records", len(once))
		}
	}
	if len(once) > len(want) || !slices.Equal(keys(want[:len(once)]), keys(once)) || len(got) > 2*maxHops+2 {
		return fmt.Errorf("the chain is\n%v\nwant\n%v", show(got), show(want))
	}
	return nil
}

// same compares two sections as sets.
func same(section string, want, got []dns.RR) error {
	w, g := keys(want), keys(got)
	slices.Sort(w)
	slices.Sort(g)
	if slices.Equal(w, g) {
		return nil
	}
	return fmt.Errorf("%s section is\n%s\nwant\n%s", section, show(got), show(want))
}

func show(rrs []dns.RR) string {
	var b strings.Builder
	for _, rr := range rrs {
		fmt.Fprintf(&b, "  %v\n", rr)
	}
	return b.String()
}

// keys returns the records in a form in which equal ones are equal: names that a compressor
// may have pointed to another spelling are in lower case.
func keys(rrs []dns.RR) []string {
	fold := func(s *string) { *s = parseName(*s).String() }
	out := make([]string, 0, len(rrs))
	for _, rr := range rrs {
		rr = dns.Copy(rr)
		fold(&rr.Header().Name)
		switch rr := rr.(type) {
		case *dns.NS:
			fold(&rr.Ns)
		case *dns.CNAME:
			fold(&rr.Target)
		case *dns.PTR:
			fold(&rr.Ptr)
		case *dns.MX:
			fold(&rr.Mx)
		case *dns.SOA:
			fold(&rr.Ns)
			fold(&rr.Mbox)
		}
		out = append(out, plain(rr).String())
	}
	return out
}

// unpack reads a message that must not have anything behind it.
func unpack(m *dns.Msg, wire []byte) error {
	if err := m.Unpack(wire); err != nil {
		return err
	}
	off := 12
	if len(m.Question) > 0 {
		off += questionLen(wire)
	}
	for range len(m.Answer) + len(m.Ns) + len(m.Extra) {
		var err error
		if _, off, err = dns.UnpackRR(wire, off); err != nil {
			return err
		}
	}
	if off != len(wire) {
		return fmt.Errorf("%d octets behind the last record", len(wire)-off)
	}
	return nil
}

// questionLen returns the length of the one question behind the header.
func questionLen(wire []byte) int {
	_, off, err := dns.UnpackDomainName(wire, 12)
	if err != nil {
		return 0
	}
	return off + 4 - 12
}

func dig(wire []byte) string {
	m := new(dns.Msg)
	if err := m.Unpack(wire); err != nil {
		return fmt.Sprintf("%v: %x", err, wire)
	}
	return m.String()
}
