package control

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/state"
)

func TestWindowsSurviveRestarts(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := world(web())
		h := start(t, dir, w)
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		from := time.Now().Add(10 * time.Minute)
		h.add("backup", 10*time.Minute, 10*time.Minute)
		gone := h.add("backup", 20*time.Minute, 10*time.Minute)
		if _, err := h.CancelWindow(t.Context(), gone.ID, "bob"); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			after time.Duration
			want  string
		}{
			{5 * time.Minute, primary},
			{10*time.Minute - 30*time.Second, primary}, // too near for those who don't know that the server before knew
			{10*time.Minute - 500*time.Millisecond, backup},
			{10*time.Minute + 30*time.Second, backup},
			{15 * time.Minute, backup},
		} {
			h.stop()
			sleep(time.Until(from.Add(c.after - 10*time.Minute)))
			h = start(t, dir, w)
			h.serves(c.want)
			all := h.Windows(time.Now())
			if len(all) != 1 || all[0].ID != "w1" || !all[0].HoldsFrom.Equal(from) || all[0].Author != "ann" || all[0].Since == nil {
				t.Errorf("after %v: %+v", c.after, all)
			}
			got := h.web()
			if c.want == backup && !got.DrainedAt.Equal(from) {
				t.Errorf("after %v: drained at %v, wanted the start %v", c.after, got.DrainedAt, from)
			}
			if c.want == primary && !got.NextChange.DrainedAt.Equal(from) {
				t.Errorf("after %v: will be drained at %v, wanted the start %v", c.after, got.NextChange.DrainedAt, from)
			}
		}
		h.stop()
		sleep(time.Until(from.Add(10 * time.Minute)))
		h = start(t, dir, w)
		h.serves(primary)
		if all := h.Windows(time.Now()); len(all) != 0 {
			t.Errorf("%+v", all)
		}
		if next := h.add("backup", time.Hour, time.Minute); next.ID != "w3" {
			t.Errorf("the next window is %s", next.ID)
		}
	})
}

// mortal is a store that hears nothing more once an override is on the disk.
type mortal struct {
	Store
	dead atomic.Bool
}

func (m *mortal) PutOverride(ctx context.Context, service string, o state.Override) error {
	defer m.dead.Store(true)
	return m.Store.PutOverride(ctx, service, o)
}

func (m *mortal) PutSelection(service string, s state.Selection) {
	if !m.dead.Load() {
		m.Store.PutSelection(service, s)
	}
}

// TestACrashBelievesNoEdgeThatAnOperatorTookAway: between the acknowledgement and the next save of the selection the server dies.
func TestACrashBelievesNoEdgeThatAnOperatorTookAway(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := world(web())
		h := start(t, dir, w, func(s Store) Store { return &mortal{Store: s} })
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		h.add("backup", 2*time.Minute, time.Hour)
		sleep(100 * time.Second) // 20 s before it
		if _, err := h.Switch(t.Context(), "web", api.Switch{Target: "primary", For: 30}); err != nil {
			t.Fatal(err)
		}
		promised := time.Now().Add(30*time.Second - time.Second) // until the override's end, by the answers of now
		h.stop()
		sleep(40 * time.Second)
		h = start(t, dir, w)
		h.serves(backup)
		if got := h.web(); got.DrainedAt == nil || got.DrainedAt.Before(promised.Add(time.Second)) {
			t.Errorf("drained at %v, but answers were promised until %v", got.DrainedAt, promised)
		}
	})
}

func TestAWindowWithoutAPlaceIsKeptAndSaid(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.is(primary, checks.Up)
		h.add("backup", time.Hour, time.Hour)
		other := world(service("api", "192.0.2.7"))
		if err := h.Replace(t.Context(), other, nil); err != nil {
			t.Fatal(err)
		}
		const want = `window w1 of service "web" to backup, from 2000-01-01T01:00:00Z: it is kept but not applied: the configuration has no such service`
		if p := h.WindowProblems(time.Now()); len(p) != 1 || p[0] != want {
			t.Errorf("%q", p)
		}
		w := world(web())
		if err := h.Replace(t.Context(), w, nil); err != nil {
			t.Fatal(err)
		}
		h.world = w
		sleep(time.Hour)
		h.serves(backup)
		if err := h.Replace(t.Context(), other, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := h.CancelWindow(t.Context(), "w1", "bob"); err != nil {
			t.Error(err)
		}
		if p := h.WindowProblems(time.Now()); len(p) != 0 {
			t.Errorf("%q", p)
		}
	})
}
