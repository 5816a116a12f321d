package control

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/state"
)

// whole leaves out what a restart may change: the counters that only the scheduler knows, how long answers
// are promised while nobody knows how far a run has come, and words that a probe has to find again.
var whole = cmp.Options{
	cmpopts.IgnoreFields(api.Service{}, "TTL", "DrainedAt", "Reason"),
	cmpopts.IgnoreFields(api.NextChange{}, "Reason", "DrainedAt"),
	cmpopts.IgnoreFields(api.Target{}, "FlapsTotal"),
	cmpopts.IgnoreFields(api.Address{}, "LastResult"),
}

func TestRestartGoesOnWhereItWas(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		mode := rapid.SampledFrom([]config.AllDown{"first", "last", "hold", "none"}).Draw(rt, "all_down")
		manual := rapid.Bool().Draw(rt, "manual")
		steps := rapid.SliceOfN(rapid.IntRange(0, 9), 0, 8).Draw(rt, "steps")
		synctest.Test(t, func(t *testing.T) {
			sv := service("web", primary, backup, "192.0.2.3")
			sv.AllDown, sv.Failback.Manual, sv.Failback.HoldDown = mode, manual, time.Hour
			h := start(t, dir, world(sv))
			for _, step := range steps {
				sleep(17 * time.Second)
				address := []string{primary, backup, "192.0.2.3"}[step%3]
				switch {
				case step < 3:
					h.is(address, checks.Up)
				case step < 6:
					h.is(address, checks.Down)
				case step == 6:
					h.override("primary")
				case step == 7:
					_, _ = h.Release(t.Context(), "web", "") // also when there is none
				case step == 8:
					_, _ = h.Switch(t.Context(), "web", api.Switch{Target: "backup", For: 40, Force: true})
				case step == 9:
					sleep(time.Minute)
				}
			}
			before, answers := h.web(), served(h.world.Slots["web"], time.Now())
			h.stop()
			again := start(t, dir, world(sv))
			again.serves(answers)
			if diff := cmp.Diff(before, again.web(), whole); diff != "" {
				t.Errorf("steps %v:\n%s", steps, diff)
			}
			again.stop()
		})
	})
}

func TestSlotIsFilledBeforeNewReturns(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.override("backup")
		h.stop()
		w := world(web())
		store := start(t, dir, world()).store // a store that somebody else closes
		New(w, Options{Log: h.Control.log, Store: store})
		if got := served(w.Slots["web"], time.Now()); got != backup {
			t.Errorf("serves %q", got)
		}
	})
}

func TestOldStateIsNotBelievedButTheLastSelectionIs(t *testing.T) {
	for name, c := range map[string]struct {
		pause    time.Duration
		believed bool
	}{
		"young":       {14 * time.Minute, true},
		"old":         {16 * time.Minute, false},
		"very old":    {10000 * time.Hour, false},
		"from before": {0, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				h := start(t, dir, world(web()))
				h.is(backup, checks.Up)
				h.is(primary, checks.Down)
				h.stop()
				sleep(c.pause)
				h = start(t, dir, world(web()))
				h.serves(backup)
				restored := h.Restored()
				if got := restored["web/primary@192.0.2.1"].Verdict == checks.Down && restored["web/backup@192.0.2.2"].Verdict == checks.Up; got != c.believed {
					t.Errorf("restored %v", restored)
				}
				if c.believed {
					return
				}
				// One lost probe moves nothing, and neither does one that succeeds elsewhere.
				h.Report(h.transition(backup, checks.State{Run: 1}, 2*time.Second))
				h.is(primary, checks.Unknown)
				h.serves(backup)
			})
		})
	}
}

func TestStateFromTheFutureIsNotBelieved(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.is(backup, checks.Up)
		h.is(primary, checks.Down)
		h.override("backup")
		sleep(time.Hour)
		h.stop()
	})
	synctest.Test(t, func(t *testing.T) { // an hour earlier
		h := start(t, dir, world(web()))
		if got := h.Restored(); len(got) != 0 {
			t.Errorf("restored %v", got)
		}
		h.serves(backup) // an override is believed whatever the clock says
	})
}

func TestChangedProbeIsNotRestored(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		h.stop()
		sv := web()
		changed := *sv.Targets[0].Addresses[0].Checks[0].Check
		changed.Probe = probe("tcp 192.0.2.1:80")
		sv.Targets[0].Addresses[0].Checks[0].Check = &changed
		h = start(t, dir, world(sv))
		if got := h.Restored(); len(got) != 1 || got["web/backup@192.0.2.2"].Verdict != checks.Up {
			t.Errorf("restored %v", got)
		}
	})
}

func TestRunUnderWayKeepsTheTTLShortOverARestart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.is(primary, checks.Up)
		h.Report(h.transition(primary, checks.State{Verdict: checks.Up, Since: time.Now(), Run: 2}, 2*time.Second))
		synctest.Wait()
		h.stop()
		h = start(t, dir, h.world)
		if ttl := h.web().TTL; ttl != 5 {
			t.Errorf("TTL %d, wanted min", ttl)
		}
	})
}

func TestDrainedHoldsOverARestart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.is(primary, checks.Up)
		sleep(time.Minute)
		h.override("backup")
		want := h.web().DrainedAt
		h.stop()
		sleep(10 * time.Second)
		h = start(t, dir, h.world)
		if got := h.web().DrainedAt; got == nil || !got.Equal(*want) {
			t.Errorf("drained at %v, wanted %v", got, want)
		}
		// An answer of the moment before the crash is still out when the override is released after it.
		if _, err := h.Release(t.Context(), "web", ""); err != nil {
			t.Fatal(err)
		}
		if got := h.web().DrainedAt; got.Before(time.Now().Add(51 * time.Second)) {
			t.Errorf("drained at %v, %v from now", got, time.Until(*got))
		}
	})
}

func TestLongTTLsGivenBeforeARestartAreNotForgotten(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		long := web()
		long.MaxTTL = time.Hour
		h := start(t, dir, world(long))
		h.is(primary, checks.Up)
		sleep(time.Minute)
		h.stop()
		h = start(t, dir, world(web()))
		h.override("backup")
		if got, want := h.web().DrainedAt, time.Now().Add(time.Hour+time.Second); got == nil || !got.Equal(want) {
			t.Errorf("drained at %v, wanted %v", got, want)
		}
	})
}

// TestLateWakeUpDoesNotUndoAnEdge has a failback pass while control sleeps, and then the news that the target which
// is served since came up anew: had control not followed the edge first, it would wait again, at the backup.
func TestLateWakeUpDoesNotUndoAnEdge(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.is(backup, checks.Up)
		h.is(primary, checks.Down)
		h.is(primary, checks.Up)
		h.stop()
		time.Sleep(2 * time.Minute)
		h.serves(primary)
		h.observe([]checks.Transition{h.transition(primary, checks.State{Verdict: checks.Up, Since: time.Now()}, 0)})
		h.serves(primary)
		if got := h.web().Since; !got.Equal(time.Now().Add(-time.Minute)) {
			t.Errorf("since %v", got)
		}
	})
}

func TestRestoredInstantsGoByTheMonotonicClock(t *testing.T) {
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	open := func() *state.Store {
		s, err := state.Open(dir, state.Options{Log: log})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	w, at := world(web()), time.Now().Add(-time.Hour)
	id := "web/primary@192.0.2.1"
	s := open()
	s.PutChecks(map[string]state.Check{id: {Probe: "tcp 192.0.2.1:443", State: checks.State{Verdict: checks.Up, Since: at}}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got := New(w, Options{Log: log, Store: open()}).Restored()[id].Since
	if !got.Round(0).Equal(at.Round(0)) || got == got.Round(0) {
		t.Errorf("up since %v, wanted %v with a monotonic part", got, at)
	}
}
