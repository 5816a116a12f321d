package e2e

import (
	"strings"
	"testing"
)

// The API and `why` give the latest results of each check, the latest first, and bound how many.
func TestTheLatestResultsOfAService(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, "defaults: {check: {interval: 100ms, timeout: 90ms, fall: 2, rise: 2, recheck: 100ms}}\n"+web(plain, primary, backup), "").start()
	client := s.client()
	s.verdict("web", "primary", "up")
	seen := primary.visits()
	s.wait("the primary is probed 60 times more", func() bool { return primary.visits() >= seen+60 })
	primary.becomes("503")
	s.verdict("web", "primary", "down")
	results, err := client.Results(t.Context(), "web", "primary")
	if err != nil || len(results.Checks) != 1 || len(results.Checks[0].Results) != 50 {
		t.Fatalf("got %v, %+v", err, results)
	}
	list := results.Checks[0].Results
	if first := list[0]; first.Result != "failure" || first.Reason != "status 503, wanted 200-299" || first.TookMS <= 0 {
		t.Errorf("the latest is %+v", first)
	}
	if last := list[49]; last.Result != "success" || !last.At.Before(list[48].At) {
		t.Errorf("the oldest is %+v", last)
	}
	if _, err := client.Results(t.Context(), "web", "third"); err == nil || err.Error() != `service "web" has no target "third"` {
		t.Errorf("of an unknown target: %v", err)
	}
	if _, err := client.Results(t.Context(), "wbe", ""); err == nil || err.Error() != `there is no service "wbe"` {
		t.Errorf("of an unknown service: %v", err)
	}
	shown := s.must("why", "www.example.test", "--results")
	if !strings.Contains(shown, "status 503, wanted 200-299") || !strings.Contains(shown, "backup at "+backup.ip) {
		t.Errorf("why shows\n%s", shown)
	}
}
