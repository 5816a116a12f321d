package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// ends are the ways in which a server goes.
var ends = map[string]syscall.Signal{"in good order": syscall.SIGTERM, "by kill -9": syscall.SIGKILL}

// Peers' bug 1: what the first probe after a restart says is no verdict. One is lost by the primary of a service that
// serves it, then one is won by the primary of a service that has left it.
func TestPeers01ARestartWithOneLostProbeKeepsTheAnswer(t *testing.T) {
	t.Parallel()
	for how, signal := range ends {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			primary, backup := newSite(t), newSite(t)
			s := newServer(t, quick+web(plain, primary, backup), "").startPinned()
			s.verdict("web", "primary", "up")
			s.verdict("web", "backup", "up")
			s.saved()
			s.Signal(signal)
			<-s.Exit
			primary.loses(1)
			seen := primary.visits()
			s.start()
			stop := make(chan struct{})
			answers := s.poll("www.example.test", 5*time.Millisecond, stop)
			s.wait("the primary was probed three times, the first in vain", func() bool { return primary.visits() >= seen+3 })
			close(stop)
			for _, a := range <-answers {
				if a.addresses != primary.ip {
					t.Fatalf("the answer was %s: one lost probe moved it", a.addresses)
				}
			}

			primary.becomes("503")
			s.serves("www.example.test", backup.ip)
			s.saved()
			s.Signal(signal)
			<-s.Exit
			primary.becomes("up")
			s.start()
			if got, _ := s.addresses("www.example.test", dns.TypeA); got != backup.ip {
				t.Errorf("the first answer was %s: the primary has proved nothing yet", got)
			}
			s.serves("www.example.test", primary.ip)
		})
	}
}

// TestPeers01TheFirstProbeOfAllIsNoVerdict does the same at the first start of all, and after the state was lost.
func TestPeers01TheFirstProbeOfAllIsNoVerdict(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup), "")
	for range 2 {
		primary.loses(1)
		seen := primary.visits()
		s.start()
		stop := make(chan struct{})
		answers := s.poll("www.example.test", 5*time.Millisecond, stop)
		s.wait("the primary was probed three times, the first in vain", func() bool { return primary.visits() >= seen+3 })
		close(stop)
		for _, a := range <-answers {
			if a.addresses != primary.ip {
				t.Fatalf("the answer was %s: one lost probe moved it", a.addresses)
			}
		}
		s.Kill()
		if err := os.RemoveAll(s.path("state")); err != nil {
			t.Fatal(err)
		}
	}
}

// Peers' bug 3: a run of failures goes on over a restart, and so does the TTL that shrinks with it.
func TestPeers03ARestartKeepsCounters(t *testing.T) {
	t.Parallel()
	for how, signal := range ends {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			primary, backup := newSite(t), newSite(t)
			s := newServer(t, "defaults: {check: {interval: 2s, timeout: 500ms, fall: 4, rise: 2, recheck: 2s}}\n"+
				web("ttl: {min: 1s, max: 30s}\n    failback: {mode: auto, after: 0s}", primary, backup), "").startPinned()
			s.verdict("web", "primary", "up")
			primary.becomes("503")
			s.wait("two probes have failed", func() bool {
				a := targetOf(s.service("web"), "primary").Addresses[0]
				return a.LastResult == "status 503, wanted 200-299" && a.Consecutive == 2
			})
			_, before := s.addresses("www.example.test", dns.TypeA)
			s.Signal(signal)
			<-s.Exit
			s.start()
			if got, after := s.addresses("www.example.test", dns.TypeA); got != primary.ip || after > before {
				t.Errorf("after the restart %s with a TTL of %d, before it was %d", got, after, before)
			}
			s.serves("www.example.test", backup.ip)
			// The second failure is lost by a kill: only the begin and the end of a run are told, and the rest is saved at the end.
			allowed := 4
			if signal == syscall.SIGKILL {
				allowed = 5
			}
			if n := primary.failures(); n > allowed {
				t.Errorf("it took %d failures in all, of 4", n)
			}
		})
	}
}

// Peers' bug 15: the first query that is answered at all gets a valid answer, whatever the targets do.
func TestPeers15TheFirstAnswerIsValid(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"up", "hang", "stopped"} {
		t.Run("with targets that are "+how, func(t *testing.T) {
			t.Parallel()
			primary, backup := newSite(t), newSite(t)
			primary.becomes(how)
			backup.becomes(how)
			s := newServer(t, quick+web(plain, primary, backup), "")
			s.moveTo(newIP())
			s.pin(freePort(t))
			s.launch()
			stop := make(chan struct{})
			answers := s.poll("www.example.test", time.Millisecond, stop)
			s.wait("the verdict is there", func() bool { return strings.Contains(s.String(), "verdict changed") })
			s.wait("it is answered", func() bool { return s.ask("www.example.test", dns.TypeA) != nil })
			close(stop)
			all := <-answers
			if len(all) == 0 || all[0].addresses != primary.ip {
				t.Fatalf("of %d answers the first is not the primary's: %+v", len(all), all[:min(len(all), 1)])
			}
			for i, a := range all {
				// With all targets down the last one is served.
				if a.addresses != primary.ip && (how == "up" || a.addresses != backup.ip) {
					t.Fatalf("answer %d of %d is %s", i+1, len(all), a.addresses)
				}
			}
		})
	}
}

// Peers' bugs 21 and 23: a restart under load makes no answer wrong. While no server is there the port says so.
func TestPeers21And23ARestartUnderLoadAnswersNothingWrong(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	other := newIP()
	s := newServer(t, quick+web(plain, primary, backup)+fmt.Sprintf(`
  - name: moved
    records: [moved.example.test]
    targets: [{name: here, addresses: [%s]}, {name: there, addresses: [%s]}]
`, newIP(), other), "").startPinned()
	s.verdict("web", "primary", "up")
	s.must("switch", "moved", "there", "--until-released")
	s.saved()

	s.write("queries", "www.example.test A\nmoved.example.test A\nns1.example.test A\n")
	ip, port, _ := net.SplitHostPort(s.dns)
	load := exec.Command("dnsperf", "-s", ip, "-p", port, "-d", s.path("queries"), "-l", "6", "-Q", "1500", "-t", "1", "-c", "4")
	report := &process.Output{}
	load.Stdout, load.Stderr = report, report
	if err := load.Start(); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	webs, moveds := s.poll("www.example.test", 2*time.Millisecond, stop), s.poll("moved.example.test", 2*time.Millisecond, stop)
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGTERM} {
		seen := primary.visits()
		s.Signal(signal)
		<-s.Exit
		s.start()
		s.wait("the primary was probed again", func() bool { return primary.visits() > seen+2 })
	}
	close(stop)
	for want, answers := range map[string][]sample{primary.ip: <-webs, other: <-moveds} {
		if len(answers) < 100 {
			t.Errorf("only %d answers were seen", len(answers))
		}
		for i, a := range answers {
			if a.addresses != want {
				t.Fatalf("answer %d of %d is %s, want %s", i+1, len(answers), a.addresses, want)
			}
		}
	}
	if err := load.Wait(); err != nil {
		t.Fatalf("dnsperf: %v\n%s", err, report)
	}
	codes := regexp.MustCompile(`Response codes: +NOERROR \d+ \(100\.00%\)`)
	if !codes.MatchString(report.String()) {
		t.Errorf("dnsperf saw something else than NOERROR:\n%s", report)
	}
	t.Logf("%s", regexp.MustCompile(`(?m)^ +(Queries (sent|completed|lost)|Response codes): .*$`).FindAllString(report.String(), -1))
}
