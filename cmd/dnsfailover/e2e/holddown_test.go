package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestFlappingPrimaryIsHeldDown lets the primary fail twice. The second time it must be up for twice as long, which status tells, and
// a server that is killed meanwhile knows it still.
func TestFlappingPrimaryIsHeldDown(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	const after = 3 * time.Second
	s := newServer(t, quick+web("ttl: {min: 1s, max: 5s}\n    failback: {after: 3s, hold_down: {max: 1m}}", primary, backup), "").startPinned()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	flap := func(want time.Duration) {
		t.Helper()
		primary.becomes("stopped")
		s.serves("www.example.test.", backup.ip)
		primary.becomes("up")
		s.verdict("web", "primary", "up")
		s.saved()
		s.Kill()
		s.start()
		web := s.service("web")
		since := targetOf(web, "primary").Addresses[0].Since
		if next := web.NextChange; next == nil || next.Serving != "primary" || next.At.Sub(*since).Round(100*time.Millisecond) != want {
			t.Errorf("up since %v, next change %+v, want it %v later", since, next, want)
		}
		s.serves("www.example.test.", primary.ip)
	}
	flap(after)
	flap(2 * after)
	if got := targetOf(s.service("web"), "primary"); got.Flaps != 2 {
		t.Errorf("status: %+v", got)
	}
	if text := s.must("status"); !strings.Contains(text, "\n  flaps in the last hour: primary 2\n") {
		t.Errorf("status says\n%s", text)
	}
	primary.becomes("stopped")
	s.serves("www.example.test.", backup.ip)
	if got := s.metric(`dnsfailover_flaps_total{service="web",target="primary"}`); got != 1 {
		t.Errorf("%v flaps since the last start", got)
	}
}
