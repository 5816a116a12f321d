package e2e

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"
)

// TestServiceOfManyNames has one service with two families, a wildcard and names in two zones, and aliases that
// lead to it: all of them move together, over UDP as over TCP.
func TestServiceOfManyNames(t *testing.T) {
	t.Parallel()
	four, backup := newSite(t), newSite(t)
	six := newSiteAt(t, "::1", four.port)
	s := newServer(t, "", "alias CNAME www\nfar CNAME www.example.net.\nout CNAME www.example.org.\n*.apps TXT text\n")
	s.write("example.net.zone", zoneHead+"back CNAME www.example.test.\n")
	s.write("dnsfailover.yaml", `
listen: {dns: ["127.0.0.1:0"], admin: "127.0.0.1:0", control: control.sock}
state: state
zones:
  - {name: example.test, file: example.test.zone}
  - {name: example.net, file: example.net.zone}
`+quick+fmt.Sprintf(`
services:
  - name: web
    records: [www.example.test, example.test, "*.apps.example.test", www.example.net]
    ttl: {min: 1s, max: 7s}
    failback: {mode: auto, after: 0s}
    targets:
      - {name: primary, addresses: [%s, "::1"], check: %s}
      - {name: backup, addresses: [%s], check: %s}
`, four.ip, four.check(), backup.ip, backup.check()))
	s.start()
	for _, target := range []string{"primary", "backup"} {
		s.verdict("web", target, "up")
	}
	s.wait("both families are up", func() bool {
		return len(s.service("web").Answers) == 2
	})

	// Each case is the answer's name behind the aliases, with the lines of those.
	names := map[string]struct{ owner, aliases string }{
		"www.example.test":      {`www\.example\.test\.`, ""},
		"WWW.Example.Test":      {`WWW\.Example\.Test\.`, ""},
		"example.test":          {`example\.test\.`, ""},
		"www.example.net":       {`www\.example\.net\.`, ""},
		"a.apps.example.test":   {`a\.apps\.example\.test\.`, ""},
		"a.b.apps.example.test": {`a\.b\.apps\.example\.test\.`, ""},
		"alias.example.test":    {`www\.example\.test\.`, `\nANSWER alias\.example\.test\. 300 IN CNAME www\.example\.test\.`},
		"far.example.test":      {`www\.example\.net\.`, `\nANSWER far\.example\.test\. 300 IN CNAME www\.example\.net\.`},
		"back.example.net":      {`www\.example\.test\.`, `\nANSWER back\.example\.net\. 300 IN CNAME www\.example\.test\.`},
	}
	moved := func(a, aaaa string, how ...string) {
		t.Helper()
		for name, n := range names {
			want := map[string]string{"A": a, "AAAA": aaaa}
			for qtype, address := range want {
				answer := `NOERROR qr aa` + n.aliases
				if address != "" {
					answer += `\nANSWER ` + n.owner + ` \d IN ` + qtype + ` ` + address
				} else {
					answer += `\nAUTHORITY (?i:example\.(test|net))\. [1-5] IN SOA .*`
				}
				for _, h := range append(how, "") {
					s.digs(map[string]string{name + " " + qtype + " " + h: answer})
				}
			}
		}
	}
	moved(four.ip, "::1", "+tcp", "+noedns")
	s.digs(map[string]string{
		"out.example.test A":        `NOERROR qr aa\nANSWER out\.example\.test\. 300 IN CNAME www\.example\.org\.`,
		"a.apps.example.test TXT":   `NOERROR qr aa\nANSWER a\.apps\.example\.test\. 300 IN TXT "text"`,
		"a.apps.example.test MX":    `NOERROR qr aa` + soa,
		"apps.example.test A":       `NOERROR qr aa` + soa,
		"apps.example.net A":        `NXDOMAIN qr aa\nAUTHORITY example\.net\. .*`,
		"nothing.www.example.net A": `NXDOMAIN qr aa\nAUTHORITY example\.net\. .*`,
	})

	six.becomes("stopped")
	s.wait("only IPv4 is left", func() bool { got, _ := s.addresses("www.example.test", dns.TypeAAAA); return got == "NODATA" })
	moved(four.ip, "")
	four.becomes("503")
	s.serves("www.example.test", backup.ip)
	moved(backup.ip, "")
	six.becomes("up")
	s.wait("only IPv6 is left", func() bool { got, _ := s.addresses("www.example.test", dns.TypeAAAA); return got == "::1" })
	moved("", "::1")
}

// TestTCPEqualsUDP asks both for everything that the zone knows, and more.
func TestTCPEqualsUDP(t *testing.T) {
	t.Parallel()
	primary := newSite(t)
	s := newServer(t, quick+web(plain, primary), "big TXT "+fmt.Sprintf("%0200d %0200d %0200d", 1, 2, 3)+"\n").start()
	s.serves("www.example.test", primary.ip)
	s.verdict("web", "primary", "up")
	tcp := dns.Client{Net: "tcp", Timeout: patience}
	udp := dns.Client{UDPSize: 1232, Timeout: patience}
	for _, name := range []string{"www.example.test.", "example.test.", "ns1.example.test.", "big.example.test.", "nothing.example.test.", "example.org."} {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeNS, dns.TypeSOA, dns.TypeANY, 65280} {
			query := new(dns.Msg).SetQuestion(name, qtype).SetEdns0(1232, false)
			overTCP, _, err := tcp.Exchange(query, s.dns)
			if err != nil {
				t.Fatal(err)
			}
			overUDP, _, err := udp.Exchange(query, s.dns)
			if err != nil {
				t.Fatal(err)
			}
			if overTCP.String() != overUDP.String() {
				t.Errorf("over TCP\n%s\nover UDP\n%s", overTCP, overUDP)
			}
		}
	}
	short, _, err := (&dns.Client{Timeout: patience}).Exchange(new(dns.Msg).SetQuestion("big.example.test.", dns.TypeTXT), s.dns)
	if err != nil || !short.Truncated || len(short.Answer) > 0 {
		t.Errorf("600 octets over UDP without EDNS: %v\n%s", err, short)
	}
	if out := s.dig("big.example.test", "TXT", "+noedns"); !digStatus.MatchString(out) || len(out) < 800 {
		t.Errorf("dig did not follow up over TCP:\n%s", out)
	}
}
