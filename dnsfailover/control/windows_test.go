package control

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/cron"
)

// nightly is web with a window of half an hour to its backup, each night at one o'clock.
func nightly(t *testing.T) config.Service {
	t.Helper()
	s := web()
	c, err := cron.Parse("0 1 * * *")
	if err != nil {
		t.Fatal(err)
	}
	s.Windows = []config.Window{{ID: "web-1", To: 1, Cron: c, Timezone: time.UTC, For: 30 * time.Minute, Reason: "backups"}}
	s.Guard = config.GuardWarn
	return s
}

// until lets virtual time pass up to a time of day.
func until(h *house, clock string) {
	h.t.Helper()
	at, err := time.Parse(time.TimeOnly, clock)
	if err != nil {
		h.t.Fatal(err)
	}
	now := time.Now().UTC()
	sleep(time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), at.Second(), 0, time.UTC).Sub(now))
}

func TestRecurringWindowIsServedAndShown(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(nightly(t)))
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		for day := range 2 {
			until(h, "00:58:00")
			start := time.Now().UTC().Add(2 * time.Minute)
			got := h.web()
			if n := got.NextChange; got.Window != nil || n == nil || n.Serving != "backup" || !n.At.Equal(start) || !n.DrainedAt.Equal(start) {
				t.Errorf("day %d: window %+v, next change %+v", day, got.Window, n)
			}
			until(h, "00:59:58")
			h.serves(primary)
			until(h, "00:59:59")
			h.serves(backup)
			if got := h.web(); got.Rule != "window" || got.Window == nil || got.Window.Open || !got.DrainedAt.Equal(start) {
				t.Errorf("a second before: %+v, window %+v", got, got.Window)
			}
			if steps := h.Explain("web", time.Now()); !steps[1].Applies || steps[1].Rule != "window" {
				t.Errorf("a second before: %+v", steps)
			}
			until(h, "01:10:00")
			got = h.web()
			if w := got.Window; w == nil || w.ID != "web-1" || w.Target != "backup" || !w.Open || !w.Start.Equal(start) ||
				!w.End.Equal(start.Add(30*time.Minute)) || w.Reason != "backups" || !w.Recurring || !got.DrainedAt.Equal(start) {
				t.Errorf("window %+v, drained at %v", w, got.DrainedAt)
			}
			h.override("primary")
			h.serves(primary)
			if got := h.web(); got.Rule != "override" || got.Window == nil || got.Window.ID != "web-1" {
				t.Errorf("under an override: %+v", got)
			}
			if _, err := h.Release(t.Context(), "web", ""); err != nil {
				t.Fatal(err)
			}
			until(h, "01:29:59")
			h.serves(backup)
			until(h, "01:30:00")
			h.serves(primary)
			until(h, "23:59:59")
			sleep(time.Second)
		}
		if got := h.log.take("selection changed", "to", "rule"); len(got) != 1+8 && len(got) != 8 {
			t.Errorf("log: %q", got)
		}
	})
}

// TestRestartInAWindow: whatever was missed, the clock tells what is served.
func TestRestartInAWindow(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := world(nightly(t))
		h := start(t, dir, w)
		h.is(primary, checks.Up)
		h.stop()
		until(h, "01:10:00")
		h = start(t, dir, w)
		h.serves(backup)
		h.stop()
		until(h, "01:30:00")
		h = start(t, dir, w)
		h.serves(primary)
	})
}

// TestEdgesThatWereMissedAreTold: a server that starts after the end of a window that the one before saw open tells of that end, once.
func TestEdgesThatWereMissedAreTold(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := world(nightly(t))
		h := start(t, dir, w)
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		h.add("backup", time.Minute, 2*time.Minute)
		edges := func(want ...string) {
			t.Helper()
			got := slices.DeleteFunc(h.heard.take(), func(e string) bool {
				return !strings.Contains(e, " window_start ") && !strings.Contains(e, " window_end ")
			})
			if !slices.Equal(got, want) {
				t.Errorf("told of %q, want %q", got, want)
			}
		}
		sleep(90 * time.Second)
		edges(`01:00 window_start web/backup by "" ->-: window w1 to backup is open until 2000-01-01T00:03:00Z: patches`)
		again := func() {
			h.stop()
			h = start(t, dir, w)
		}
		again()
		edges() // it is open still
		h.stop()
		sleep(10 * time.Minute)
		h = start(t, dir, w)
		edges(`03:00 window_end web/backup by "" ->-: window w1 to backup is over: patches`)
		sleep(time.Second)
		again()
		edges()
		until(h, "01:10:00")
		edges(`00:00 window_start web/backup by "" ->-: window web-1 to backup is open until 2000-01-01T01:30:00Z: backups`)
		h.stop()
		sleep(24 * time.Hour) // the next night's is open
		h = start(t, dir, w)
		edges(
			`30:00 window_end web/backup by "" ->-: window web-1 to backup is over: backups`,
			`00:00 window_start web/backup by "" ->-: window web-1 to backup is open until 2000-01-02T01:30:00Z: backups`,
		)
	})
}

// TestAnOverlapThatIsDaysAheadIsFound: a plan has the next few nights, and the overlap is said when the window is planned.
func TestAnOverlapThatIsDaysAheadIsFound(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(nightly(t)))
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		const days = 24 * time.Hour
		for in, want := range map[time.Duration]string{
			10*days + 50*time.Minute: "it overlaps window web-1 to backup from 2000-01-11T01:00:00Z to 2000-01-11T01:30:00Z",
			20*days + 80*time.Minute: "it overlaps window web-1 to backup from 2000-01-21T01:00:00Z to 2000-01-21T01:30:00Z",
			30*days + 90*time.Minute: "",
		} {
			if got := strings.Join(h.add("backup", in, 20*time.Minute).Problems, "; "); got != want {
				t.Errorf("in %v: %q, want %q", in, got, want)
			}
		}
	})
}
