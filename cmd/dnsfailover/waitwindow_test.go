package main

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dnsfailover/dnsfailover/api"
)

func TestWaitForAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		window := api.Window{ID: "w3", Service: "web", Target: "backup", Start: begin.Add(time.Minute), End: begin.Add(time.Hour), HoldsFrom: begin.Add(70 * time.Second)}
		serving := "backup"
		var out strings.Builder
		w := windowWaiter{
			out: &out, id: "w3",
			windows: func(context.Context) ([]api.Window, error) {
				now := window
				now.Open = !time.Now().Before(now.Start)
				return []api.Window{{ID: "w1"}, now}, nil
			},
			service: func(context.Context, string) (api.Service, error) {
				return api.Service{Name: "web", Serving: serving, DrainedAt: &window.HoldsFrom}, nil
			},
		}
		if err := w.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < 70*time.Second || took > 71*time.Second {
			t.Errorf("it took %s", took)
		}
		want := "web: w3 to backup from 00:01:00 (in 1m) to 01:00:00, safe from 00:01:10; safe in 1m10s\n" +
			"safe: web serves backup, without an address, and no correct cache holds anything else\n"
		if !strings.HasSuffix(out.String(), want) && time.Local == time.UTC {
			t.Errorf("printed\n%swant\n%s", &out, want)
		}
		// Whatever is open: safe is only what is served.
		serving = "primary"
		if err := w.wait(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "window w3 is open, but web serves primary and not backup") {
			t.Errorf("%v", err)
		}
		w.id = "w4"
		if err := w.wait(t.Context()); err == nil || !strings.HasPrefix(err.Error(), `there is no window "w4"`) {
			t.Errorf("%v", err)
		}
	})
}
