package zones_test

import (
	"testing"

	"dnsfailover/zones"

	"github.com/miekg/dns"
)

func TestClassCH(t *testing.T) { // 111-113
	set, _ := conformSet(t)
	o := conformOracle(t)
	out := make([]byte, 1232)
	for _, settings := range []*zones.Settings{{}, &talkative, {Identity: "only this"}, {Version: "only that"}} {
		o.settings = *settings
		r := &zones.Responder{Settings: settings}
		told := 0
		for _, qname := range []string{"version.bind.", "VERSION.Bind.", "version.server.", "id.server.", "hostname.bind.", "authors.bind.", "bind.", "a.version.bind.", "www.conform.test.", "."} {
			for _, qtype := range []uint16{dns.TypeTXT, dns.TypeANY, dns.TypeA, dns.TypeSOA, dns.TypeAXFR} {
				q := weather{edns: true, size: 1232, class: dns.ClassCHAOS}.query(dns.Question{Name: qname, Qtype: qtype}, 1)
				query, err := q.Pack()
				if err != nil {
					t.Fatal(err)
				}
				got := out[:r.Respond(set, query, out, zones.UDP, epoch)]
				if err := check(o.judge(q, zones.UDP, epoch), q, query, zones.UDP, got); err != nil {
					t.Errorf("%s %s: %v\n%s", qname, dns.Type(qtype), err, dig(got))
				}
				told += int(got[7])
			}
		}
		want := map[string]int{"": 0, "ns1.test1.0 (test)": 10, "only this": 4, "only that": 6}[settings.Identity+settings.Version]
		if told != want {
			t.Errorf("%+v: %d answers, want %d", settings, told, want)
		}
	}
}
