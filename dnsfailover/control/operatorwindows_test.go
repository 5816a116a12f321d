package control

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
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
