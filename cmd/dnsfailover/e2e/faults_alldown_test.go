package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestFault41AllDown stops the three hosts of four services, one service for each policy, and lets them come back.
func TestFault41AllDown(t *testing.T) {
	t.Parallel()
	a, b, c := newSite(t), newSite(t), newSite(t)
	wanted := map[string]string{"last": c.ip, "first": a.ip, "hold": b.ip, "none": "NODATA"}
	config, first := quick+"services:\n", ""
	for policy := range wanted {
		service := strings.TrimPrefix(web(plain+"\n    all_down: "+policy, a, b, c), "services:\n")
		if first == "" {
			first = policy
		}
		config += strings.NewReplacer("name: web", "name: "+policy, "[www.example.test]", "["+policy+".example.test]").Replace(service)
	}
	s := newServer(t, config, "")
	s.start()
	host := func(policy string) string { return policy + ".example.test" }
	all := func(address string) {
		t.Helper()
		for policy := range wanted {
			s.serves(host(policy), address)
		}
	}
	down := func(name string) {
		t.Helper()
		for policy := range wanted {
			s.verdict(policy, name, "down")
		}
	}
	for policy := range wanted {
		for _, name := range []string{"primary", "backup", "third"} {
			s.verdict(policy, name, "up")
		}
	}
	all(a.ip)
	stop, polls := make(chan struct{}), map[string]<-chan []sample{}
	for policy := range wanted {
		polls[policy] = s.poll(host(policy), 20*time.Millisecond, stop)
	}
	a.becomes("stopped")
	all(b.ip)
	c.becomes("stopped")
	down("third")
	died := time.Now()
	b.becomes("stopped")
	for _, name := range []string{"primary", "backup", "third"} { // one check for all services, called after the first of them
		s.logs(fmt.Sprintf(`msg="verdict changed" check=%s/%s`, first, name), "/"+name+"@")
	}
	for policy, address := range wanted {
		s.serves(host(policy), address)
	}
	down("backup")
	t.Logf("all down after %v", time.Since(died).Round(time.Millisecond))
	for policy, address := range wanted {
		s.serves(host(policy), address)
		service := s.service(policy)
		if service.Rule != "all_down" || !strings.Contains(service.Reason, "down") {
			t.Errorf("%s: rule %q, reason %q", policy, service.Rule, service.Reason)
		}
		mentions(t, "status", s.must("status", policy), "all_down")
	}
	if answer := s.ask(host("none"), dns.TypeA); answer == nil || len(answer.Ns) != 1 || answer.Ns[0].Header().Rrtype != dns.TypeSOA {
		t.Errorf("no NODATA as of RFC 2308: %v", answer)
	}
	c.becomes("up")
	all(c.ip)
	a.becomes("up")
	all(a.ip)
	close(stop)
	for policy, poll := range polls {
		samples := <-poll
		for _, got := range samples {
			switch got.addresses {
			case a.ip, b.ip, c.ip, wanted[policy]:
			default:
				t.Errorf("%s was answered with %q", policy, got.addresses)
			}
		}
		t.Logf("%s: %d answers, none empty but as the policy says", policy, len(samples))
	}
}
