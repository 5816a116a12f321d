package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"dnsfailover/dnsfailover/api"
)

// simulate asks over HTTP what web would serve at an instant.
func (s *server) simulate(at time.Time, more string) api.Service {
	s.t.Helper()
	code, body := s.get("/api/v1/simulate?service=web&at=" + at.UTC().Format(time.RFC3339Nano) + more)
	var simulation api.Simulation
	if err := json.Unmarshal([]byte(body), &simulation); err != nil || code != 200 || len(simulation.Services) != 1 {
		s.t.Fatalf("%d %s: %v", code, body, err)
	}
	return simulation.Services[0]
}

// TestSimulateOverAPlannedWindow asks for instants around the next window of a weekly one, in another time zone.
func TestSimulateOverAPlannedWindow(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web("ttl: {min: 5s, max: 60s}\n    windows: [{to: backup, cron: \"30 4 * * SUN\", for: 30m, timezone: Europe/Berlin, reason: weekly}]", primary, backup), "").start()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().In(berlin)
	start := time.Date(now.Year(), now.Month(), now.Day()+(7-int(now.Weekday()))%7, 4, 30, 0, 0, berlin)
	if !start.After(now.Add(time.Minute)) {
		start = time.Date(start.Year(), start.Month(), start.Day()+7, 4, 30, 0, 0, berlin)
	}
	end := start.Add(30 * time.Minute)
	for _, c := range []struct {
		at      time.Duration // from the start
		more    string
		serving string
		rule    string
		ttl     uint32
		next    time.Time
	}{
		{-time.Hour, "", "primary", "verdicts", 60, start},
		{-30 * time.Second, "", "primary", "verdicts", 29, start},
		{-1500 * time.Millisecond, "", "primary", "verdicts", 0, start},
		{-999 * time.Millisecond, "", "backup", "window", 60, end}, // served a second ahead, for caches that count in whole seconds
		{15 * time.Minute, "", "backup", "window", 60, end},
		{15 * time.Minute, "&down=web/backup", "backup", "window", 60, end},
		{15 * time.Minute, "&override=web/primary", "primary", "override", 60, time.Time{}},
		{30*time.Minute - 10*time.Second, "", "backup", "window", 9, end},
		{30 * time.Minute, "", "primary", "verdicts", 60, start.AddDate(0, 0, 7)},
		{-time.Hour, "&down=web/primary", "backup", "verdicts", 60, time.Time{}},
	} {
		got := s.simulate(start.Add(c.at), c.more)
		next := time.Time{}
		if got.NextChange != nil {
			next = got.NextChange.At
		}
		if got.Serving != c.serving || got.Rule != c.rule || got.TTL != c.ttl || !next.Equal(c.next) {
			t.Errorf("%v%s: %s by %s with TTL %d, next change at %v, want %+v", c.at, c.more, got.Serving, got.Rule, got.TTL, next, c)
		}
	}
	matches(t, s.must("simulate", "--at", start.Add(time.Minute).Format(time.RFC3339)), `at \S+ \S+, in \S+:
SERVICE  SERVES +TTL  RULE    WHY +NEXT
web      backup at `+backup.ip+` +60s  window  window \S+ to backup is open until \S+: weekly  primary at \S+ \S+
`)
	out, code := s.cli("simulate", "--down", "web/primray")
	if code != 1 {
		t.Errorf("exit %d", code)
	}
	matches(t, out, `dnsfailover: service "web" has no target "primray": did you mean "primary"\?\n`)
	if got := s.service("web"); got.Serving != "primary" || got.Override != nil {
		t.Errorf("after simulations the state is %+v", got)
	}
}

// TestWhyTellsWhatTheTTLCountsDownTo over the end of an override.
func TestWhyTellsWhatTheTTLCountsDownTo(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web("ttl: {min: 5s, max: 60s}", primary, backup), "").start()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	s.must("switch", "web", "backup", "--for", "30s")
	matches(t, s.must("why", "www.example.test"), `(?s).*> \d+\. ttl +2\d s: counts down to the end of the override at \S+\n> \d+\. next +primary at \S+: primary is up\n`)
	_, body := s.get("/api/v1/why?name=www.example.test")
	var why api.Why
	if err := json.Unmarshal([]byte(body), &why); err != nil || why.NextChange == nil || why.NextChange.Serving != "primary" || !strings.Contains(body, `"next_change":{"at":`) {
		t.Errorf("%v in %s", err, body)
	}
}
