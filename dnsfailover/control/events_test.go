package control

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
)

// events collects what control tells, and counts how often an operator waited for the disk.
type events struct {
	waits atomic.Int32
	mu    sync.Mutex
	all   []api.Event
}

func (e *events) add(list []api.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, list...)
}

// take returns the events since the last take: when, what, of whom, by whom, what was served and what is, and the text.
func (e *events) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []string
	for _, event := range e.all {
		out = append(out, fmt.Sprintf("%s %s %s/%s by %q %s>%s: %s", event.Time.Format("04:05"), event.Kind, event.Service, event.Target,
			event.Author, inShort(event.Before), inShort(event.After), event.Text))
	}
	e.all = nil
	return out
}

func inShort(f *api.Facts) string {
	if f == nil {
		return "-"
	}
	var parts []string
	if f.Serving != nil {
		parts = append(parts, *f.Serving+strings.Join(f.Answers, ","))
	}
	if f.Override != nil {
		parts = append(parts, "override to "+f.Override.Target)
	}
	if f.Verdict != "" {
		parts = append(parts, f.Verdict)
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// TestEventsTellTheStory follows a failover, a switch that is released, one that ends by itself and one that a restart finds.
func TestEventsTellTheStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, w := t.TempDir(), world(web())
		h := start(t, dir, w)
		expect := func(want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, h.heard.take()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		}
		expect(`00:00 selection web/primary by "" ->[primary192.0.2.1]: serves primary: nothing is proved of primary yet, so the service stays where it points`)
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		expect(
			`00:00 verdict web/primary by "" [unknown]>[up]: primary at 192.0.2.1 is up: connection refused`,
			`00:00 verdict web/backup by "" [unknown]>[up]: backup at 192.0.2.2 is up: connection refused`,
		)
		sleep(time.Second)
		h.is(primary, checks.Down)
		expect(
			`00:01 verdict web/primary by "" [up]>[down]: primary at 192.0.2.1 is down: connection refused`,
			`00:01 selection web/backup by "" [primary192.0.2.1]>[backup192.0.2.2]: serves backup instead of primary: `+
				`primary is down (connection refused); backup is the first target that is up`,
		)
		must := func(_ api.Service, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		sleep(time.Second)
		must(h.Switch(t.Context(), "web", api.Switch{Target: "primary", For: 60, Force: true, Author: "ann", Reason: "look"}))
		sleep(time.Second)
		must(h.Release(t.Context(), "web", "bob"))
		if n := h.heard.waits.Load(); n != 2 {
			t.Errorf("two changes were acknowledged, and %d waited for", n)
		}
		expect(
			`00:02 switch web/primary by "ann" [backup192.0.2.2]>[primary192.0.2.1 override to primary]: switched to primary until 2000-01-01T00:01:02Z: look`,
			`00:02 selection web/primary by "" [backup192.0.2.2]>[primary192.0.2.1]: serves primary instead of backup: switched to primary by ann until 2000-01-01T00:01:02Z: look`,
			`00:03 release web/backup by "bob" [primary192.0.2.1 override to primary]>[backup192.0.2.2]: ended the override to primary until 2000-01-01T00:01:02Z: look`,
			`00:03 selection web/backup by "" [primary192.0.2.1]>[backup192.0.2.2]: serves backup instead of primary: `+
				`primary is down (connection refused); backup is the first target that is up`,
		)
		must(h.Switch(t.Context(), "web", api.Switch{Target: "backup", For: 10, DryRun: true, Author: "ann"}))
		_, err := h.Switch(t.Context(), "web", api.Switch{Target: "primary", For: 10, Author: "ann"})
		if err == nil {
			t.Error("a switch to what is down was not refused")
		}
		expect()
		must(h.Switch(t.Context(), "web", api.Switch{Target: "primary", For: 10, Author: "ann", Force: true}))
		h.heard.take()
		sleep(20 * time.Second)
		expect(
			`00:13 override_end web/primary by "" [override to primary]>-: the override is over: to primary until 2000-01-01T00:00:13Z (set by ann)`,
			`00:13 selection web/backup by "" [primary192.0.2.1]>[backup192.0.2.2]: serves backup instead of primary: `+
				`primary is down (connection refused); backup is the first target that is up`,
		)
		must(h.Switch(t.Context(), "web", api.Switch{Target: "primary", UntilReleased: true, Author: "ann", Force: true}))
		h.stop()
		sleep(time.Second)
		h = start(t, dir, w)
		expect(`00:24 override_kept web/primary by "" ->[primary192.0.2.1 override to primary]: still to primary until released (set by ann)`)
		must(h.Release(t.Context(), "web", "bob"))
		// A service that the configuration has no more can be released too.
		must(h.Switch(t.Context(), "web", api.Switch{Target: "primary", UntilReleased: true, Author: "ann", Force: true}))
		if err := h.Replace(t.Context(), world(service("api", "192.0.2.7")), nil); err != nil {
			t.Fatal(err)
		}
		h.heard.take()
		must(h.Release(t.Context(), "web", "bob"))
		expect(`00:24 release web/ by "bob" [override to primary]>-: ended the override to primary until released`)
	})
}

// TestManualFailbackIsReleased has an operator let a service go back.
func TestManualFailbackIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sv := web()
		sv.Failback.Manual = true
		h := start(t, t.TempDir(), world(sv))
		h.is(backup, checks.Up)
		h.is(primary, checks.Down)
		h.is(primary, checks.Up)
		h.heard.take()
		if _, err := h.Release(t.Context(), "web", "bob"); err != nil {
			t.Fatal(err)
		}
		got := h.heard.take()
		if want := `00:00 release web/primary by "bob" [backup192.0.2.2]>[primary192.0.2.1]: let go back to primary`; !slices.Contains(got, want) {
			t.Errorf("events: %q", got)
		}
	})
}

// TestWhatHappensInAWindowIsPlanned: the switch a second before it, what probes see in it, and the switch back at its end.
func TestWhatHappensInAWindowIsPlanned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, t.TempDir(), world(nightly(t)))
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		until(h, "01:10:00")
		h.is(primary, checks.Down)
		h.is(primary, checks.Up)
		until(h, "02:00:00")
		h.is(primary, checks.Down)
		var got []string
		for _, e := range h.heard.all {
			if e.Kind == api.EventSelection || e.Kind == api.EventVerdict {
				got = append(got, fmt.Sprintf("%s %s %s %t", e.Time.Format(time.TimeOnly), e.Kind, e.Target, e.Planned))
			}
		}
		want := []string{
			"00:00:00 selection primary false", "00:00:00 verdict primary false", "00:00:00 verdict backup false",
			"00:59:59 selection backup true", "01:10:00 verdict primary true", "01:10:00 verdict primary true", "01:30:00 selection primary true",
			"02:00:00 verdict primary false", "02:00:00 selection backup false",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}
