package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnsfailover/dnsfailover/api"
)

// quick are checks that make up their mind within a second or two.
const quick = "defaults: {check: {interval: 1s, timeout: 900ms, fall: 2, rise: 2, recheck: 300ms}}\n"

// plain are the further keys of a service that goes back as soon as it can.
const plain = "ttl: {min: 1s, max: 5s}\n    failback: {mode: auto, after: 0s}"

// web is a service of www.example.test with a target for each site; keys are further keys, as plain, a line each.
func web(keys string, sites ...*site) string {
	var out strings.Builder
	fmt.Fprintf(&out, "services:\n  - name: web\n    records: [www.example.test]\n    %s\n    targets:\n", keys)
	for i, s := range sites {
		name := []string{"primary", "backup", "third"}[i]
		fmt.Fprintf(&out, "      - {name: %s, addresses: [%s], check: %s}\n", name, s.ip, s.check())
	}
	return out.String()
}

// status returns what status -o json prints.
func (s *server) status() api.Status {
	s.t.Helper()
	var status api.Status
	if err := json.Unmarshal([]byte(s.must("status", "-o", "json")), &status); err != nil {
		s.t.Fatal(err)
	}
	return status
}

// service returns the state of one service.
func (s *server) service(name string) api.Service {
	s.t.Helper()
	var status api.Status
	if err := json.Unmarshal([]byte(s.must("status", name, "-o", "json")), &status); err != nil {
		s.t.Fatal(err)
	}
	return status.Services[0]
}

// verdict waits until a target has the verdict.
func (s *server) verdict(service, target, verdict string) {
	s.t.Helper()
	s.wait(fmt.Sprintf("%s of %s is %s", target, service, verdict), func() bool {
		return targetOf(s.service(service), target).Verdict == verdict
	})
}

func targetOf(service api.Service, name string) api.Target {
	for _, t := range service.Targets {
		if t.Name == name {
			return t
		}
	}
	return api.Target{}
}

// saved waits until what has happened so far is on the disk also if nobody asked for that: it is gathered for a second.
func (s *server) saved() {
	s.t.Helper()
	begin := time.Now()
	s.wait("a second has passed", func() bool { return time.Since(begin) > 1200*time.Millisecond })
}

// startPinned starts the server on an address and port that it has also after a restart. The address is its own: on
// another, somebody else could take the port while no server is there.
func (s *server) startPinned() *server {
	s.t.Helper()
	s.moveTo(newIP())
	s.start()
	_, port, _ := net.SplitHostPort(s.dns)
	n, err := strconv.Atoi(port)
	if err != nil {
		s.t.Fatal(err)
	}
	s.pin(n)
	return s
}

// moveTo has the server listen at ip, at a port that it picks.
func (s *server) moveTo(ip string) {
	s.t.Helper()
	s.rewrite("127.0.0.1:0", ip+":0")
	s.dns = ip + ":0"
}

// pin has the server listen on port when it starts next.
func (s *server) pin(port int) {
	s.t.Helper()
	ip, _, _ := net.SplitHostPort(s.dns)
	s.dns = fmt.Sprintf("%s:%d", ip, port)
	s.rewrite(ip+":0", s.dns)
}

// rewrite replaces the first old in the configuration.
func (s *server) rewrite(old, replacement string) {
	s.t.Helper()
	text, err := os.ReadFile(s.path("dnsfailover.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("dnsfailover.yaml", strings.Replace(string(text), old, replacement, 1))
}

// sample is one answer and when it was asked for and came.
type sample struct {
	asked, came time.Time
	addresses   string
	ttl         uint32
}

// poll asks for the A of name every so often, until stop is closed or the test ends, and returns the answers. Queries
// that get none are left out.
func (s *server) poll(name string, every time.Duration, stop <-chan struct{}) <-chan []sample {
	done := make(chan []sample, 1)
	at := &server{t: s.t, dns: s.dns} // which a restart doesn't touch
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		var all []sample
		for {
			asked := time.Now()
			if got, ttl := at.addresses(name, dns.TypeA); got != "" {
				all = append(all, sample{asked, time.Now(), got, ttl})
			}
			select {
			case <-tick.C:
			case <-stop:
				done <- all
				return
			case <-s.t.Context().Done():
				done <- all
				return
			}
		}
	}()
	return done
}

// command is a client command against the server that somebody else than must runs: a shell, a terminal.
func (s *server) command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "DNSFAILOVER_SOCKET="+s.path("control.sock"), "TERM=xterm", "NO_COLOR=")
	return cmd
}

// matches compares the whole of an output with a pattern.
func matches(t *testing.T, got, pattern string) {
	t.Helper()
	if ok, err := regexp.MatchString(`^(?:`+pattern+`)$`, got); err != nil || !ok {
		t.Errorf("(%v) the output is\n%s\nwant\n%s", err, got, pattern)
	}
}
