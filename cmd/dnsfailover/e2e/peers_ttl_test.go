package e2e

import (
	"testing"
	"time"
)

// heldUntil returns the instant from which a cache that got an answer with this TTL at came no longer gives it. Its clock
// counts whole seconds, which begin at phase: it gives the answer until its clock has gone further than ttl.
func heldUntil(came time.Time, ttl uint32, phase time.Duration) time.Time {
	return came.Add(-phase).Truncate(time.Second).Add(phase + time.Duration(ttl+1)*time.Second)
}

// phases are those of the second at which caches are tried.
var phases = []time.Duration{0, 250 * time.Millisecond, 500 * time.Millisecond, 750 * time.Millisecond}

// Peers' bug 4: a TTL counts what is known of the next change. 20 times a second a cache that is empty asks: over a real
// failover and over the expiry of an override.
func TestPeers04NoCacheIsStaleForLongerThanPromised(t *testing.T) {
	t.Parallel()
	const minTTL, maxTTL = 1, 12
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, "defaults: {check: {interval: 1s, timeout: 500ms, fall: 5, rise: 2, recheck: 1s}}\n"+
		web("ttl: {min: 1s, max: 12s}\n    failback: {mode: auto, after: 0s}", primary, backup), "").start()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")

	t.Run("a failover", func(t *testing.T) {
		stop := make(chan struct{})
		answers := s.poll("www.example.test", 50*time.Millisecond, stop)
		died := time.Now()
		primary.becomes("503")
		flip := s.serves("www.example.test", backup.ip)
		service := s.service("web")
		close(stop)
		old := until(<-answers, backup.ip)
		bound := worstCases(t, s)["web"]
		if took := flip.Sub(died); took > bound {
			t.Errorf("served after %v, validate promised %v", took, bound)
		}
		run, longest := false, time.Time{}
		for _, a := range old {
			run = run || a.ttl < maxTTL
			end := a.came.Add(time.Duration(a.ttl) * time.Second)
			if run && end.After(flip.Add(20*time.Millisecond)) && end.After(a.came.Add(minTTL*time.Second)) {
				t.Errorf("an answer %v before the switch, of which it was known that it may come, has a TTL of %d", flip.Sub(a.came), a.ttl)
			}
			for _, phase := range phases {
				if held := heldUntil(a.came, a.ttl, phase); held.After(longest) {
					longest = held
				}
			}
		}
		if !run || old[0].ttl != maxTTL {
			t.Errorf("the TTL went from %d to %d: there is nothing to see", old[0].ttl, old[len(old)-1].ttl)
		}
		// The last poll of the server's promises is its word: no cache holds the old answer after drained_at.
		if late := longest.Sub(*service.DrainedAt); late > old[len(old)-1].came.Sub(old[len(old)-1].asked) {
			t.Errorf("a cache gives the old answer until %v after the instant at which the service is drained", late)
		}
		if early := service.DrainedAt.Sub(longest); early > 3*time.Second {
			t.Errorf("the service counts as drained %v after the last cache is", early)
		}
		t.Logf("%d answers; TTL %d, in the end %d; drained %v after the death", len(old), old[0].ttl, old[len(old)-1].ttl, service.DrainedAt.Sub(died).Round(time.Millisecond))
	})

	t.Run("the expiry of an override", func(t *testing.T) {
		s.must("switch", "web", "primary", "--for", "4s", "--force")
		stop := make(chan struct{})
		answers := s.poll("www.example.test", 50*time.Millisecond, stop)
		expiry := *s.service("web").Override.Until
		s.serves("www.example.test", backup.ip)
		close(stop)
		worst := time.Duration(0)
		old := until(<-answers, backup.ip)
		for _, a := range old {
			slack := a.came.Sub(a.asked)
			for _, phase := range phases {
				held := heldUntil(a.came, a.ttl, phase)
				worst = max(worst, held.Sub(expiry))
				// A TTL of 0 is the least there is: a cache may hold it until its next second.
				if held.After(expiry.Add(slack)) && (a.ttl > 0 || a.came.Before(expiry.Add(-2*time.Second))) {
					t.Errorf("a cache at phase %v holds an answer of TTL %d, given %v before the expiry, until %v after it", phase, a.ttl, expiry.Sub(a.came), held.Sub(expiry))
				}
			}
		}
		if worst > 1100*time.Millisecond || len(old) < 20 {
			t.Errorf("over %d answers a cache was stale for up to %v", len(old), worst)
		}
		t.Logf("%d answers, stale for at most %v after the expiry", len(old), worst.Round(time.Millisecond))
	})
}

// until returns the answers before the first that is address.
func until(answers []sample, address string) []sample {
	for i, a := range answers {
		if a.addresses == address {
			return answers[:i]
		}
	}
	return answers
}
