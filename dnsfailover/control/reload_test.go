package control

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/policy"
)

func TestReloadKeepsWhatItHas(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web(), service("mail", "192.0.2.11", "192.0.2.12")))
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		h.is(primary, checks.Down)
		h.is("192.0.2.11", checks.Up)
		if _, err := h.Switch(t.Context(), "mail", api.Switch{Target: "backup", For: 600}); err != nil {
			t.Fatal(err)
		}
		sleep(time.Second)
		before := h.Services(time.Now())

		next := world(service("new", "192.0.2.21"), service("mail", "192.0.2.11", "192.0.2.12"), web())
		next.Config.Services[2].MaxTTL = 30 * time.Second
		next.Config.Services[2].Targets[0].Addresses[0].Checks[0].Check.Interval = time.Second // another number, the same probe
		swapped := false
		if err := h.Replace(t.Context(), next, func() {
			swapped = true
			for name, slot := range next.Slots {
				if slot.Load() == nil {
					t.Errorf("the slot of %s is empty when the set is swapped", name)
				}
			}
		}); err != nil || !swapped {
			t.Fatal(err, swapped)
		}
		h.world = next
		after := h.Services(time.Now())
		if len(after) != 3 || after[0].Name != "new" || after[0].Serving != "primary" {
			t.Fatalf("services %+v", after)
		}
		same := cmp.Options{cmpopts.IgnoreFields(api.Service{}, "TTL")}
		if diff := cmp.Diff([]api.Service{before[1], before[0]}, after[1:], same); diff != "" {
			t.Error(diff)
		}
		if after[2].TTL != 30 {
			t.Errorf("TTL %d, wanted the new max", after[2].TTL)
		}
		if got := h.Restored(); got["web/primary@192.0.2.1"].Verdict != checks.Down || len(got) != 3 {
			t.Errorf("restored %v", got)
		}
		// The old max was promised until the reload, and that is not forgotten.
		reloaded := time.Now()
		h.is(primary, checks.Up)
		sleep(time.Second)
		h.is(backup, checks.Down)
		h.serves(primary)
		if got := h.web().DrainedAt; !got.Equal(reloaded.Add(61 * time.Second)) {
			t.Errorf("drained at %v, wanted a minute after %v", got, reloaded)
		}
	})
}

func TestOverrideOfWhatIsGoneIsKeptAndComesBack(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.override("backup")
		replace := func(w World) {
			t.Helper()
			if err := h.Replace(t.Context(), w, func() {}); err != nil {
				t.Fatal(err)
			}
			h.world = w
		}
		without := web()
		without.Targets = without.Targets[:1]
		replace(world(without))
		h.serves(primary)
		if got := h.Problems(); len(got) != 1 || got[0] != `the override of service "web" to "backup" is kept but not applied: the service has no such target, it has primary; to delete it: dnsfailover release web` {
			t.Errorf("problems %q", got)
		}
		replace(world(service("other", "192.0.2.9")))
		if got := h.Problems(); len(got) != 1 || !strings.Contains(got[0], "has no such service") {
			t.Errorf("problems %q", got)
		}
		h.stop()
		h = start(t, dir, world(service("other", "192.0.2.9")))
		if got := h.Problems(); len(got) != 1 {
			t.Errorf("problems after a restart %q", got)
		}
		replace(world(web()))
		h.serves(backup)
		if got := h.Problems(); len(got) != 0 {
			t.Errorf("problems %q", got)
		}
	})
}

func TestTransitionsOfChecksThatAreGoneAreIgnored(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		old := h.transition(primary, checks.State{Verdict: checks.Down}, 0)
		next := web()
		next.Targets[0].Addresses[0].Checks[0].Check.Probe = probe("another")
		next.Targets[1].Addresses[0].Checks[0].Check.Probe = probe("yet another")
		h.world = world(next)
		if err := h.Replace(t.Context(), h.world, func() {}); err != nil {
			t.Fatal(err)
		}
		h.Report(old) // of the check that had the same ID
		synctest.Wait()
		h.serves(primary)
		if got := h.web().Targets[0].Verdict; got != "unknown" {
			t.Errorf("verdict %s", got)
		}
	})
}

// TestReloadFollowsAnEdgeThatControlHasNotWokenUpFor has a failback pass right before a reload: what then counts is where
// the service is, not where it was.
func TestReloadFollowsAnEdgeThatControlHasNotWokenUpFor(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sv := web()
		h := start(t, dir, world(sv))
		h.is(backup, checks.Up)
		h.is(primary, checks.Down)
		h.is(primary, checks.Up)
		h.stop()
		time.Sleep(2 * time.Minute)
		h.serves(primary)
		sv.Failback.Manual = true
		h.world = world(sv)
		before := h.byName["web"].in.Facts
		h.settleIn(h.world, time.Now(), nil, func(check *checks.Check, _ string) policy.Fact {
			return before[h.places.byID[check.ID].at[0].target][0]
		})
		h.serves(primary)
	})
}

func TestSelectionOfAServiceThatIsGoneIsKeptForADay(t *testing.T) {
	for pause, want := range map[time.Duration]string{23 * time.Hour: backup, 25 * time.Hour: primary} {
		t.Run(pause.String(), func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				h := start(t, dir, world(web()))
				h.is(backup, checks.Up)
				h.is(primary, checks.Down)
				h.stop()
				sleep(100 * 24 * time.Hour) // how old the selection is does not matter
				other := world(service("other", "192.0.2.9"))
				start(t, dir, other).stop()
				sleep(pause)
				start(t, dir, other).stop()
				h = start(t, dir, world(web()))
				h.serves(want)
				h.stop()
				h = start(t, dir, h.world)
				if got := h.store.Contents().Selections; !got["web"].Gone.IsZero() || got["other"].Gone.IsZero() {
					t.Errorf("stored %+v", got)
				}
			})
		})
	}
}
