package peers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// comparison is one query with two answers.
type comparison struct {
	world *world
	question
	peer       string
	unreadable error    // of their answer
	ours       *dns.Msg // nil for silence
	theirs     *dns.Msg
	size       [2]int // octets of the answers
}

// fields returns what differs: unreadable, silence, rcode, aa, tc, flags, question, answer, authority, additional, opt or case.
func (c *comparison) fields() []string {
	if c.unreadable != nil {
		return []string{"unreadable"}
	}
	if c.ours == nil || c.theirs == nil {
		if c.ours == c.theirs {
			return nil
		}
		return []string{"silence"}
	}
	var list []string
	differ := func(field string, yes bool) {
		if yes && !slices.Contains(list, field) {
			list = append(list, field)
		}
	}
	a, b := c.ours, c.theirs
	differ("rcode", rcode(a) != rcode(b))
	differ("aa", a.Authoritative != b.Authoritative)
	differ("tc", a.Truncated != b.Truncated)
	differ("flags", a.RecursionAvailable != b.RecursionAvailable || a.RecursionDesired != b.RecursionDesired || a.Zero != b.Zero ||
		a.AuthenticatedData != b.AuthenticatedData || a.CheckingDisabled != b.CheckingDisabled || a.Opcode != b.Opcode || !a.Response || !b.Response)
	differ("question", fmt.Sprint(a.Question) != fmt.Sprint(b.Question))
	differ("opt", opt(a) != opt(b))
	if a.Truncated || b.Truncated {
		return list // what a truncated answer holds is not to be used (RFC 2181 section 9); TCP has it all
	}
	differ("answer", lines(a.Answer, true, true) != lines(b.Answer, true, true))
	differ("authority", lines(a.Ns, true, true) != lines(b.Ns, true, true))
	differ("additional", lines(a.Extra, false, true) != lines(b.Extra, false, true))
	if len(list) == 0 {
		differ("case", lines(a.Answer, true, false)+lines(a.Ns, true, false)+lines(a.Extra, false, false) !=
			lines(b.Answer, true, false)+lines(b.Ns, true, false)+lines(b.Extra, false, false))
	}
	return list
}

// rcode returns it with its extended bits.
func rcode(m *dns.Msg) int { return m.Rcode }

// opt returns what the OPT records say, but for the payload size, which is everybody's own.
func opt(m *dns.Msg) string {
	s := ""
	for _, rr := range m.Extra {
		if o, ok := rr.(*dns.OPT); ok {
			s += fmt.Sprintf("OPT name %s version %d do %t z %x options %v\n", o.Hdr.Name, o.Version(), o.Do(), o.Z(), o.Option)
		}
	}
	return s
}

// lines returns a section as text, without OPT: in the order of owners if that matters, as it does for aliases, and the records of
// each owner sorted.
func lines(section []dns.RR, ordered, fold bool) string {
	var all []string
	var group []string
	last := ""
	flush := func() {
		slices.Sort(group)
		all = append(all, group...)
		group = nil
	}
	for _, rr := range section {
		if rr.Header().Rrtype == dns.TypeOPT {
			continue
		}
		text := rr.String()
		if fold {
			text = folded(rr)
		}
		if owner := dns.CanonicalName(rr.Header().Name); ordered && owner != last {
			flush()
			last = owner
		}
		group = append(group, text)
	}
	flush()
	return strings.Join(all, "\n")
}

// folded returns a record as text, with names in small letters where a server may compress them or keep them so, and the parameters
// of services in the order of the wire.
func folded(rr dns.RR) string {
	c := dns.Copy(rr)
	c.Header().Name = dns.CanonicalName(c.Header().Name)
	small := func(names ...*string) {
		for _, n := range names {
			*n = dns.CanonicalName(*n)
		}
	}
	switch c := c.(type) {
	case *dns.CNAME:
		small(&c.Target)
	case *dns.DNAME:
		small(&c.Target)
	case *dns.NS:
		small(&c.Ns)
	case *dns.MX:
		small(&c.Mx)
	case *dns.PTR:
		small(&c.Ptr)
	case *dns.SOA:
		small(&c.Ns, &c.Mbox)
	case *dns.SRV:
		small(&c.Target)
	case *dns.SVCB:
		sortParameters(c.Value)
	case *dns.HTTPS:
		sortParameters(c.Value)
	case *dns.MB:
		small(&c.Mb)
	case *dns.MG:
		small(&c.Mg)
	case *dns.MR:
		small(&c.Mr)
	case *dns.MINFO:
		small(&c.Rmail, &c.Email)
	}
	return c.String()
}

// String shows both answers.
func (c *comparison) String() string {
	show := func(m *dns.Msg, size int) string {
		if m == nil {
			return "silence\n"
		}
		text := fmt.Sprintf("(%d octets)\n%v", size, m)
		if len(text) > 3000 {
			text = text[:3000] + "…\n"
		}
		return text
	}
	return fmt.Sprintf("asked for %v\n--- dnsfailover: %s--- %s: %s", c.question, show(c.ours, c.size[0]), c.peer, show(c.theirs, c.size[1]))
}

func sortParameters(list []dns.SVCBKeyValue) {
	slices.SortFunc(list, func(a, b dns.SVCBKeyValue) int { return int(a.Key()) - int(b.Key()) })
}
