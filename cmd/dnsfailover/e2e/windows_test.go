package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnsfailover/dnsfailover/api"
)

// TestAPlannedWindowIsExact asks 50 times a second over a window of two seconds, and kills the server before it: the window is
// served from a second before its start to its end, and no TTL reaches over either.
func TestAPlannedWindowIsExact(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web("ttl: {min: 1s, max: 3s}", primary, backup), "").startPinned()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	start := time.Now().Add(8 * time.Second)
	w, err := s.client().AddWindow(context.Background(), api.NewWindow{Service: "web", Target: "backup", Start: start, For: 2, Reason: "patches"})
	if err != nil {
		t.Fatal(err)
	}
	if w.ID != "w1" || !w.HoldsFrom.Equal(w.Start) {
		t.Errorf("planned: %+v", w)
	}
	s.Kill()
	s.start()
	stop := make(chan struct{})
	answers := s.poll("www.example.test", 20*time.Millisecond, stop)
	s.wait("the window is open", func() bool { return time.Now().After(w.Start) })
	if got := s.service("web"); got.Rule != "window" || got.DrainedAt == nil || !got.DrainedAt.Equal(w.Start) {
		t.Errorf("in the window: %+v", got)
	}
	s.wait("the window is over", func() bool { return time.Now().After(w.End.Add(time.Second)) })
	close(stop)
	counts := map[string]int{}
	for _, a := range <-answers {
		counts[a.addresses]++
		switch {
		case a.addresses == primary.ip && a.asked.After(w.Start.Add(-time.Second)) && a.came.Before(w.End):
			t.Errorf("%v after its start the answer is not the window's", a.asked.Sub(w.Start))
		case a.addresses == backup.ip && (a.came.Before(w.Start.Add(-time.Second)) || !a.asked.Before(w.End)):
			t.Errorf("%v after its start the answer is the window's", a.asked.Sub(w.Start))
		case a.addresses == primary.ip && a.came.Before(w.Start) && a.asked.Add(time.Duration(a.ttl)*time.Second).After(w.Start.Add(-time.Second)) && a.ttl > 0:
			t.Errorf("%v before its start the TTL is %d", w.Start.Sub(a.asked), a.ttl)
		}
	}
	if counts[primary.ip] < 50 || counts[backup.ip] < 50 || len(counts) != 2 {
		t.Errorf("answers: %v", counts)
	}
	if got, _ := s.addresses("www.example.test", dns.TypeA); got != primary.ip {
		t.Errorf("after the window the answer is %s", got)
	}
}
