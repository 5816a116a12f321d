package e2e

import (
	"crypto/tls"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// TestFailover kills a real HTTPS origin in every way that the field knows, each with a service of its own on one
// server, and compares the time until the backup is served with the worst case that validate printed.
func TestFailover(t *testing.T) {
	deaths := []string{
		"stopped", "503", "hang", "reset", "wrong certificate", "expired certificate", "unknown authority", "empty", "redirect", "endless", "no ok",
	}
	ca, stranger := newAuthority(t), newAuthority(t)
	certs := map[string]tls.Certificate{
		"":                    ca.issue(t, "www.example.test", time.Now().Add(time.Hour)),
		"wrong certificate":   ca.issue(t, "other.example.test", time.Now().Add(time.Hour)),
		"expired certificate": ca.issue(t, "www.example.test", time.Now().Add(-time.Minute)),
		"unknown authority":   stranger.issue(t, "www.example.test", time.Now().Add(time.Hour)),
	}
	port := freePort(t)
	config := "defaults: {check: {interval: 1s, timeout: 400ms, fall: 2, rise: 2, recheck: 300ms, ca: ca.pem}}\nservices:\n"
	origins := make([]*origin, len(deaths)+1)
	for i := range deaths {
		origins[i] = newOrigin(t, fmt.Sprintf("127.0.1.%d:%d", i+1, port), certs)
		config += fmt.Sprintf(serviceYAML, i, i, fmt.Sprintf("127.0.1.%d", i+1), port)
	}
	last := len(deaths)
	origins[last] = newOrigin(t, fmt.Sprintf("[::1]:%d", port), certs)
	config += fmt.Sprintf(serviceYAML, last, last, `"::1"`, port)

	s := newServer(t, config, "")
	s.write("ca.pem", ca.pem)
	bounds := worstCases(t, s)
	s.start()
	for i, death := range append(deaths, "stopped") {
		family := dns.TypeA
		up := fmt.Sprintf("127.0.1.%d", i+1)
		name := death
		if i == last {
			family, up, name = dns.TypeAAAA, "::1", "stopped, IPv6"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := fmt.Sprintf("w%d.example.test", i)
			shows := func(what string, service string, want string) time.Time {
				t.Helper()
				got := ""
				if !process.Eventually(func() bool { got, _ = s.addresses(host, family); return got == want }) {
					t.Fatalf("%s: %s is %q, want %q\n%s", what, host, got, want, s.must("status", service))
				}
				return time.Now()
			}
			service := fmt.Sprintf("s%d", i)
			shows("at the start", service, up)
			s.wait("the primary's verdict is up", func() bool { return strings.Contains(s.must("status", service, "-o", "json"), `"verdict": "up"`) })

			died := time.Now()
			origins[i].behave(death)
			backup := "127.0.2.1"
			if i == last {
				backup = "NODATA" // the backup has no IPv6 address
			}
			took := shows("after its death", service, backup).Sub(died)
			t.Logf("%-20s detected and served in %v, validate promised %v", name, took.Round(time.Millisecond), bounds[service])
			if took > bounds[service] {
				t.Errorf("detection took %v, more than validate's %v", took, bounds[service])
			}
			origins[i].behave("good")
			shows("after its return", service, up)
		})
	}
}

// serviceYAML is a service w… with number, number, address of the primary, port.
const serviceYAML = `
  - name: s%d
    records: [w%d.example.test]
    ttl: {min: 1s, max: 10s}
    failback: {mode: auto, after: 1s}
    targets:
      - {name: primary, addresses: [%s], check: {http: "https://www.example.test:%d/healthz", body: ok}}
      - {name: backup, addresses: [127.0.2.1]}
`

var boundLine = regexp.MustCompile(`(?m)^\s*(\S+): +detected within (\S+), every cache follows within (\S+)$`)

// worstCases returns what validate prints for each service.
func worstCases(t *testing.T, s *server) map[string]time.Duration {
	t.Helper()
	out, err := exec.Command(binary, "validate", "--config", s.path("dnsfailover.yaml")).CombinedOutput()
	if err != nil {
		t.Fatalf("validate: %v\n%s", err, out)
	}
	bounds := map[string]time.Duration{}
	for _, m := range boundLine.FindAllStringSubmatch(string(out), -1) {
		if bounds[m[1]], err = time.ParseDuration(m[2]); err != nil {
			t.Fatal(err)
		}
	}
	if len(bounds) == 0 {
		t.Fatalf("validate printed no worst case:\n%s", out)
	}
	return bounds
}

// freePort returns a port that was free on loopback a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
