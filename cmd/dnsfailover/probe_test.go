package main

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover"
	"dnsfailover/dnsfailover/config"
)

// fixed is a probe whose result is known.
type fixed struct{ result checks.Result }

func (f fixed) Run(ctx context.Context) checks.Result {
	if _, bounded := ctx.Deadline(); !bounded {
		panic("a probe without a deadline")
	}
	return f.result
}

func (fixed) String() string { return "http https://www.example.com/healthz at 203.0.113.10:443" }

func target(name string, results ...checks.Result) config.Target {
	t := config.Target{Name: name}
	for _, r := range results {
		check := &checks.Check{Probe: fixed{r}, Timeout: 3 * time.Second}
		t.Addresses = append(t.Addresses, config.Address{IP: netip.MustParseAddr("203.0.113.10"), Checks: []config.Watch{{Check: check}}})
	}
	return t
}

var (
	good = checks.Result{
		OK: true, Reason: "status 200, body holds \"ok\"", Took: 1234 * time.Microsecond,
		Phases: []checks.Phase{{Name: "dial", Took: 200 * time.Microsecond}, {Name: "first byte", Took: 1034 * time.Microsecond}},
		Seen:   []string{"status: 200 OK", "server: \x1b[2Jevil"},
	}
	bad = checks.Result{Reason: "connection refused", Took: 150 * time.Microsecond, Phases: []checks.Phase{{Name: "dial", Took: 150 * time.Microsecond}}}
)

func TestProbesShowWhatTheySaw(t *testing.T) {
	unwatched := config.Target{Name: "page", Addresses: []config.Address{{IP: netip.MustParseAddr("2001:db8::1")}}}
	var out strings.Builder
	err := probeAll(t.Context(), &out, []config.Target{target("primary", good, bad), unwatched})
	if err == nil || err.Error() != "1 of 2 probes failed" || exitCode(err) != exitFailed {
		t.Errorf("got %v", err)
	}
	golden(t, "probe.txt", out.String())

	out.Reset()
	warned, untold := good, checks.Result{Inconclusive: true, Reason: "too many open files on this host"}
	warned.Warning = "TLS certificate expires in 3 days"
	err = probeAll(t.Context(), &out, []config.Target{target("primary", warned, untold)})
	if err == nil || err.Error() != "1 of 2 probes could not tell" || exitCode(err) != exitFailed {
		t.Errorf("got %v", err)
	}
	reporting := target("cron", good)
	reporting.Addresses[0].Checks[0].Check.Probe = &checks.PushProbe{MaxAge: time.Minute}
	if err := probeAll(t.Context(), &out, []config.Target{reporting}); err != nil {
		t.Errorf("a push check: %v", err)
	}
	golden(t, "probe-others.txt", out.String())
	if err := probeAll(t.Context(), &out, []config.Target{target("primary", good)}); err != nil {
		t.Errorf("a good probe: %v", err)
	}
}

func TestWhichTargetsAreProbed(t *testing.T) {
	cfg := &config.Config{File: "x.yaml", Services: []config.Service{
		{Name: "mail", Targets: []config.Target{target("one")}},
		{Name: "web", Targets: []config.Target{target("one"), target("two")}},
	}}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"web"}, "one two"},
		{[]string{"web", "two"}, "two"},
		{[]string{"web", "three"}, `service "web" has no target "three"`},
		{[]string{"wbe"}, `x.yaml has no service "wbe"`},
	} {
		targets, err := chooseTargets(cfg, c.args)
		var names []string
		for _, t := range targets {
			names = append(names, t.Name)
		}
		got := strings.Join(names, " ")
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v: %s, want %s", c.args, got, c.want)
		}
	}
}

func TestBoundsOfServices(t *testing.T) {
	var out strings.Builder
	printBounds(&out, []dnsfailover.ServiceBound{
		{Name: "web", Detection: 19600 * time.Millisecond, Caches: 64 * time.Second},
		{Name: "static"},
	})
	want := `
When the target that is served dies, at the latest:
  web:     detected within 19.6s, every cache follows within 1m4s
  static:  never fails over by itself: nothing watches its targets, or there is only one
`
	if out.String() != want {
		t.Errorf("printed\n%s", &out)
	}
}

func TestComingWindows(t *testing.T) {
	var out strings.Builder
	cet := time.FixedZone("CET", 3600)
	printComing(&out, []dnsfailover.ComingWindow{
		{ID: "web-1", Target: "backup", For: 30 * time.Minute, Starts: []time.Time{time.Date(2030, 1, 6, 3, 0, 0, 0, cet), time.Date(2030, 1, 13, 3, 0, 0, 0, cet)}},
		{ID: "shop-12", Target: "notice", For: 90 * time.Minute, Starts: []time.Time{time.Date(2032, 2, 29, 0, 0, 0, 0, time.UTC)}},
	})
	want := `
Windows come next:
  web-1:    to backup for 30m, Sun 2030-01-06 03:00 CET, Sun 2030-01-13 03:00 CET
  shop-12:  to notice for 1h30m, Sun 2032-02-29 00:00 UTC
`
	if out.String() != want {
		t.Errorf("printed\n%s", &out)
	}
}
