package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// digs asks dig for each question, and compares header and sections with what is wanted, blanks and times aside.
func (s *server) digs(cases map[string]string) {
	s.t.Helper()
	for question, want := range cases {
		got := essence(s.dig(append(strings.Fields(question), "+norec")...))
		if ok, err := regexp.MatchString("^"+want+"$", got); !ok || err != nil {
			s.t.Errorf("dig %s: (%v)\n%s\nwant\n%s", question, err, got, want)
		}
	}
}

var (
	digStatus = regexp.MustCompile(`status: (\w+),`)
	digFlags  = regexp.MustCompile(`(?m)^;; flags: ([a-z ]*);`)
)

// essence is what matters of an output of dig: the RCODE, the flags, and a line for each record.
func essence(out string) string {
	var lines []string
	section := ""
	for line := range strings.Lines(out) {
		switch line = strings.TrimSpace(line); {
		case strings.HasSuffix(line, " SECTION:"):
			section = strings.Fields(line)[1]
		case line == "" || strings.HasPrefix(line, ";"):
		default:
			lines = append(lines, section+" "+strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(append([]string{digStatus.FindStringSubmatch(out)[1] + " " + digFlags.FindStringSubmatch(out)[1]}, lines...), "\n")
}

const soa = `\nAUTHORITY example\.test\. [1-5] IN SOA ns1\.example\.test\. .*`

// Peers' bugs 12 and 16: what is ours is answered with AA; what is not there with a SOA by which a cache can keep that (RFC 2308);
// a service without an IPv6 address has no AAAA, which is no failure; what is not ours is refused.
func TestPeers12And16AnswersAreAuthoritativeAndNegativesHaveASOA(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup), "").start()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	s.digs(map[string]string{
		"www.example.test A":          `NOERROR qr aa\nANSWER www\.example\.test\. [1-5] IN A ` + primary.ip,
		"www.example.test AAAA":       `NOERROR qr aa` + soa,
		"www.example.test TXT":        `NOERROR qr aa` + soa,
		"www.example.test TYPE65280":  `NOERROR qr aa` + soa,
		"www.example.test HTTPS":      `NOERROR qr aa` + soa,
		"nothing.example.test A":      `NXDOMAIN qr aa` + soa,
		"below.www.example.test A":    `NXDOMAIN qr aa` + soa,
		"nothing.example.test TYPE99": `NXDOMAIN qr aa` + soa,
		"www.example.org A":           `REFUSED qr`,
		". NS":                        `REFUSED qr`,
		"test SOA":                    `REFUSED qr`,
		"example.test SOA":            `NOERROR qr aa\nANSWER example\.test\. 300 IN SOA .*`,
	})
}

// Peers' bugs 7 and 12: an IPv6 address in a check's URL stands in brackets, and so does the Host that the target sees.
func TestPeers12AnIPv6LiteralIsProbed(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	strict := newSiteAt(t, "::1", port)
	strict.host = fmt.Sprintf("[::1]:%d", port)
	s := newServer(t, quick+fmt.Sprintf(`
services:
  - name: web
    records: [www.example.test]
    targets:
      - {name: primary, addresses: ["::1"], check: {http: "http://[::1]:%d/health", body: ok}}
      - {name: backup, addresses: ["::2"], check: {tcp: "[::1]:%d"}}
`, port, port), "").start()
	s.verdict("web", "primary", "up")
	s.digs(map[string]string{
		"www.example.test AAAA": `NOERROR qr aa\nANSWER www\.example\.test\. \d+ IN AAAA ::1`,
		"www.example.test A":    `NOERROR qr aa` + soa,
	})
}
