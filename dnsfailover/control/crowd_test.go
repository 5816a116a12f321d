package control

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dnsfailover/dnsfailover/api"
)

func seven() []string { return []string{"a", "b", "c", "d", "e", "f", "g"} }

func all(target string) []string {
	var out []string
	for range seven() {
		out = append(out, target)
	}
	return out
}

func TestACrowdThatFailsAtOnceIsAskedAgain(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := startSite(t, dir, seven(), nil)
		sleep(3 * time.Minute)
		cut := time.Now()
		s.wires.set(true, "uplink")
		for s.rule("a") == "verdicts" {
			s.at(all("primary")...)
			sleep(100 * time.Millisecond)
			if time.Since(cut) > time.Minute {
				t.Fatal("never frozen")
			}
		}
		if f := s.Frozen(); len(f) != 1 || !strings.Contains(f[0], "of the 7 addresses that were up fail at once, so it may be this host that is cut off") {
			t.Errorf("frozen: %q", f)
		}
		// The second round finds them well.
		s.wires.set(false, "uplink")
		s.never(2*time.Minute, all("primary")...)
		if rule := s.rule("a"); rule != "verdicts" || len(s.Frozen()) != 0 {
			t.Errorf("rule %s, frozen: %q", rule, s.Frozen())
		}
		var told []string
		s.heard.mu.Lock()
		heard := s.heard.all
		s.heard.mu.Unlock()
		for _, e := range heard {
			if e.Kind == api.EventFrozen || e.Kind == api.EventThawed {
				told = append(told, e.Kind+": "+e.Text)
			}
		}
		if len(told) != 2 || !strings.HasPrefix(told[0], "frozen: verdicts are frozen: ") || !strings.Contains(told[0], " of the 7 addresses that were up fail at once") ||
			!strings.HasPrefix(told[1], "thawed: verdicts thaw after ") || !strings.HasSuffix(told[1], ": the second round of probes is over") {
			t.Errorf("told %q", told)
		}
		// The next time it lasts, and the second round is believed.
		s.wires.set(true, "uplink")
		s.never(10*time.Second, all("primary")...)
		sleep(2 * time.Minute)
		s.at(all("backup")...)
		if rule := s.rule("a"); rule != "verdicts" {
			t.Errorf("rule %s", rule)
		}
	})
}

func TestACrowdAnswersForOne(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := startSite(t, dir, seven(), nil)
		sleep(3 * time.Minute)
		dead := []string{"a", "b", "c", "d", "e"} // 5 of 7: not more than 80 %
		s.wires.set(true, dead...)
		sleep(30 * time.Second)
		s.at("backup", "backup", "backup", "backup", "backup", "primary", "primary")
		if n := len(s.log.take("frozen")); n != 0 {
			t.Errorf("frozen %d times", n)
		}
		// Long down, they count no more: of two that are left both may fail.
		sleep(time.Minute)
		s.wires.set(true, "f", "g")
		sleep(30 * time.Second)
		s.at(all("backup")...)
	})
}
