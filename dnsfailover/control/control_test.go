package control

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFailoverAndFailback(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.serves(primary) // nothing is proved, so the first target
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		h.serves(primary)

		sleep(10 * time.Second)
		h.Report(h.transition(primary, checks.State{Verdict: checks.Up, Since: time.Now(), Run: 1}, 4*time.Second))
		synctest.Wait()
		h.serves(primary)
		if ttl := h.web().TTL; ttl != 5 {
			t.Errorf("4 s before the earliest change the TTL is %d, wanted min", ttl)
		}
		sleep(4 * time.Second)
		h.is(primary, checks.Down)
		h.serves(backup)
		switched := time.Now()
		if got := h.web(); got.Serving != "backup" || got.Rule != "verdicts" || !got.Since.Equal(switched) ||
			got.Reason != "primary is down (connection refused); backup is the first target that is up" {
			t.Errorf("status: %+v", got)
		}
		// The longest TTL given before was 60 s, until 4 s before the switch.
		if got := h.web().DrainedAt; got == nil || !got.Equal(switched.Add(57*time.Second)) {
			t.Errorf("drained at %v, wanted 57 s after %v", got, switched)
		}

		sleep(10 * time.Second)
		h.is(primary, checks.Up)
		back := time.Now().Add(time.Minute)
		if next := h.web().NextChange; next == nil || next.Serving != "primary" || !next.At.Equal(back) {
			t.Errorf("next change %+v", next)
		}
		sleep(time.Minute - time.Nanosecond)
		h.serves(backup)
		sleep(time.Nanosecond)
		h.serves(primary)
		if got := h.web(); !got.Since.Equal(back) || got.NextChange != nil {
			t.Errorf("since %v, next %v", got.Since, got.NextChange)
		}
		if got, want := h.log.take("selection changed", "service", "from", "to", "rule"), []string{
			"web  primary verdicts", "web primary backup verdicts", "web backup primary verdicts",
		}; !slices.Equal(got, want) {
			t.Errorf("log %q, wanted %q", got, want)
		}
		if got, want := h.log.take("verdict changed", "check", "verdict"), []string{
			"web/primary@192.0.2.1 up", "web/backup@192.0.2.2 up", "web/primary@192.0.2.1 down", "web/primary@192.0.2.1 up",
		}; !slices.Equal(got, want) {
			t.Errorf("log %q, wanted %q", got, want)
		}
	})
}

func TestEdgesNeedNoTimer(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.is(primary, checks.Up)
		if _, err := h.Switch(t.Context(), "web", api.Switch{Target: "backup", For: 90.5}); err != nil {
			t.Fatal(err)
		}
		expiry := time.Now().Add(90500 * time.Millisecond)
		h.stop() // nobody wakes up any more
		slot := h.world.Slots["web"]
		for at, want := range map[time.Time]string{
			time.Now():                       backup,
			expiry.Add(-time.Nanosecond):     backup,
			expiry:                           primary,
			expiry.Add(1000 * time.Hour):     primary,
			expiry.Add(-500 * time.Hour):     backup, // the clock was set back
			expiry.Add(24 * 365 * time.Hour): primary,
		} {
			if got := served(slot, at); got != want {
				t.Errorf("%v after the expiry: %s, wanted %s", at.Sub(expiry), got, want)
			}
			shown := h.Services(at)[0]
			if (shown.Serving == "backup") != (want == backup) || (shown.Override == nil) == (want == backup) {
				t.Errorf("%v after the expiry status says %q, %v", at.Sub(expiry), shown.Serving, shown.Override)
			}
			if steps := h.Explain("web", at); steps[0].Applies != (want == backup) {
				t.Errorf("%v after the expiry: %+v", at.Sub(expiry), steps)
			}
		}
		if got := h.Services(expiry.Add(time.Hour))[0]; !got.Since.Equal(expiry) {
			t.Errorf("since %v, wanted the expiry %v", got.Since, expiry)
		}
	})
}

func TestThousandServicesFailOverAtOnce(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var services []config.Service
		for i := range 1000 {
			services = append(services, service(fmt.Sprintf("s%03d", i), fmt.Sprintf("10.0.%d.%d", i/250, i%250+1), fmt.Sprintf("10.1.%d.%d", i/250, i%250+1)))
		}
		h := start(t, dir, world(services...))
		report := func(target int, v checks.Verdict) {
			for _, s := range services {
				h.Report(checks.Transition{Check: s.Targets[target].Addresses[0].Checks[0].Check, State: checks.State{Verdict: v, Since: time.Now()}})
			}
			synctest.Wait()
		}
		report(0, checks.Up)
		report(1, checks.Up)
		report(0, checks.Down)
		for _, s := range services {
			if got, want := served(h.world.Slots[s.Name], time.Now()), s.Targets[1].Addresses[0].IP.String(); got != want {
				t.Fatalf("%s serves %s, wanted %s", s.Name, got, want)
			}
		}
		if got := len(h.log.take("selection changed")); got != 2000 { // at the start, and now
			t.Errorf("%d lines", got)
		}
	})
}

func TestQueueHoldsOnlyTheLatestOfACheck(t *testing.T) {
	q := newQueue()
	for i := range 5000 {
		q.put(checks.Transition{Check: &checks.Check{ID: fmt.Sprint("c", i%3)}, State: checks.State{Run: i}})
	}
	<-q.signal
	got := q.take()
	if len(got) != 3 || got[0].State.Run != 4998 || got[1].State.Run != 4999 || got[2].State.Run != 4997 {
		t.Errorf("took %v", got)
	}
	if len(q.take()) != 0 {
		t.Error("taken twice")
	}
}

func TestReadersSeeWholeDecisions(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.is(backup, checks.Up)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 500 {
				got := h.web()
				if want := map[string]string{"primary": primary, "backup": backup}[got.Serving]; len(got.Answers) != 1 || got.Answers[0] != want {
					t.Errorf("%s serves %v", got.Serving, got.Answers)
				}
				h.Restored()
				h.Explain("web", time.Now())
			}
		}()
		for range 100 {
			h.is(primary, checks.Down)
			h.is(primary, checks.Up)
		}
		<-done
	})
}

func BenchmarkTransitionToVisible(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint("services=", n), func(b *testing.B) {
			var services []config.Service
			for i := range n {
				services = append(services, service(fmt.Sprint("s", i), fmt.Sprintf("10.0.%d.%d", i/250, i%250+1), fmt.Sprintf("10.1.%d.%d", i/250, i%250+1)))
			}
			w := world(services...)
			store, err := state.Open(b.TempDir(), state.Options{Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			c := New(w, Options{Log: slog.New(slog.DiscardHandler), Store: store})
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error)
			go func() { ended <- c.Run(ctx) }()
			for _, s := range services {
				c.Report(checks.Transition{Check: s.Targets[1].Addresses[0].Checks[0].Check, State: checks.State{Verdict: checks.Up, Since: time.Unix(1, 0)}})
			}
			verdict := checks.Up
			b.ReportAllocs()
			for b.Loop() {
				verdict = checks.Up + checks.Down - verdict
				for _, s := range services {
					c.Report(checks.Transition{Check: s.Targets[0].Addresses[0].Checks[0].Check, State: checks.State{Verdict: verdict, Since: time.Unix(1, 0)}})
				}
				want := services[n-1].Targets[verdict-checks.Up].Addresses[0].IP.As4()
				for slot := w.Slots[services[n-1].Name]; ; {
					if a := slot.Load().Segments[0].A; [4]byte(a[12:16]) == want {
						break
					}
				}
			}
			cancel()
			<-ended
		})
	}
}
