package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"dnsfailover/dnsfailover/api"
)

// TestHooksTellOfWindows has two receivers told of a window of two seconds: one of all, one that is muted during windows.
func TestHooksTellOfWindows(t *testing.T) {
	t.Parallel()
	r, muted, primary, backup := newReceiver(t), newReceiver(t), newSite(t), newSite(t)
	s := newServer(t, quick+web("ttl: {min: 1s, max: 1s}\n    failback: {mode: auto, after: 0s}", primary, backup)+`
hooks:
  - {name: pager, webhook: "`+r.URL+`", secret: pager.token}
  - {name: quiet, webhook: "`+muted.URL+`", secret: pager.token, during_windows: mute}
`, "")
	s.write("pager.token", hookSecret+"\n")
	s.startPinned()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	start := time.Now().Add(4 * time.Second)
	w, err := s.client().AddWindow(context.Background(), api.NewWindow{Service: "web", Target: "backup", Start: start, For: 2, Reason: "patches"})
	if err != nil {
		t.Fatal(err)
	}
	want := "selection primary, selection backup, window_start backup, window_end backup, selection primary"
	s.wait("all is told", func() bool { return len(r.took()) >= 5 && len(muted.took()) >= 3 })
	if got := strings.Join(r.took(), ", "); got != want {
		t.Errorf("told of %s, want %s", got, want)
	}
	if got, want := strings.Join(muted.took(), ", "), "selection primary, window_start backup, window_end backup"; got != want {
		t.Errorf("told who is muted of %s, want %s", got, want)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, at := range []time.Time{1: w.Start.Add(-time.Second), 2: w.Start, 3: w.End, 4: w.End} {
		e := r.events[i]
		if i > 0 && (!e.Planned || !e.Time.Equal(at)) {
			t.Errorf("%s: planned %t at %v, want %v", e.Kind, e.Planned, e.Time, at)
		}
		if strings.HasPrefix(e.Kind, "window_") && (e.Window != w.ID || e.Service != "web" || !strings.Contains(e.Text, "patches")) {
			t.Errorf("%+v", e)
		}
	}
}

// TestFailbackWaitsForItsPeriod has a primary come back half an hour before the period in which the service may follow, and then the
// period made one that is now.
func TestFailbackWaitsForItsPeriod(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	period := time.Now().UTC().Truncate(time.Minute).Add(30 * time.Minute)
	outside := fmt.Sprintf(`only_in: {cron: "%d %d * * *", for: 5m, timezone: UTC}`, period.Minute(), period.Hour())
	s := newServer(t, quick+web("ttl: {min: 1s, max: 5s}\n    failback: {after: 0s, "+outside+"}", primary, backup), "").startPinned()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	primary.becomes("stopped")
	s.serves("www.example.test", backup.ip)
	primary.becomes("up")
	s.verdict("web", "primary", "up")
	if n := s.service("web").NextChange; n == nil || n.Serving != "primary" || !n.At.Equal(period) {
		t.Errorf("next change %+v, want the period's start %v", n, period)
	}
	s.serves("www.example.test", backup.ip)
	mentions(t, "why", s.must("why", "www.example.test"), "when the period of failback.only_in begins, at "+period.Format(time.RFC3339))
	s.rewrite(outside, `only_in: {cron: "* * * * *", for: 1m, timezone: UTC}`)
	s.must("reload")
	s.serves("www.example.test", primary.ip)
}

// TestFault02KillWhilePlanning kills a server that plans and cancels windows as fast as it can, over and over. What was acknowledged
// is known to the next one, nothing else but what was under way, and no ID is given twice.
func TestFault02KillWhilePlanning(t *testing.T) {
	t.Parallel()
	const kills, limit = 20, 8 * time.Second
	s := newServer(t, quick+web(plain, newSite(t), newSite(t)), "").startPinned()
	client := s.client()
	first := time.Now().Add(time.Hour)
	planned, used := map[string]string{}, map[string]bool{} // the reasons of windows by ID; all IDs ever
	number, cancelled, died := 0, 0, 0
	for begin := time.Now(); died < kills && time.Since(begin) < limit; died++ {
		maybe, going := "", "" // the reason of what was not acknowledged, the ID of what may be cancelled
		killed := make(chan struct{})
		time.AfterFunc(rand.N(100*time.Millisecond), func() {
			s.Signal(syscall.SIGKILL)
			close(killed)
		})
		for {
			number++
			reason := fmt.Sprintf("number %d %s", number, strings.Repeat(".", number%300))
			w, err := client.AddWindow(t.Context(), api.NewWindow{
				Service: "web", Target: "backup", Start: first.Add(time.Duration(number) * time.Second), For: 1, Reason: reason,
			})
			if err != nil {
				maybe = reason
				break
			}
			if used[w.ID] {
				t.Fatalf("the ID %s is given twice", w.ID)
			}
			used[w.ID], planned[w.ID] = true, reason
			if number%3 == 0 {
				continue
			}
			if _, err := client.CancelWindow(t.Context(), w.ID); err != nil {
				going = w.ID
				break
			}
			delete(planned, w.ID)
			cancelled++
		}
		<-killed // at the latest now
		s.Kill()
		s.start()
		all, err := client.Windows(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, w := range all.Windows {
			found[w.ID] = true
			switch planned[w.ID] {
			case w.Reason:
			case "":
				if w.Reason != maybe || used[w.ID] {
					t.Fatalf("after kill %d there is a window that is cancelled, or nobody sent: %+v", died+1, w)
				}
				used[w.ID], planned[w.ID] = true, w.Reason
			default:
				t.Fatalf("after kill %d window %s is %q, and was %q", died+1, w.ID, w.Reason, planned[w.ID])
			}
		}
		for id := range planned {
			if !found[id] {
				if id != going {
					t.Fatalf("after kill %d window %s, which was acknowledged, is lost", died+1, id)
				}
				delete(planned, id)
			}
		}
	}
	t.Logf("%d kills: %d windows acknowledged, %d of them cancelled; none lost, none back", died, len(used), cancelled)
	if died < 3 || cancelled == 0 {
		t.Error("too little happened")
	}
}
