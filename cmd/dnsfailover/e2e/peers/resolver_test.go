package peers

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"dnsfailover/cmd/dnsfailover/e2e/process"
	"dnsfailover/dnsfailover/api"

	"github.com/miekg/dns"
)

const watched = `defaults: {check: {interval: 500ms, timeout: 300ms, fall: 2, rise: 2, recheck: 200ms}}
services:
  - name: web
    records: [www.example.test, "*.wild.example.test"]
    ttl: {min: 1s, max: 5s}
    failback: {mode: auto, after: 6s} # longer than any cache holds an answer: its end is known to all
    targets:
      - {name: primary, addresses: [127.67.0.1], check: {tcp: ":%s"}}
      - {name: backup, addresses: [127.67.0.2], check: {tcp: ":%[1]s"}}
  - name: shop
    records: [shop.example.test]
    ttl: {min: 1s, max: 3s}
    failback: {mode: manual}
    targets:
      - {name: primary, addresses: [127.67.0.3], check: {tcp: ":%[1]s"}}
      - {name: backup, addresses: [127.67.0.4]}
`

const watchedZone = `$TTL 300
@ SOA ns1 hostmaster 1 7200 900 1209600 5
@ NS ns1
ns1 A 127.0.0.1
alias CNAME www
`

// TestResolversFollow looks at two services through a plain and a validating Unbound, 20 times a second, over a failover, a
// failback, an override and its expiry. No answer is older than drained_at promises; after an edge that was known beforehand
// none is older than the second to which a cache's clock counts.
func TestResolversFollow(t *testing.T) {
	t.Parallel()
	unbound := process.Find(t, "unbound", "unbound")
	text, anchor := signedParent(t)
	above := &world{}
	above.add(t, "test.", text)
	parent := startNSD(t, above)

	_, port := freeAddress(t)
	sites := map[string]*listener{}
	for _, ip := range []string{"127.67.0.1", "127.67.0.2", "127.67.0.3"} {
		sites[ip] = &listener{t: t, at: net.JoinHostPort(ip, port)}
		sites[ip].open()
		t.Cleanup(sites[ip].close)
	}
	w := &world{services: fmt.Sprintf(watched, port)}
	w.add(t, "example.test.", watchedZone)
	s := startOurs(t, w, "")
	plain := startUnbound(t, unbound, "plain unbound", "example.test.", stub("example.test", s.address))
	validating := startUnbound(t, unbound, "validating unbound", "example.test.", stub("example.test", s.address)+stub("test", parent.address), anchor)
	if answer := validating.ask(t, "signed.test.", dns.TypeTXT); !answer.AuthenticatedData {
		t.Fatalf("the validating resolver does not validate:\n%v", answer)
	}

	var views []*view
	for _, r := range []*server{plain, validating} {
		for name, service := range map[string]string{"www": "web", "alias": "web", "a.b.wild": "web", "shop": "shop"} {
			views = append(views, r.watch(t, name+".example.test.", service))
		}
	}
	t.Run("web", func(t *testing.T) { // both at once
		t.Parallel()
		story(t, s, "web", views, sites["127.67.0.1"], "127.67.0.1", "127.67.0.2")
	})
	t.Run("shop", func(t *testing.T) {
		t.Parallel()
		story(t, s, "shop", views, sites["127.67.0.3"], "127.67.0.3", "127.67.0.4")
	})
}

// story takes a service through all that can happen to it.
func story(t *testing.T, s *server, service string, views []*view, site *listener, primary, backup string) {
	wait := func(serving string) api.Service {
		t.Helper()
		var got api.Service
		if !process.Eventually(func() bool { got = s.service(t, service); return got.Serving == serving }) {
			t.Fatalf("%s serves %s, not %s", service, got.Serving, serving)
		}
		return got
	}
	// judge waits until every cache must have the new address, and counts what came of the old one after the switch.
	judge := func(what, old, address string, at, drained time.Time) {
		t.Helper()
		stale, worst, late, all := 0, time.Duration(0), 0, 0
		if !process.Eventually(func() bool { return time.Now().After(drained.Add(500 * time.Millisecond)) }) {
			t.Fatalf("%s is drained only at %v", what, drained)
		}
		for _, v := range views {
			if v.service != service {
				continue
			}
			for _, a := range v.since(at) {
				all++
				switch {
				case a.address == old && a.came.After(drained):
					late++
				case a.address == old:
					stale++
					worst = max(worst, a.asked.Sub(at))
				case a.address != address:
					t.Errorf("%s: %s gave %q for %s", what, v.resolver, a.address, v.name)
				}
			}
		}
		t.Logf("%s of %s: %d answers, %d of them old, for at most %v after the switch; the promise was %v", what, service, all, stale,
			worst.Round(time.Millisecond), drained.Sub(at).Round(time.Millisecond))
		if late > 0 {
			t.Errorf("%s: %d answers were old after the instant from which none may be", what, late)
		}
		if all < 20 {
			t.Errorf("%s: only %d answers were seen", what, all)
		}
	}
	// promised holds that nothing was promised over an edge that was known beforehand, but for the second to which caches count.
	promised := func(what string, now api.Service, edge time.Time) {
		t.Helper()
		if late := now.DrainedAt.Sub(edge); late > time.Second {
			t.Errorf("%s: caches may be stale until %v after an edge that was known", what, late)
		}
	}
	if !process.Eventually(func() bool {
		return s.verdict(t, service, "primary") == "up" && s.verdict(t, service, "backup") == "up"
	}) {
		t.Fatal("the targets do not get up")
	}

	site.close()
	now := wait("backup")
	judge("failover", primary, backup, now.Since, *now.DrainedAt)

	site.open()
	if service == "shop" { // by hand
		if !process.Eventually(func() bool { return s.verdict(t, service, "primary") == "up" }) {
			t.Fatal("the primary does not get up")
		}
		s.cli(t, "release", service)
		now = wait("primary")
		judge("manual failback", backup, primary, now.Since, *now.DrainedAt)
	} else {
		now = wait("primary")
		promised("failback", now, now.Since)
		judge("failback", backup, primary, now.Since, *now.DrainedAt)
	}

	s.cli(t, "switch", service, "backup", "--for", "9s", "--reason", "test")
	now = wait("backup")
	until := *now.Override.Until
	judge("override", primary, backup, now.Since, *now.DrainedAt)
	now = wait("primary")
	if !now.Since.Equal(until) {
		t.Errorf("the override ended at %v, not at %v", now.Since, until)
	}
	promised("expiry", now, until)
	judge("expiry", backup, primary, until, *now.DrainedAt)
}

// listener is a target's host, which is there or not.
type listener struct {
	t  *testing.T
	at string

	mu sync.Mutex
	l  net.Listener
}

func (h *listener) open() {
	h.mu.Lock()
	defer h.mu.Unlock()
	l, err := net.Listen("tcp", h.at)
	if err != nil {
		h.t.Error(err)
		return
	}
	h.l = l
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
}

func (h *listener) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.l.Close()
}

func stub(zone, address string) string {
	return fmt.Sprintf("stub-zone:\n  name: %q\n  stub-addr: %s\n", zone, strings.Replace(address, ":", "@", 1))
}

// startUnbound runs a resolver that knows where the zones lie, apex among them. With a trust anchor it validates.
func startUnbound(t *testing.T, path, name, apex, stubs string, anchors ...string) *server {
	t.Helper()
	dir := directory(t)
	host, port := freeAddress(t)
	modules := "iterator"
	if len(anchors) > 0 {
		modules = "validator iterator"
	}
	config := fmt.Sprintf(`server:
  interface: %s@%s
  directory: %q
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  do-ip6: no
  do-not-query-localhost: no
  num-threads: 1
  module-config: %q
  local-zone: "test." nodefault
`, host, port, dir, modules)
	for _, a := range anchors {
		config += fmt.Sprintf("  trust-anchor: %q\n", strings.ReplaceAll(a, "\t", " "))
	}
	config += "remote-control:\n  control-enable: no\n" + stubs
	s := &server{launch(t, name, path, "-d", "-c", write(t, dir, "unbound.conf", config)), net.JoinHostPort(host, port), dir}
	ready(t, s.Process, s.address, []string{apex})
	return s
}

func (s *server) ask(t *testing.T, name string, qtype uint16) *dns.Msg {
	t.Helper()
	query := new(dns.Msg).SetQuestion(name, qtype)
	query.AuthenticatedData = true
	answer, _, err := (&dns.Client{Timeout: 5 * time.Second}).Exchange(query, s.address)
	if err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	return answer
}

// view is what a resolver says about a name, 20 times a second.
type view struct {
	resolver, name, service string

	mu      sync.Mutex
	answers []sample
}

type sample struct {
	asked, came time.Time
	address     string
}

// watch asks until the test ends.
func (s *server) watch(t *testing.T, name, service string) *view {
	v := &view{resolver: s.Name, name: name, service: service}
	stop, done := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() {
		close(stop)
		<-done
	})
	go func() {
		defer close(done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		client := dns.Client{Timeout: 2 * time.Second}
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			a := sample{asked: time.Now()}
			answer, _, err := client.Exchange(new(dns.Msg).SetQuestion(name, dns.TypeA), s.address)
			a.came = time.Now()
			switch {
			case err != nil:
				a.address = err.Error()
			case answer.Rcode != dns.RcodeSuccess || len(answer.Answer) == 0:
				a.address = dns.RcodeToString[answer.Rcode]
			default:
				a.address = fmt.Sprint(answer.Answer[len(answer.Answer)-1])
				if rr, ok := answer.Answer[len(answer.Answer)-1].(*dns.A); ok {
					a.address = rr.A.String()
				}
			}
			v.mu.Lock()
			v.answers = append(v.answers, a)
			v.mu.Unlock()
		}
	}()
	return v
}

// since returns what was asked from then on.
func (v *view) since(at time.Time) []sample {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, a := range v.answers {
		if a.asked.After(at) {
			return append([]sample{}, v.answers[i:]...)
		}
	}
	return nil
}

// cli runs a client command that has to succeed.
func (s *server) cli(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(built, args...)
	cmd.Env = append(os.Environ(), "DNSFAILOVER_SOCKET="+s.dir+"/control.sock")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("dnsfailover %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (s *server) service(t *testing.T, name string) api.Service {
	t.Helper()
	var status api.Status
	if err := json.Unmarshal([]byte(s.cli(t, "status", name, "-o", "json")), &status); err != nil {
		t.Fatal(err)
	}
	return status.Services[0]
}

func (s *server) verdict(t *testing.T, service, target string) string {
	t.Helper()
	for _, got := range s.service(t, service).Targets {
		if got.Name == target {
			return got.Verdict
		}
	}
	return ""
}
