package peers

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/miekg/dns"
)

// question is one query, with what may matter besides the name and the type.
type question struct {
	name  string
	qtype uint16
	class uint16
	edns  uint16 // payload size; 0: no EDNS
	do    bool
	rd    bool
	tcp   bool
}

func (q question) String() string {
	s := fmt.Sprintf("%s %s %s", q.name, dns.Class(q.class), dns.Type(q.qtype))
	if q.edns > 0 {
		s += fmt.Sprintf(" +bufsize=%d", q.edns)
	}
	for flag, on := range map[string]bool{" +do": q.do, " +rd": q.rd, " +tcp": q.tcp} {
		if on {
			s += flag
		}
	}
	return s
}

// pack returns the query as it is sent.
func (q question) pack(id uint16) []byte {
	m := &dns.Msg{MsgHdr: dns.MsgHdr{Id: id, RecursionDesired: q.rd}}
	m.Question = []dns.Question{{Name: q.name, Qtype: q.qtype, Qclass: q.class}}
	if q.edns > 0 {
		m.SetEdns0(q.edns, q.do)
	}
	out, err := m.Pack()
	if err != nil {
		panic(fmt.Sprintf("%v: %v", q, err))
	}
	return out
}

// line is one client's way to one server, over both transports.
type line struct {
	address  string
	udp, tcp net.Conn
	buffer   []byte
}

func (l *line) close() {
	for _, c := range []net.Conn{l.udp, l.tcp} {
		if c != nil {
			c.Close()
		}
	}
}

// ask sends the query and returns what came back; nil for nothing.
func (l *line) ask(q question) ([]byte, error) {
	query := q.pack(uint16(rand.Uint32()))
	if q.tcp {
		for range 2 { // an idle connection may have been closed
			if l.tcp == nil {
				c, err := net.DialTimeout("tcp", l.address, 5*time.Second)
				if err != nil {
					return nil, err
				}
				l.tcp = c
			}
			_ = l.tcp.SetDeadline(time.Now().Add(5 * time.Second))
			conn := dns.Conn{Conn: l.tcp}
			if _, err := conn.Write(query); err == nil {
				if got, err := conn.ReadMsgHeader(nil); err == nil {
					return got, nil
				}
			}
			l.tcp.Close()
			l.tcp = nil
		}
		return nil, nil
	}
	if l.udp == nil {
		c, err := net.Dial("udp", l.address)
		if err != nil {
			return nil, err
		}
		l.udp, l.buffer = c, make([]byte, 1<<16)
	}
	for range 3 {
		if _, err := l.udp.Write(query); err != nil {
			return nil, err
		}
		_ = l.udp.SetReadDeadline(time.Now().Add(2 * time.Second))
		for {
			n, err := l.udp.Read(l.buffer)
			if err != nil {
				break
			}
			if n >= 2 && slices.Equal(l.buffer[:2], query[:2]) {
				return slices.Clone(l.buffer[:n]), nil
			}
		}
	}
	return nil, nil
}

// commonTypes are asked for everywhere.
var commonTypes = []uint16{
	dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeNS, dns.TypeSOA, dns.TypeMX, dns.TypeCNAME, dns.TypeDNAME, dns.TypeDS,
	dns.TypeSRV, dns.TypePTR, dns.TypeHTTPS, dns.TypeANY, dns.TypeDNSKEY, 65280,
}

// questions makes queries for all names of a world and for many that are next to them.
func (w *world) questions(rnd *rand.Rand) []question {
	types := map[string][]uint16{}
	redirected := map[string]bool{}
	var names []string
	see := func(name string, qtype ...uint16) {
		if key := dns.CanonicalName(name); types[key] == nil {
			types[key] = append([]uint16{}, commonTypes...)
			names = append(names, name)
		}
		for _, typ := range qtype {
			if key := dns.CanonicalName(name); !slices.Contains(types[key], typ) {
				types[key] = append(types[key], typ)
			}
		}
	}
	for _, z := range w.zones {
		for _, rr := range z.records {
			see(rr.Header().Name, rr.Header().Rrtype)
			if rr.Header().Rrtype == dns.TypeDNAME {
				redirected[dns.CanonicalName(rr.Header().Name)] = true
			}
			for name := rr.Header().Name; name != "."; name = parent(name) {
				see(parent(name))
			}
			for _, target := range targets(rr) {
				see(target)
			}
		}
	}
	var list []question
	for _, name := range names {
		here := types[dns.CanonicalName(name)]
		for _, qtype := range here {
			list = append(list, weather(rnd, name, qtype))
		}
		for _, near := range neighbours(rnd, name) {
			for range 2 {
				list = append(list, weather(rnd, near, here[rnd.IntN(len(here))]))
			}
			if redirected[dns.CanonicalName(name)] { // such answers can be about as long as they may be
				list = append(list, question{name: near, qtype: dns.TypeCNAME, class: dns.ClassINET})
			}
		}
	}
	rnd.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// weather draws what may matter besides the name and the type.
func weather(rnd *rand.Rand, name string, qtype uint16) question {
	q := question{name: name, qtype: qtype, class: dns.ClassINET}
	q.edns = []uint16{0, 0, 512, 1232, 1232, 4096}[rnd.IntN(6)]
	q.do = q.edns > 0 && rnd.IntN(3) == 0
	q.rd = rnd.IntN(2) == 0
	q.tcp = rnd.IntN(8) == 0
	if rnd.IntN(200) == 0 {
		q.class = []uint16{dns.ClassHESIOD, dns.ClassANY, dns.ClassNONE, 4711}[rnd.IntN(4)]
	}
	return q
}

// neighbours returns names next to one: below it, beside it, in other capitals.
func neighbours(rnd *rand.Rand, name string) []string {
	near := []string{
		"zz." + name, "*." + name, "a.zz." + name, "www." + name, "a." + name, "zz." + parent(name), "zz" + name, capitals(rnd, name),
	}
	for i, n := range near {
		near[i] = strings.ReplaceAll(n, "..", ".")
	}
	return slices.DeleteFunc(near, func(s string) bool { return !fits(s) })
}

// capitals changes the case of letters at random.
func capitals(rnd *rand.Rand, name string) string {
	return strings.Map(func(r rune) rune {
		if rnd.IntN(2) == 0 {
			return unicode.ToUpper(r)
		}
		return r
	}, name)
}

// fits says whether a name has at most 255 octets and its labels at most 63.
func fits(name string) bool {
	size, err := dns.PackDomainName(name, make([]byte, 300), 0, nil, false)
	return err == nil && size <= 255
}

func parent(name string) string {
	next, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[next:]
}

// targets returns the names that a record points at.
func targets(rr dns.RR) []string {
	switch rr := rr.(type) {
	case *dns.CNAME:
		return []string{rr.Target}
	case *dns.DNAME:
		return []string{rr.Target}
	case *dns.NS:
		return []string{rr.Ns}
	case *dns.MX:
		return []string{rr.Mx}
	case *dns.SRV:
		return []string{rr.Target}
	case *dns.PTR:
		return []string{rr.Ptr}
	case *dns.SVCB:
		return []string{rr.Target}
	case *dns.HTTPS:
		return []string{rr.Target}
	case *dns.NAPTR:
		return []string{rr.Replacement}
	}
	return nil
}
