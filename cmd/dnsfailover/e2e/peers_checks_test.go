package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Peers' bugs 8 and 14: checks run from the start and keep their pace while nobody asks. The first query of all comes
// after the failover, and finds it done.
func TestPeers08And14ChecksRunWithNoQueries(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup), "").start()
	s.verdict("web", "primary", "up")
	seen, begin := primary.visits(), time.Now()
	s.wait("the primary is probed three times more", func() bool { return primary.visits() >= seen+3 })
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("three probes took %v at an interval of a second", took)
	}
	died := time.Now()
	primary.becomes("503")
	s.wait("the backup is served", func() bool { return s.service("web").Serving == "backup" })
	if took, bound := time.Since(died), worstCases(t, s)["web"]; took > bound {
		t.Errorf("nobody asked, and the failover took %v, validate promised %v", took, bound)
	}
	if got, _ := s.addresses("www.example.test", dns.TypeA); got != backup.ip {
		t.Errorf("the first query of all is answered with %s", got)
	}
}

// Peers' bug 9: a check that was removed is not probed any more once the reload is done, and one that is new is.
func TestPeers09ARemovedCheckStops(t *testing.T) {
	t.Parallel()
	primary, backup, third := newSite(t), newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup), "").start()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	before := targetOf(s.service("web"), "primary").Addresses[0]
	s.write("dnsfailover.yaml", listen+quick+web(plain, primary, third))
	s.must("reload")
	s.wait("the new target is probed", func() bool { return third.visits() > 0 })
	seen, others := backup.visits(), primary.visits()
	s.wait("the others were probed four times more", func() bool { return primary.visits() >= others+4 && third.visits() >= 4 })
	if more := backup.visits() - seen; more > 0 {
		t.Errorf("the target that was removed was probed %d times more", more)
	}
	after := targetOf(s.service("web"), "primary").Addresses[0]
	if !after.Since.Equal(*before.Since) || after.Consecutive < before.Consecutive+3 {
		t.Errorf("the check that did not change went from %+v to %+v", before, after)
	}
}

// Peers' bug 11: while all targets are down the answer is that of all_down, however long that lasts and though
// nobody asks; and an unknown target that comes first does not take over from one that is up.
func TestPeers11AllDownStaysAndUnknownTakesNothingOver(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	primary.becomes("503")
	backup.becomes("503")
	s := newServer(t, quick+web("all_down: first\n    ttl: {min: 1s, max: 5s}\n    failback: {mode: auto, after: 0s}", primary, backup), "").startPinned()
	s.wait("all are down", func() bool { return s.service("web").Rule == "all_down" })
	since := s.service("web").Since
	seen := backup.visits()
	s.wait("the backup is probed six times more", func() bool { return backup.visits() >= seen+6 })
	if service := s.service("web"); service.Rule != "all_down" || service.Serving != "primary" || !service.Since.Equal(since) {
		t.Errorf("after a while the state is %+v", service)
	}
	if got, _ := s.addresses("www.example.test", dns.TypeA); got != primary.ip {
		t.Errorf("the first query of all is answered with %s", got)
	}

	backup.becomes("up")
	s.serves("www.example.test", backup.ip)
	fresh := newSite(t)
	fresh.becomes("hang")
	s.write("dnsfailover.yaml", listen+quick+web(plain, fresh, backup, primary))
	s.rewrite("127.0.0.1:0", s.dns)
	stop := make(chan struct{})
	answers := s.poll("www.example.test", 5*time.Millisecond, stop)
	s.must("reload")
	s.verdict("web", "primary", "down")
	s.saved()
	s.Kill()
	s.start()
	s.verdict("web", "third", "down")
	close(stop)
	for i, a := range <-answers {
		if a.addresses != backup.ip {
			t.Fatalf("answer %d is %s: of it nothing is known, and the backup is up", i+1, a.addresses)
		}
	}
}

// Peers' bug 19: a primary that hangs for its whole timeout delays neither the backup's probes nor its verdict.
func TestPeers19AHangingPrimaryDelaysNobody(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, "defaults: {check: {interval: 4s, timeout: 3s, fall: 2, rise: 2, recheck: 300ms}}\n"+web(plain, primary, backup), "")
	primary.becomes("hang")
	begin := time.Now()
	s.start()
	// The round of probes before the sockets open is bounded by one timeout.
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the server listens after %v, a probe takes 3 s", took)
	}
	s.verdict("web", "backup", "up")
	if n := primary.visits(); n > 2 {
		t.Errorf("the backup is up only after %d probes of the primary", n)
	}
	if got := targetOf(s.service("web"), "primary").Verdict; got != "unknown" {
		t.Errorf("the primary is %s by then", got)
	}
}

// Peers' bug 20: of two addresses of a target one dies, and only it leaves the answer; it comes back alone, too.
func TestPeers20EachAddressIsJudgedAlone(t *testing.T) {
	t.Parallel()
	one := newSite(t)
	two, backup := newSiteAt(t, newIP(), one.port), newSite(t)
	s := newServer(t, quick+fmt.Sprintf(`
services:
  - name: web
    records: [www.example.test]
    failback: {mode: auto, after: 0s}
    targets:
      - {name: primary, addresses: [%s, %s], check: %s}
      - {name: backup, addresses: [%s], check: %s}
`, one.ip, two.ip, one.check(), backup.ip, backup.check()), "").start()
	both := one.ip + " " + two.ip
	s.verdict("web", "backup", "up")
	s.serves("www.example.test", both)
	two.becomes("hang")
	s.serves("www.example.test", one.ip)
	if service := s.service("web"); service.Serving != "primary" || targetOf(service, "primary").Verdict != "up" {
		t.Errorf("with one address down: %+v", service)
	}
	one.becomes("stopped")
	s.serves("www.example.test", backup.ip)
	two.becomes("up")
	s.serves("www.example.test", two.ip)
	one.becomes("up")
	s.serves("www.example.test", both)
}

// Peers' bug 31: a probe dials the address that is configured. After the failover the served name leads to the
// backup, which answers well for every name on the same port, and that must not revive the primary.
func TestPeers31TheBackupDoesNotAnswerForThePrimary(t *testing.T) {
	t.Parallel()
	primary := newSite(t)
	backup := newSiteAt(t, newIP(), primary.port)
	s := newServer(t, quick+web(plain, primary, backup), "").start()
	s.serves("www.example.test", primary.ip)
	s.verdict("web", "backup", "up")
	primary.becomes("stopped")
	s.serves("www.example.test", backup.ip)
	seen := backup.visits()
	s.wait("the backup is probed five times more", func() bool { return backup.visits() >= seen+5 })
	service := s.service("web")
	if p := targetOf(service, "primary"); service.Serving != "backup" || p.Verdict != "down" || p.Addresses[0].LastResult != "connection refused" {
		t.Errorf("the primary is stopped, and the state is %+v", service)
	}
	if got, _ := s.addresses("www.example.test", dns.TypeA); got != backup.ip {
		t.Errorf("served is %s", got)
	}
}
