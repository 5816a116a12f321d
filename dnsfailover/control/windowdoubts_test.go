package control

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

// TestDoubtsAreReported when a window is planned, an hour and a minute before it starts, in the log and in the status.
func TestDoubtsAreReported(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sv := service("web", primary, backup, "192.0.2.3")
		sv.Guard = config.GuardWarn
		h := start(t, dir, world(sv))
		h.is(primary, checks.Up)
		h.is(backup, checks.Down)
		w := h.add("backup", 2*time.Hour, time.Hour)
		down := "backup is down (connection refused)"
		if !slices.Equal(w.Problems, []string{down}) {
			t.Errorf("planned: %q", w.Problems)
		}
		if p := h.WindowProblems(time.Now()); len(p) != 0 {
			t.Errorf("two hours before: %q", p)
		}
		other := h.add("third", 150*time.Minute, time.Minute)
		if want := "it overlaps window w1 to backup from 2000-01-01T02:00:00Z to 2000-01-01T03:00:00Z, of which the one that starts later wins"; !slices.Equal(other.Problems, []string{want}) {
			t.Errorf("planned: %q", other.Problems)
		}
		sleep(time.Hour)
		if p := h.WindowProblems(time.Now()); len(p) != 2 || p[0] != `window w1 of service "web" to backup, from 2000-01-01T02:00:00Z: `+down {
			t.Errorf("an hour before: %q", p)
		}
		h.is(backup, checks.Up)
		if _, err := h.Switch(t.Context(), "web", api.Switch{Target: "third", UntilReleased: true}); err != nil {
			t.Fatal(err)
		}
		sleep(59 * time.Minute)
		got := h.log.take("window is doubtful", "window", "found", "problem")
		const w2 = "it overlaps window w2 to third from 2000-01-01T02:30:00Z to 2000-01-01T02:31:00Z, of which the one that starts later wins"
		want := []string{
			"w1 planned " + down,
			"w2 planned it overlaps window w1 to backup from 2000-01-01T02:00:00Z to 2000-01-01T03:00:00Z, of which the one that starts later wins",
			"w1 in 1h0m0s " + down, "w1 in 1h0m0s " + w2,
			"w2 in 1h0m0s it overlaps window w1 to backup from 2000-01-01T02:00:00Z to 2000-01-01T03:00:00Z, of which the one that starts later wins",
			"w1 in 1m0s " + w2, "w1 in 1m0s the override to third lies over it",
		}
		if !slices.Equal(got, want) {
			t.Errorf("log:\n%s\nwanted:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestGuardRefusesAWindow(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sv := web()
		sv.Guard = config.GuardRefuse
		h := start(t, dir, world(sv))
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		sleep(time.Hour)
		n := api.NewWindow{Service: "web", Target: "backup", Start: time.Now().Add(time.Second), For: 30}
		const want = "409 the window is refused, since guard is refuse: it ends before its caches could drain: some point elsewhere until 2000-01-01T01:01:01Z; with force (--force) it is planned all the same"
		if _, err := h.AddWindow(t.Context(), n); problem(t, err) != want {
			t.Error(err)
		}
		n.DryRun = true
		if w, err := h.AddWindow(t.Context(), n); err != nil || len(w.Problems) != 1 {
			t.Errorf("dry run: %+v %v", w, err)
		}
		n.DryRun, n.Force = false, true
		if w, err := h.AddWindow(t.Context(), n); err != nil || len(w.Problems) != 1 {
			t.Errorf("forced: %+v %v", w, err)
		}
	})
}

// TestAWindowThatGuardKeepsFromBeginningSaysSo, when it opens, in status and to hooks; it begins when its target is up.
func TestAWindowThatGuardKeepsFromBeginningSaysSo(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sv := web()
		sv.Guard = config.GuardRefuse
		h := start(t, dir, world(sv))
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		h.add("backup", 2*time.Minute, time.Hour)
		h.is(backup, checks.Down)
		sleep(2*time.Minute + time.Second)
		h.serves(primary)
		const want = `02:00 window_start web/backup by "" ->-: window w1 to backup is open until 2000-01-01T01:02:00Z, ` +
			`but does not begin while backup is down, since guard is refuse: patches`
		if got := h.heard.take(); !slices.Contains(got, want) {
			t.Errorf("told of %q", got)
		}
		if p := h.WindowProblems(time.Now()); len(p) != 1 || !strings.HasSuffix(p[0], ", and it does not begin while that is so") {
			t.Errorf("status says %q", p)
		}
		h.is(backup, checks.Up)
		h.serves(backup)
	})
}

func TestGuardOffSaysNothing(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sv := web()
		sv.Guard = config.GuardOff
		h := start(t, dir, world(sv))
		h.is(backup, checks.Down)
		if w := h.add("backup", time.Minute, time.Minute); len(w.Problems) != 0 || len(h.WindowProblems(time.Now())) != 0 {
			t.Errorf("%q, %q", w.Problems, h.WindowProblems(time.Now()))
		}
	})
}
