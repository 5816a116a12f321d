package checks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// DNSProbe asks a nameserver one question and judges its answer.
type DNSProbe struct {
	// Server is asked, over UDP, and over TCP if the answer is truncated; only over TCP if TCP is set.
	Server netip.AddrPort
	TCP    bool
	// Name is fully qualified.
	Name string
	Type uint16
	// Rcode is what the answer must have.
	Rcode int
	// Answer must occur in one of the answer's records of Type, as text behind its type; if it is empty and Rcode is
	// NOERROR, any record of that type will do.
	Answer string
}

// QuestionType returns the type of records with that mnemonic; false if there is none that can be asked for.
func QuestionType(mnemonic string) (qtype uint16, ok bool) {
	qtype, ok = dns.StringToType[mnemonic]
	meta := qtype == dns.TypeNone || qtype == dns.TypeOPT || qtype >= 128 && qtype <= 255 && qtype != dns.TypeANY // RFC 6895 section 3.1
	return qtype, ok && !meta
}

// Rcode returns the response code with that mnemonic, such as NXDOMAIN.
func Rcode(mnemonic string) int { return dns.StringToRcode[mnemonic] }

// String describes the probe completely.
func (p *DNSProbe) String() string {
	text := fmt.Sprintf("dns %s %s at %s", p.Name, dns.Type(p.Type), p.Server)
	if p.TCP {
		text += " over TCP"
	}
	text += ", " + dns.RcodeToString[p.Rcode]
	if p.Answer != "" {
		text += fmt.Sprintf(", answer %q", p.Answer)
	}
	return text
}

// Run asks; ctx bounds it.
func (p *DNSProbe) Run(ctx context.Context) Result {
	w := newStopwatch(ctx)
	query := new(dns.Msg).SetQuestion(p.Name, p.Type)
	query.SetEdns0(1232, false)
	packet, err := query.Pack()
	if err != nil {
		return w.failed("the question can't be asked: " + clean(innermost(err)))
	}
	answer, r := p.ask(ctx, w, query, packet, p.TCP)
	if answer != nil && answer.Truncated && !p.TCP {
		answer, r = p.ask(ctx, w, query, packet, true)
	}
	if answer == nil {
		return r
	}
	ok, reason := p.judge(answer)
	r = w.result(ok, reason, nil)
	if w.detailed {
		r.Seen = seenAnswer(answer)
	}
	return r
}

// ask asks once; without an answer the result says why.
func (p *DNSProbe) ask(ctx context.Context, w *stopwatch, query *dns.Msg, packet []byte, tcp bool) (*dns.Msg, Result) {
	network := "udp"
	if tcp {
		network = "tcp"
	}
	d := dialer(ctx, network)
	stream, err := d.DialContext(ctx, network, p.Server.String())
	w.lap(phaseDial)
	if err != nil {
		return nil, w.undialled(routed(ctx, p.Server, err))
	}
	defer stream.Close()
	defer bound(ctx, stream)()
	conn := &dns.Conn{Conn: stream, UDPSize: 4096}
	if _, err := conn.Write(packet); err != nil {
		return nil, w.failed(answerReason(err, "an answer", w.limit))
	}
	for {
		got, err := conn.ReadMsgHeader(nil)
		var answer dns.Msg
		if err == nil {
			err = answer.Unpack(got)
		}
		// What answers another question is late, or forged: the right answer may still come.
		if err == nil && !isAnswer(&answer, query) && !tcp {
			continue
		}
		w.lap(phaseAnswer)
		switch {
		case err != nil:
			return nil, w.failed(unansweredReason(err, w))
		case !isAnswer(&answer, query):
			return nil, w.failed("the answer is to another question")
		}
		return &answer, Result{}
	}
}

// isAnswer says whether a is an answer to q.
func isAnswer(a, q *dns.Msg) bool {
	if !a.Response || a.Id != q.Id || a.Opcode != q.Opcode {
		return false
	}
	if len(a.Question) == 0 { // some leave it out when they refuse
		return a.Rcode != dns.RcodeSuccess
	}
	want, got := q.Question[0], a.Question[0]
	return len(a.Question) == 1 && got.Qtype == want.Qtype && got.Qclass == want.Qclass && strings.EqualFold(got.Name, want.Name)
}

func unansweredReason(err error, w *stopwatch) string {
	var malformed *dns.Error
	var network *net.OpError
	switch {
	case isTimeout(err):
		return fmt.Sprintf("no answer within %s", w.limit)
	case errors.As(err, &malformed), !errors.As(err, &network) && networkReason(err) == "" && !closed(err):
		return "malformed answer: " + clean(strings.TrimPrefix(innermost(err), "dns: "))
	case closed(err):
		return "closed the connection without an answer"
	}
	return answerReason(err, "an answer", w.limit)
}

// judge says whether the answer is a good one.
func (p *DNSProbe) judge(a *dns.Msg) (ok bool, reason string) {
	rcode := func(code int) string {
		if name, known := dns.RcodeToString[code]; known {
			return name
		}
		return fmt.Sprintf("RCODE%d", code)
	}
	if a.Rcode != p.Rcode {
		return false, fmt.Sprintf("%s, wanted %s", rcode(a.Rcode), rcode(p.Rcode))
	}
	if p.Rcode != dns.RcodeSuccess {
		return true, rcode(a.Rcode)
	}
	var texts []string
	for _, rr := range a.Answer {
		if rr.Header().Rrtype != p.Type && p.Type != dns.TypeANY {
			continue
		}
		text := clean(strings.TrimSpace(strings.TrimPrefix(rr.String(), rr.Header().String())))
		if strings.Contains(text, p.Answer) {
			return true, fmt.Sprintf("%s %s", dns.Type(rr.Header().Rrtype), text)
		}
		texts = append(texts, text)
	}
	switch {
	case len(texts) == 0:
		return false, fmt.Sprintf("the answer has no %s record", dns.Type(p.Type))
	case len(texts) > 3:
		texts = append(texts[:3], fmt.Sprintf("and %d more", len(texts)-3))
	}
	return false, clean(fmt.Sprintf("no %s record contains %s: %s", dns.Type(p.Type), brief(p.Answer), strings.Join(texts, ", ")))
}

// seenAnswer shows the header's flags and the records.
func seenAnswer(a *dns.Msg) []string {
	const most = 20
	seen := []string{fmt.Sprintf("answer: %s, authoritative %t, %d answers, %d authority, %d additional",
		dns.RcodeToString[a.Rcode], a.Authoritative, len(a.Answer), len(a.Ns), len(a.Extra))}
	for i, rr := range a.Answer {
		if i == most {
			return append(seen, "and more records")
		}
		seen = append(seen, "record: "+clean(strings.ReplaceAll(rr.String(), "\t", " ")))
	}
	return seen
}
