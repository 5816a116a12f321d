package zones_test

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"dnsfailover/zones"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

var questionTypes = []uint16{
	dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeCNAME, dns.TypeSOA, dns.TypeMX, dns.TypeTXT, dns.TypeSRV, dns.TypeHTTPS, dns.TypeSVCB, dns.TypeCAA,
	dns.TypeHINFO, dns.TypePTR, dns.TypeDS, dns.TypeDNAME, dns.TypeANY, 65280, 666, dns.TypeRRSIG, dns.TypeDNSKEY, dns.TypeAXFR, dns.TypeTKEY,
}

// questions returns each type for each name of the world and the names around it.
func (w *world) questions() []dns.Question {
	names := map[string]string{}
	add := func(s string) {
		if fits(s) {
			names[parseName(s).key()] = s
		}
	}
	for _, z := range w.zones {
		for _, owner := range append(z.owners, ".", "test.", "nottest.", "out.example.") {
			below := "." + strings.TrimPrefix(owner, ".")
			for _, label := range []string{"a", "b", "*", "zz", "a.b", "ns", "c.*", long, long + "." + long + "." + long} {
				add(label + below)
			}
			for n := parseName(owner); len(n) > 0; n = n[1:] {
				add(n.String())
			}
			add(owner)
		}
	}
	var out []dns.Question
	for _, s := range names {
		for _, typ := range questionTypes {
			out = append(out, dns.Question{Name: s, Qtype: typ, Qclass: dns.ClassINET})
		}
	}
	slices.SortFunc(out, func(a, b dns.Question) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Qtype, b.Qtype))
	})
	return out
}

// weather is how a question comes in.
type weather struct {
	transport zones.Transport
	head      dns.MsgHdr
	edns, do  bool
	size      uint16
	version   uint8
	class     uint16
	capitals  bool
	options   []dns.EDNS0
	talkative bool // everything is on
	client    netip.Addr
}

// weathers draws a few, the first of which is ordinary.
var weathers = rapid.Custom(func(t *rapid.T) []weather {
	list := []weather{{edns: true, size: 1232, class: dns.ClassINET}}
	for range rapid.IntRange(1, 4).Draw(t, "weathers") {
		flag := rapid.Bool()
		list = append(list, weather{
			transport: rapid.SampledFrom([]zones.Transport{zones.UDP, zones.UDP, zones.Stream, zones.TLS}).Draw(t, "transport"),
			head: dns.MsgHdr{
				Authoritative: flag.Draw(t, "aa"), Truncated: flag.Draw(t, "tc"), RecursionDesired: flag.Draw(t, "rd"),
				RecursionAvailable: flag.Draw(t, "ra"), Zero: flag.Draw(t, "z"), AuthenticatedData: flag.Draw(t, "ad"), CheckingDisabled: flag.Draw(t, "cd"),
			},
			edns: flag.Draw(t, "edns"), do: flag.Draw(t, "do"),
			size:     rapid.SampledFrom([]uint16{0, 511, 512, 600, 1000, 1232, 1233, 4096, 65535}).Draw(t, "size"),
			version:  rapid.SampledFrom([]uint8{0, 0, 0, 0, 0, 0, 0, 1, 255}).Draw(t, "version"),
			class:    rapid.SampledFrom([]uint16{1, 1, 1, 1, 1, 1, 1, 0, 3, 4, 254, 255, 77}).Draw(t, "class"),
			capitals: flag.Draw(t, "capitals"), options: options.Draw(t, "options"), talkative: flag.Draw(t, "talkative"),
			client: clients.Draw(t, "client"),
		})
	}
	return list
})

// query asks the question in this weather.
func (a weather) query(question dns.Question, id uint16) *dns.Msg {
	m := &dns.Msg{MsgHdr: a.head, Question: []dns.Question{question}}
	m.Id = id
	m.Question[0].Qclass = a.class
	if a.capitals {
		m.Question[0].Name = strings.ToUpper(question.Name)
	}
	if a.edns {
		m.SetEdns0(a.size, a.do)
		m.IsEdns0().SetVersion(a.version)
		m.IsEdns0().Option = a.options
	}
	return m
}
