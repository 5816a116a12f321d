package control

import (
	"testing"
	"testing/synctest"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
)

// flapping is web with a primary that is up or down by turns, and whose recovery takes longer each time.
func flapping() config.Service {
	s := web()
	s.Failback.HoldDown = time.Hour
	return s
}

// flap lets the primary go down and up again, and returns when it is to take over.
func (h *house) flap() time.Duration {
	h.t.Helper()
	h.is(primary, checks.Down)
	h.serves(backup)
	sleep(10 * time.Second)
	h.is(primary, checks.Up)
	next := h.web().NextChange
	if next == nil || next.Serving != "primary" {
		h.t.Fatalf("next change: %+v", next)
	}
	return time.Until(next.At)
}

func TestHoldDownSurvivesARestartAndAReload(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(flapping()))
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		for i, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
			if got := h.flap(); got != want {
				t.Errorf("flap %d: held down for %v, wanted %v", i+1, got, want)
			}
			sleep(want - time.Nanosecond)
			h.serves(backup)
			sleep(time.Nanosecond)
			h.serves(primary)
		}
		if got := h.web().Targets[0]; got.Flaps != 3 || got.FlapsTotal != 3 {
			t.Errorf("status: %+v", got)
		}
		h.stop()

		h = start(t, dir, world(flapping()))
		if got := h.web().Targets[0]; got.Flaps != 3 || got.FlapsTotal != 0 {
			t.Errorf("status after a restart: %+v", got)
		}
		if got := h.flap(); got != 8*time.Minute {
			t.Errorf("after a restart: held down for %v", got)
		}
		sleep(8 * time.Minute)

		s := flapping() // its targets are others now, and in another order
		s.Targets = append([]config.Target{{Name: "new", Need: 1, Addresses: service("web", "192.0.2.7").Targets[0].Addresses}}, s.Targets...)
		w := world(s)
		if err := h.Replace(t.Context(), w, func() {}); err != nil {
			t.Fatal(err)
		}
		h.world = w
		if got := h.web().Targets; got[0].Flaps != 0 || got[1].Flaps != 4 || got[1].FlapsTotal != 1 {
			t.Errorf("status after a reload: %+v", got)
		}
		if got := h.flap(); got != 16*time.Minute {
			t.Errorf("after a reload: held down for %v", got)
		}
		sleep(time.Hour)
		if got := h.web().Targets; got[1].Flaps != 0 || got[1].FlapsTotal != 2 {
			t.Errorf("status an hour later: %+v", got)
		}
		if got := h.flap(); got != time.Minute {
			t.Errorf("an hour later: held down for %v", got)
		}
	})
}

func TestWhatWasServedToNobodyIsNoFlap(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(flapping()))
		h.is(backup, checks.Up)
		h.is(primary, checks.Down)
		if err := h.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.serves(backup)
		if got := h.web().Targets[0]; got.Flaps != 0 || got.FlapsTotal != 0 {
			t.Errorf("status: %+v", got)
		}
	})
}

func TestPlannedWorkIsNoFlap(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(flapping()))
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		h.override("backup")
		for range 3 { // reboots
			h.is(primary, checks.Down)
			sleep(10 * time.Second)
			h.is(primary, checks.Up)
		}
		if _, err := h.Release(t.Context(), "web", ""); err != nil {
			t.Fatal(err)
		}
		h.serves(backup)
		if next := h.web().NextChange; next == nil || time.Until(next.At) != time.Minute {
			t.Errorf("next change: %+v", next)
		}
		if got := h.web().Targets[0]; got.Flaps != 0 {
			t.Errorf("status: %+v", got)
		}
	})
}

func TestReleaseEndsAHoldDown(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(flapping()))
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		h.flap()
		sleep(time.Minute)
		if got := h.flap(); got != 2*time.Minute {
			t.Errorf("held down for %v", got)
		}
		if got, err := h.Release(t.Context(), "web", "alice"); err != nil || got.Serving != "primary" || got.NextChange != nil {
			t.Fatalf("%+v, %v", got, err)
		}
		h.serves(primary)
		if got := h.web().Targets[0].Flaps; got != 2 {
			t.Errorf("%d flaps", got)
		}
		h.stop()
		h = start(t, dir, h.world)
		h.serves(primary)
	})
}
