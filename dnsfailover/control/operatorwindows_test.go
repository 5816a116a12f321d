package control

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/state"
)

// add plans a window to a target of web.
func (h *house) add(target string, in, length time.Duration) api.Window {
	h.t.Helper()
	w, err := h.AddWindow(h.t.Context(), api.NewWindow{
		Service: "web", Target: target, Start: time.Now().Add(in), For: length.Seconds(), Author: "ann", Reason: "patches",
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

func TestPlannedWindowIsDrainedAtItsStart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		begin := time.Now()
		w := h.add("backup", 5*time.Minute, time.Minute)
		from := begin.Add(5 * time.Minute)
		if w.ID != "w1" || w.Service != "web" || w.Target != "backup" || !w.Start.Equal(from) || !w.End.Equal(from.Add(time.Minute)) ||
			!w.HoldsFrom.Equal(from) || w.Open || w.Author != "ann" || w.Reason != "patches" || w.Since == nil || !w.Since.Equal(begin) || len(w.Problems) > 0 {
			t.Errorf("planned %+v", w)
		}
		if all := h.Windows(time.Now()); len(all) != 1 || all[0].ID != "w1" {
			t.Errorf("windows %+v", all)
		}
		if got := h.web(); got.NextWindow == nil || got.NextWindow.ID != "w1" || got.Window != nil ||
			got.NextChange == nil || !got.NextChange.At.Equal(from) || !got.NextChange.DrainedAt.Equal(from) {
			t.Errorf("next window %+v, next change %+v", got.NextWindow, got.NextChange)
		}
		sleep(5*time.Minute - 1001*time.Millisecond)
		h.serves(primary)
		sleep(time.Millisecond)
		h.serves(backup)
		sleep(time.Second)
		if got := h.web(); got.Window == nil || !got.Window.Open || got.NextWindow != nil || !got.DrainedAt.Equal(from) {
			t.Errorf("open window %+v, drained at %v", got.Window, got.DrainedAt)
		}
		sleep(time.Minute)
		h.serves(primary)
		if all := h.Windows(time.Now()); len(all) != 0 {
			t.Errorf("windows after all are over: %+v", all)
		}
		if w := h.add("backup", time.Minute, time.Minute); w.ID != "w2" {
			t.Errorf("the second window is %s", w.ID)
		}
		var kinds []string
		for _, e := range h.heard.take() {
			if strings.Contains(e, " window") {
				kinds = append(kinds, e)
			}
		}
		if want := []string{
			`00:00 window_add web/backup by "ann" ->-: planned window w1 to backup from 2000-01-01T00:05:00Z to 2000-01-01T00:06:00Z: patches`,
			`05:00 window_start web/backup by "" ->-: window w1 to backup is open until 2000-01-01T00:06:00Z: patches`,
			`06:00 window_end web/backup by "" ->-: window w1 to backup is over: patches`,
			`06:00 window_add web/backup by "ann" ->-: planned window w2 to backup from 2000-01-01T00:07:00Z to 2000-01-01T00:08:00Z: patches`,
		}; !slices.Equal(slices.DeleteFunc(kinds, func(e string) bool { return strings.Contains(e, " selection ") }), want) {
			t.Errorf("events:\n%s", strings.Join(kinds, "\n"))
		}
	})
}

// TestAWindowThatIsAnnouncedTooLateSaysFromWhenOnItHolds: caches have answers of a minute.
func TestAWindowThatIsAnnouncedTooLateSaysFromWhenOnItHolds(t *testing.T) {
	for in, want := range map[time.Duration]time.Duration{ // from the announcement
		500 * time.Millisecond: 61 * time.Second,
		20 * time.Second:       61 * time.Second,
		60 * time.Second:       61 * time.Second,
		61 * time.Second:       61 * time.Second,
		62 * time.Second:       62 * time.Second,
	} {
		t.Run(in.String(), func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				h := start(t, dir, world(web()))
				h.is(primary, checks.Up)
				sleep(10 * time.Minute)
				now := time.Now()
				w := h.add("backup", in, 2*time.Minute)
				if got := w.HoldsFrom.Sub(now); got != want {
					t.Errorf("holds after %v, wanted %v", got, want)
				}
				sleep(in)
				if got := h.web(); got.DrainedAt.Sub(now) != want {
					t.Errorf("drained after %v, wanted %v", got.DrainedAt.Sub(now), want)
				}
				if in == 20*time.Second {
					sleep(time.Second)
					if got := h.Windows(time.Now())[0].HoldsFrom.Sub(now); got != want {
						t.Errorf("while it is open it holds from %v on, wanted %v", got, want)
					}
				}
			})
		})
	}
}

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

func TestCancelledWindowIsNotServed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(nightly(t)))
		h.is(primary, checks.Up)
		w := h.add("backup", time.Minute, time.Minute)
		sleep(90 * time.Second)
		h.serves(backup)
		got, err := h.CancelWindow(t.Context(), w.ID, "bob")
		if err != nil || got.ID != w.ID || !got.Open {
			t.Errorf("%+v, %v", got, err)
		}
		h.serves(primary)
		if _, err := h.CancelWindow(t.Context(), w.ID, "bob"); problem(t, err) != `404 there is no window "w1": none is planned` {
			t.Error(err)
		}
		h.add("backup", time.Minute, time.Minute)
		if _, err := h.CancelWindow(t.Context(), "w9", "bob"); problem(t, err) != `404 there is no window "w9": there are w2` {
			t.Error(err)
		}
		if _, err := h.CancelWindow(t.Context(), "web-1", "bob"); !strings.HasPrefix(problem(t, err), `409 window web-1 is in the configuration, at `) {
			t.Error(err)
		}
		if got := h.log.take("window cancelled", "window", "planned_by", "cancelled_by"); len(got) != 1 || got[0] != "w1 ann bob" {
			t.Errorf("log %q", got)
		}
	})
}

func TestWindowsThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		now := time.Now()
		end, early := now.Add(time.Hour), now.Add(time.Minute)
		good := api.NewWindow{Service: "web", Target: "backup", Start: now.Add(time.Minute), For: 60}
		for name, c := range map[string]struct {
			change func(*api.NewWindow)
			want   string
		}{
			"no such service": {func(n *api.NewWindow) { n.Service = "wbe" }, `404 there is no service "wbe": did you mean "web"?`},
			"no such target":  {func(n *api.NewWindow) { n.Target = "bakcup" }, `404 service "web" has no target "bakcup": did you mean "backup"?`},
			"a start that is over": {
				func(n *api.NewWindow) { n.Start = now }, "422 the start 2000-01-01T00:00:00Z is over: it is 2000-01-01T00:00:00Z; to switch now, override the service",
			},
			"a start too far":   {func(n *api.NewWindow) { n.Start = now.AddDate(11, 0, 0) }, "422 the start 2011-01-01T00:00:00Z is more than ten years ahead"},
			"no end":            {func(n *api.NewWindow) { n.For = 0 }, `422 say how long with exactly one of "for" and "end"`},
			"two ends":          {func(n *api.NewWindow) { n.End = &end }, `422 say how long with exactly one of "for" and "end"`},
			"too short":         {func(n *api.NewWindow) { n.For = 0.5 }, `422 "for" is 0.5 seconds: it must be from 1 second to 31 days`},
			"too long":          {func(n *api.NewWindow) { n.For = 1e9 }, `422 "for" is 1000000000 seconds: it must be from 1 second to 31 days`},
			"an end too early":  {func(n *api.NewWindow) { n.For, n.End = 0, &early }, "422 the end 2000-01-01T00:01:00Z must come from 1 second to 31 days after the start 2000-01-01T00:01:00Z"},
			"a novel as reason": {func(n *api.NewWindow) { n.Reason = strings.Repeat("x", 501) }, `422 "reason" has 501 bytes: keep it to 500`},
			"a novel as author": {func(n *api.NewWindow) { n.Author = strings.Repeat("x", 501) }, `422 "author" has 501 bytes: keep it to 500`},
		} {
			n := good
			c.change(&n)
			if _, err := h.AddWindow(t.Context(), n); problem(t, err) != c.want {
				t.Errorf("%s: got %v\nwant %s", name, err, c.want)
			}
		}
		if all := h.Windows(now); len(all) != 0 {
			t.Errorf("%+v", all)
		}
		n := good
		n.For, n.End = 0, &end
		if w, err := h.AddWindow(t.Context(), n); err != nil || !w.End.Equal(end) {
			t.Errorf("%+v %v", w, err)
		}
	})
}

func TestDryRunOfAWindowShowsWhatWouldBeServed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.is(primary, checks.Up)
		now := time.Now()
		w, err := h.AddWindow(t.Context(), api.NewWindow{Service: "web", Target: "backup", Start: now.Add(time.Hour), For: 600, DryRun: true})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range w.Preview {
			got = append(got, fmt.Sprintf("%s %s %s %d %s", p.At.Sub(now), p.Serving, p.Answers, p.TTL, p.Rule))
		}
		want := []string{"58m58s primary [192.0.2.1] 60 verdicts", "59m59s backup [192.0.2.2] 60 window", "1h10m0s primary [192.0.2.1] 60 verdicts"}
		if !slices.Equal(got, want) {
			t.Errorf("preview %q", got)
		}
		if all := h.Windows(now); len(all) != 0 || h.web().NextChange != nil {
			t.Errorf("after a dry run: %+v", all)
		}
		if w := h.add("backup", time.Hour, time.Minute); w.ID != "w1" {
			t.Errorf("a dry run took the number of %s", w.ID)
		}
	})
}

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

func TestTwoWindowsOfOneService(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(service("web", primary, backup, "192.0.2.3")))
		h.is(primary, checks.Up)
		h.add("backup", time.Minute, 10*time.Minute)
		h.add("third", 2*time.Minute, time.Minute)
		for range 3 {
			sleep(30 * time.Second)
		}
		h.serves(backup)
		sleep(time.Minute)
		h.serves("192.0.2.3")
		if w := h.web().Window; w == nil || w.ID != "w2" {
			t.Errorf("%+v", w)
		}
		sleep(time.Minute)
		h.serves(backup)
		sleep(10 * time.Minute)
		h.serves(primary)
	})
}
