package control

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/state"
)

// problem returns the status and sentence of a refusal.
func problem(t *testing.T, err error) string {
	t.Helper()
	var p *api.Problem
	if !errors.As(err, &p) {
		t.Fatalf("no problem: %v", err)
	}
	return fmt.Sprint(p.Status, " ", p.Detail)
}

func (h *house) override(target string) {
	h.t.Helper()
	if _, err := h.Switch(h.t.Context(), "web", api.Switch{Target: target, UntilReleased: true, Force: true, Author: "alice", Reason: "patches"}); err != nil {
		h.t.Fatal(err)
	}
}

func TestSwitchServesAndTellsUntilWhen(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.is(primary, checks.Up)
		got, err := h.Switch(t.Context(), "web", api.Switch{Target: "backup", For: 3600, Reason: "patches", Author: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		h.serves(backup)
		if o := got.Override; got.Serving != "backup" || got.Rule != "override" || o == nil || o.Target != "backup" || o.Author != "alice" ||
			o.Reason != "patches" || !o.Until.Equal(time.Now().Add(time.Hour)) || !o.Since.Equal(time.Now()) {
			t.Errorf("answer %+v, override %+v", got, o)
		}
		if n := got.NextChange; n == nil || n.Serving != "primary" || !n.At.Equal(time.Now().Add(time.Hour)) {
			t.Errorf("next change %+v", n)
		}
		h.is(primary, checks.Down)
		h.is(backup, checks.Up)
		h.serves(backup)
	})
}

func TestReleaseGoesWhereTheVerdictsPoint(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		h.override("backup")
		h.serves(backup)
		h.override("primary")
		h.serves(primary)
		h.is(primary, checks.Down)
		h.serves(primary)
		got, err := h.Release(t.Context(), "web", "bob")
		if err != nil {
			t.Fatal(err)
		}
		h.serves(backup)
		if got.Override != nil || got.Serving != "backup" || got.Rule != "verdicts" {
			t.Errorf("answer %+v", got)
		}
		if _, err := h.Release(t.Context(), "web", "bob"); problem(t, err) != `409 service "web" has no override, and no better target waits to take over` {
			t.Error(err)
		}
		if got := h.log.take("override set", "service", "target", "until", "author", "replaces"); len(got) != 2 ||
			got[0] != "web backup released alice <nil>" || got[1] != "web primary released alice backup until released by alice" {
			t.Errorf("log %q", got)
		}
		if got := h.log.take("override released", "service", "target", "set_by", "released_by"); len(got) != 1 || got[0] != "web primary alice bob" {
			t.Errorf("log %q", got)
		}
	})
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(service("api", "192.0.2.7"), service("web", primary, backup)))
		h.is(backup, checks.Down)
		past, far := time.Now().Add(-time.Second), time.Now().AddDate(11, 0, 0)
		soon := time.Now().Add(time.Minute)
		for name, c := range map[string]struct {
			service string
			s       api.Switch
			want    string
		}{
			"no such service":     {"wbe", api.Switch{Target: "backup", For: 60}, `404 there is no service "wbe": did you mean "web"?`},
			"no such target":      {"web", api.Switch{Target: "bakcup", For: 60}, `404 service "web" has no target "bakcup": did you mean "backup"?`},
			"a target unlike any": {"web", api.Switch{Target: "x", For: 60}, `404 service "web" has no target "x"; it has primary, backup`},
			"no end":              {"web", api.Switch{Target: "primary"}, `422 say how long with exactly one of "for", "until" and "until_released"`},
			"two ends":            {"web", api.Switch{Target: "primary", For: 60, Until: &soon}, `422 say how long with exactly one of "for", "until" and "until_released"`},
			"an end in the past": {
				"web", api.Switch{Target: "primary", Until: &past}, "422 until 1999-12-31T23:59:59Z is over: it is 2000-01-01T00:00:00Z",
			},
			"an end too far":    {"web", api.Switch{Target: "primary", Until: &far}, "422 until 2011-01-01T00:00:00Z is more than ten years ahead: take until_released"},
			"too short":         {"web", api.Switch{Target: "primary", For: 0.5}, `422 "for" is 0.5 seconds: it must be from 1 second to 10 years`},
			"negative":          {"web", api.Switch{Target: "primary", For: -60}, `422 "for" is -60 seconds: it must be from 1 second to 10 years`},
			"not a number":      {"web", api.Switch{Target: "primary", For: math.NaN()}, `422 "for" is NaN seconds: it must be from 1 second to 10 years`},
			"infinite":          {"web", api.Switch{Target: "primary", For: math.Inf(1)}, `422 "for" is +Inf seconds: it must be from 1 second to 10 years`},
			"a novel as reason": {"web", api.Switch{Target: "primary", For: 60, Reason: strings.Repeat("x", 501)}, `422 "reason" has 501 bytes: keep it to 500`},
			"a novel as author": {"web", api.Switch{Target: "primary", For: 60, Author: strings.Repeat("x", 502)}, `422 "author" has 502 bytes: keep it to 500`},
			"a target that is down": {
				"web",
				api.Switch{Target: "backup", For: 60},
				`409 target "backup" of service "web" is down: 192.0.2.2: connection refused; with force (--force) it is switched to all the same`,
			},
			"a target that is down, rehearsed": {
				"web",
				api.Switch{Target: "backup", For: 60, DryRun: true},
				`409 target "backup" of service "web" is down: 192.0.2.2: connection refused; with force (--force) it is switched to all the same`,
			},
		} {
			if _, err := h.Switch(t.Context(), c.service, c.s); err == nil || problem(t, err) != c.want {
				t.Errorf("%s: got  %v\nwant %s", name, err, c.want)
			}
		}
		if _, err := h.Release(t.Context(), "mail", ""); problem(t, err) != `404 there is no service "mail"; there are api, web` {
			t.Error(err)
		}
		if got := len(h.log.take("override set")); got != 0 {
			t.Errorf("%d overrides were set", got)
		}
		got, err := h.Switch(t.Context(), "web", api.Switch{Target: "backup", For: 60, Force: true})
		if err != nil || got.Serving != "backup" {
			t.Errorf("forced: %+v, %v", got, err)
		}
	})
}

func TestDryRunChangesNothing(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.is(primary, checks.Up)
		sleep(time.Minute)
		before := fmt.Sprint(h.web())
		got, err := h.Switch(t.Context(), "web", api.Switch{Target: "backup", For: 60, DryRun: true})
		if err != nil || got.Serving != "backup" || got.Override == nil || got.Answers[0] != backup {
			t.Errorf("rehearsed: %+v, %v", got, err)
		}
		if got.DrainedAt == nil || !got.DrainedAt.Equal(time.Now().Add(61*time.Second)) {
			t.Errorf("would be drained at %v", got.DrainedAt)
		}
		h.serves(primary)
		if after := fmt.Sprint(h.web()); after != before {
			t.Errorf("was %s\nis %s", before, after)
		}
		h.stop()
		h = start(t, dir, h.world)
		if h.web().Override != nil {
			t.Error("the rehearsal was stored")
		}
	})
}

func TestManualFailbackWaitsForRelease(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := web()
		w.Failback.Manual = true
		h := start(t, dir, world(w))
		h.is(backup, checks.Up)
		h.is(primary, checks.Down)
		sleep(time.Minute)
		h.is(primary, checks.Up)
		sleep(24 * time.Hour)
		h.serves(backup)
		if got := h.web().Reason; got != "primary is up again, but failback is manual: backup stays until released" {
			t.Errorf("reason %q", got)
		}
		if got, err := h.Release(t.Context(), "web", "alice"); err != nil || got.Serving != "primary" {
			t.Fatalf("%+v, %v", got, err)
		}
		h.serves(primary)
		h.stop() // at once: the release must be on the disk
		h = start(t, dir, h.world)
		h.serves(primary)
		if _, err := h.Release(t.Context(), "web", "alice"); problem(t, err) != `409 service "web" has no override, and no better target waits to take over` {
			t.Error(err)
		}
	})
}

func TestExpiredOverrideIsForgotten(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		if _, err := h.Switch(t.Context(), "web", api.Switch{Target: "backup", For: 60, Author: "alice"}); err != nil {
			t.Fatal(err)
		}
		sleep(time.Minute)
		if got := h.log.take("override expired", "service", "target", "author"); len(got) != 1 || got[0] != "web backup alice" {
			t.Errorf("log %q", got)
		}
		if _, err := h.Release(t.Context(), "web", ""); problem(t, err) != `409 service "web" has no override, and no better target waits to take over` {
			t.Error(err)
		}
		h.stop()
		s, err := state.Open(dir, state.Options{Log: h.Control.log})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got := s.Contents().Overrides; len(got) != 0 {
			t.Errorf("still stored: %v", got)
		}
	})
}

func TestOverrideWhoseServiceIsGoneCanBeReleased(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.override("backup")
		other := world(service("other", "192.0.2.9"))
		if err := h.Replace(t.Context(), other, func() {}); err != nil {
			t.Fatal(err)
		}
		if got := h.Problems(); len(got) != 1 || !strings.HasSuffix(got[0], "no such service; to delete it: dnsfailover release web") {
			t.Errorf("problems %q", got)
		}
		if got, err := h.Release(t.Context(), "web", "bob"); err != nil || got.Name != "web" || got.Override != nil {
			t.Fatalf("%+v, %v", got, err)
		}
		if got := h.Problems(); len(got) != 0 {
			t.Errorf("problems %q", got)
		}
		if got := h.log.take("override released", "service", "target", "set_by", "released_by"); len(got) != 1 || got[0] != "web backup alice bob" {
			t.Errorf("log %q", got)
		}
		if _, err := h.Release(t.Context(), "web", "bob"); problem(t, err) != `404 there is no service "web"; there are other` {
			t.Error(err)
		}
		h.stop()
		if got := start(t, dir, other).Problems(); len(got) != 0 {
			t.Errorf("after a restart: %q", got)
		}
	})
}

// The disk is slow, and the override that is being extended expires meanwhile.
func TestExtendedOverrideOutlivesTheOldOne(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		h := start(t, dir, world(web()), func(s Store) Store { d.Store = s; return d })
		if _, err := h.Switch(t.Context(), "web", api.Switch{Target: "backup", For: 60}); err != nil {
			t.Fatal(err)
		}
		d.hold = make(chan struct{})
		switched := make(chan error, 1)
		go func() {
			_, err := h.Switch(t.Context(), "web", api.Switch{Target: "backup", UntilReleased: true})
			switched <- err
		}()
		sleep(61 * time.Second)
		close(d.hold)
		if err := <-switched; err != nil {
			t.Fatal(err)
		}
		sleep(time.Minute)
		h.stop()
		start(t, dir, h.world).serves(backup)
	})
}

func TestStartTellsOfOverridesInForce(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web(), service("mail", "192.0.2.11")))
		h.override("backup")
		if _, err := h.Switch(t.Context(), "mail", api.Switch{Target: "primary", For: 60, Author: "bob"}); err != nil {
			t.Fatal(err)
		}
		h.is(backup, checks.Down)
		h.stop()
		h = start(t, dir, h.world)
		got := h.log.take("override in force", "level", "service", "target", "until", "author", "reason")
		if len(got) != 2 || got[0] != "WARN web backup released alice patches" || got[1] != "INFO mail primary 2000-01-01T00:01:00Z bob " {
			t.Errorf("log %q", got)
		}
	})
}

func TestAllDownIsLoggedWhenItBeginsAndEnds(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		begun := func(n int) {
			t.Helper()
			if got := h.log.take("all targets are down", "level", "service", "all_down", "serving"); len(got) != n || n > 0 && got[0] != "WARN web last backup" {
				t.Errorf("log %q", got)
			}
		}
		h.is(primary, checks.Down)
		begun(0)
		h.is(backup, checks.Down)
		begun(1)
		if err := h.Replace(t.Context(), world(web()), func() {}); err != nil {
			t.Fatal(err)
		}
		begun(1)
		h.is(backup, checks.Up)
		if got := h.log.take("all_down no longer applies", "level", "service", "rule", "serving"); len(got) != 1 || got[0] != "INFO web verdicts backup" {
			t.Errorf("log %q", got)
		}
	})
}
