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

// TestSimulationsComeTrue asks what will be served at instants ahead, over an override's end and a failback, and then waits for them.
func TestSimulationsComeTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, t.TempDir(), world(web()))
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		h.is(primary, checks.Down)
		sleep(time.Second)
		if _, err := h.Switch(t.Context(), "web", api.Switch{Target: "primary", For: 100, Force: true, Author: "ann"}); err != nil {
			t.Fatal(err)
		}
		h.is(primary, checks.Up) // failback, underneath the override, in a minute
		begin := time.Now()
		foretold := map[time.Duration]api.Service{}
		var instants []time.Duration
		for at := time.Duration(0); at < 200*time.Second; at += 2300 * time.Millisecond {
			s, err := h.Simulate(api.Supposition{At: begin.Add(at)}, begin)
			if err != nil || len(s.Services) != 1 || !s.At.Equal(begin.Add(at)) {
				t.Fatalf("%+v, %v", s, err)
			}
			foretold[at], instants = s.Services[0], append(instants, at)
		}
		for _, at := range instants {
			sleep(time.Until(begin.Add(at)))
			is, was := h.web(), foretold[at]
			if is.Serving != was.Serving || is.Rule != was.Rule || is.TTL != was.TTL || is.Reason != was.Reason || !slices.Equal(is.Answers, was.Answers) ||
				!is.Since.Equal(was.Since) || (is.Override == nil) != (was.Override == nil) || fmt.Sprint(is.NextChange) != fmt.Sprint(was.NextChange) ||
				is.NextChange != nil && !was.Ahead[0].At.Equal(is.NextChange.At) || is.NextChange == nil && was.Ahead != nil {
				t.Errorf("after %v: foretold\n%+v, it is\n%+v", at, was, is)
			}
		}
	})
}

func TestSimulationsSuppose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, t.TempDir(), world(web(), service("api", "192.0.2.7", "192.0.2.8")))
		for _, a := range []string{primary, backup, "192.0.2.7", "192.0.2.8"} {
			h.is(a, checks.Up)
		}
		before := h.Services(time.Now())
		for _, c := range []struct {
			s    api.Supposition
			want string
		}{
			{api.Supposition{}, "web primary verdicts, api primary verdicts"},
			{api.Supposition{Service: "api", Down: []string{"api/primary", "web/primary"}}, "api backup verdicts"},
			{api.Supposition{Down: []string{"web/primary", "web/backup"}}, "web backup all_down, api primary verdicts"},
			{api.Supposition{Override: []string{"api/backup"}, Down: []string{"api/backup"}}, "web primary verdicts, api backup override"},
		} {
			s, err := h.Simulate(c.s, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, sv := range s.Services {
				got = append(got, sv.Name+" "+sv.Serving+" "+sv.Rule)
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("%+v: %q, want %q", c.s, got, c.want)
			}
		}
		// What is supposed to be up again takes over after its time.
		h.is(primary, checks.Down)
		for after, want := range map[time.Duration]string{59 * time.Second: "backup", time.Minute: "primary", 24 * time.Hour: "primary"} {
			s, err := h.Simulate(api.Supposition{Service: "web", Up: []string{"web/primary"}, At: time.Now().Add(after)}, time.Now())
			if err != nil || s.Services[0].Serving != want {
				t.Errorf("after %v: %+v, %v, want %s", after, s, err, want)
			}
		}
		h.is(primary, checks.Up)
		sleep(2 * time.Minute)
		if after := h.Services(time.Now()); after[1].Serving != before[1].Serving || after[1].Rule != before[1].Rule || after[0].Serving != "primary" {
			t.Errorf("simulations have changed something: %+v", after)
		}
		for _, c := range []struct {
			s    api.Supposition
			want string
		}{
			{api.Supposition{Service: "wbe"}, `there is no service "wbe": did you mean "web"?`},
			{api.Supposition{Down: []string{"web/primray"}}, `service "web" has no target "primray": did you mean "primary"?`},
			{api.Supposition{Up: []string{"ap/primary"}}, `there is no service "ap": did you mean "api"?`},
			{api.Supposition{Override: []string{"web"}}, `"web" names no target: write SERVICE/TARGET, as in web/primary`},
			{api.Supposition{At: time.Now().AddDate(11, 0, 0)}, `2011-01-01T00:02:00Z is more than ten years ahead`},
		} {
			if _, err := h.Simulate(c.s, time.Now()); err == nil || err.Error() != c.want {
				t.Errorf("%+v: %v, want %s", c.s, err, c.want)
			}
		}
	})
}
