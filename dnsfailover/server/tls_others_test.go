package server

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnsfailover/zones"
)

// The real thing, with what others use. Answers are padded (RFC 8467 section 4.1).
func TestTLSWithKdig(t *testing.T) {
	if _, err := exec.LookPath("kdig"); err != nil {
		t.Skip("kdig is not installed")
	}
	set := zones.NewSet([]*zones.Zone{loaded(t, "example.com.")})
	files := newFiles(t)
	certificate, key := files.write(t, 1, time.Now().Add(time.Hour))
	s, _ := startTLS(t, Options{
		Set: func() *zones.Set { return set },
		TLS: &TLSOptions{Certificate: certificate, Key: key},
	}, real())
	port := fmt.Sprint(s.TLSAddresses()[0].Port())
	out, err := exec.Command("kdig", "@127.0.0.1", "-p", port, "+tls-ca="+certificate, "+tls-hostname=localhost", "+edns", "+padding", "+stats", "example.com", "A").CombinedOutput()
	for _, want := range []string{"status: NOERROR", "192.0.2.1", "PADDING", "Received 468 B"} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("no %q, %v:\n%s", want, err, out)
		}
	}
	if got := s.Counters().Queries; len(got) != 1 || got[0] != (QueryCount{"example.com.", "tls", "A", "NOERROR", 1}) {
		t.Errorf("counted %v", got)
	}
}

// miekg's client asks for the same over each transport.
func TestTLSAnswersAsTCPDoes(t *testing.T) {
	set := zones.NewSet([]*zones.Zone{loaded(t, "example.com.")})
	s, _ := startTLS(t, Options{Set: func() *zones.Set { return set }}, real())
	for _, name := range []string{"example.com.", "no.example.com.", "example.org."} {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeSOA, dns.TypeANY, dns.TypeAXFR, dns.TypeTKEY} {
			for _, opcode := range []int{dns.OpcodeQuery, dns.OpcodeUpdate, dns.OpcodeNotify} {
				m := new(dns.Msg).SetQuestion(name, qtype)
				m.Opcode = opcode
				over := func(network string, address netip.AddrPort) string {
					client := dns.Client{Net: network, TLSConfig: trusting()}
					answer, _, err := client.Exchange(m, address.String())
					if err != nil {
						t.Fatalf("%s %d over %s: %v", name, qtype, network, err)
					}
					return answer.String()
				}
				if tcp, tls := over("tcp", s.Addresses()[0]), over("tcp-tls", s.TLSAddresses()[0]); tcp != tls {
					t.Errorf("over TCP:\n%s\nover TLS:\n%s", tcp, tls)
				}
			}
		}
	}
}
