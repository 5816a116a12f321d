package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dnsfailover/dnsfailover/api"
)

func TestWaitEndsWhenTheServiceIsDrained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		drained := begin.Add(41 * time.Second)
		var out strings.Builder
		w := waiter{out: &out, get: func(context.Context) (api.Service, error) {
			return api.Service{Name: "web", Serving: "backup", Answers: []string{"198.51.100.20"}, Since: begin, DrainedAt: &drained}, nil
		}}
		if err := w.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < 41*time.Second || took > 42*time.Second {
			t.Errorf("it took %s", took)
		}
		want := "web: serves backup at 198.51.100.20; drained in 41s, at " + drained.Format(time.TimeOnly) + "\n" +
			"safe: web serves backup at 198.51.100.20, and no correct cache holds anything else\n"
		if out.String() != want {
			t.Errorf("printed\n%swant\n%s", &out, want)
		}
	})
}

func TestWaitGoesOnWhenTheServiceChangesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var out strings.Builder
		w := waiter{out: &out, get: func(context.Context) (api.Service, error) {
			s := api.Service{Name: "web", Serving: "backup", DrainedAt: new(time.Time)}
			*s.DrainedAt = begin.Add(10 * time.Second)
			if time.Since(begin) > 5*time.Second {
				s.Serving, *s.DrainedAt = "primary", begin.Add(60*time.Second)
			}
			return s, nil
		}}
		if err := w.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < time.Minute || !strings.Contains(out.String(), "safe: web serves primary") {
			t.Errorf("after %s: %s", took, &out)
		}
		// A switch that waits must not call that safe.
		begin = time.Now()
		w.want = "backup"
		err := w.wait(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "web serves primary and not backup any more") {
			t.Errorf("switch --wait: %v", err)
		}
	})
}

func TestWaitReportsWhatGoesWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := &api.Unreachable{Err: errors.New("connection refused")}
		begin := time.Now()
		w := waiter{out: new(strings.Builder), get: func(context.Context) (api.Service, error) {
			if time.Since(begin) > 3*time.Second {
				return api.Service{}, gone
			}
			return api.Service{DrainedAt: new(begin.Add(time.Hour))}, nil
		}}
		if err := w.wait(t.Context()); exitCode(err) != exitUnreachable {
			t.Errorf("a server that goes away: %v", err)
		}
		begin = time.Now().Add(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := w.wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("interrupted: %v", err)
		}
	})
}

func TestTheBarFillsUpToTheEnd(t *testing.T) {
	s := api.Service{Name: "web", Serving: "backup", Since: noon, DrainedAt: at(60 * time.Second)}
	for after, want := range map[time.Duration]string{
		0:                        "web -> backup [..............................] 1m left",
		30 * time.Second:         "web -> backup [###############...............] 30s left",
		59500 * time.Millisecond: "web -> backup [#############################.] 1s left",
	} {
		if got := drain(s, noon).bar(noon.Add(-time.Hour), noon.Add(after), look{}); got != want {
			t.Errorf("after %s: %s, want %s", after, got, want)
		}
	}
}
