package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"dnsfailover/dnsfailover/admin"
	"dnsfailover/dnsfailover/api"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dnsfailover": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/scripts",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("TZ", "UTC")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each command of a race-enabled test lasts a second
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"api-server": apiServer, "code": code},
	})
}

// apiServer is the script command "api-server SOCKET": it serves the API on a socket until the script ends.
func apiServer(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: api-server SOCKET")
	}
	control, err := admin.ListenControl(ts.MkAbs(args[0]))
	ts.Check(err)
	b := &backend{now: time.Now()}
	s, err := admin.New(admin.Options{Backend: b, Log: slog.New(slog.DiscardHandler), Version: "test"})
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, nil, control) }()
	ts.Defer(func() {
		cancel()
		ts.Check(<-done)
	})
}

// code is the script command "code N COMMAND ARGUMENT...": it runs a command that must exit with code N.
func code(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// backend is an API of one service, "web", whose backup is down, and that drains at once.
type backend struct {
	now      time.Time
	override *api.Override
}

func (b *backend) service() api.Service {
	drained := b.now.Add(-time.Minute)
	s := api.Service{
		Name: "web", Records: []string{"www.example.com."}, Serving: "primary", Answers: []string{"203.0.113.10"},
		Rule: "verdicts", Reason: "primary is up and the first in order", Since: b.now.Add(-time.Hour), TTL: 60, DrainedAt: &drained,
		Targets: []api.Target{
			{Name: "primary", Verdict: "up", Addresses: []api.Address{{Address: "203.0.113.10", Verdict: "up", Checked: true, Since: &drained, LastResult: "status 200 OK", Consecutive: 17, LatencyMS: 12.25}}},
			{Name: "backup", Verdict: "down", Addresses: []api.Address{{Address: "198.51.100.20", Verdict: "down", Checked: true, Since: &drained, LastResult: "\x1b[31mconnection refused", Consecutive: 4}}},
			{Name: "page", Verdict: "up", Addresses: []api.Address{{Address: "198.51.100.30", Verdict: "up"}}},
		},
	}
	if o := b.override; o != nil {
		s.Override, s.Rule, s.Serving, s.Reason = o, "override", o.Target, o.Reason
		s.Answers = []string{"198.51.100.30"}
	}
	return s
}

func (b *backend) Windows(time.Time) []api.Window {
	start := b.now.Add(-time.Minute)
	return []api.Window{
		{ID: "w1", Service: "web", Target: "page", Start: start, End: start.Add(time.Hour), Open: true, HoldsFrom: start, Reason: "a\x1bb", Problems: []string{}},
		{
			ID: "web-1", Service: "web", Target: "backup", Start: b.now.Add(24 * time.Hour), End: b.now.Add(25 * time.Hour), HoldsFrom: b.now.Add(24 * time.Hour),
			Recurring: true, Cron: "0 3 * * *", Timezone: "UTC", Problems: []string{"backup is down"},
			Next: []api.Occurrence{{Start: b.now.Add(48 * time.Hour), End: b.now.Add(49 * time.Hour)}},
		},
	}
}

func (b *backend) AddWindow(_ context.Context, n api.NewWindow) (api.Window, error) {
	if n.Target == "backup" && !n.Force {
		return api.Window{}, &api.Problem{Status: 409, Detail: "the window is refused"}
	}
	w := api.Window{
		ID: "w1", Service: n.Service, Target: n.Target, Start: n.Start, End: n.Start.Add(time.Duration(n.For) * time.Second), HoldsFrom: n.Start.Add(time.Second),
		Reason: n.Reason, Problems: []string{"backup is \x1bdown"},
	}
	if n.DryRun {
		w.Preview = []api.Preview{{At: n.Start, Serving: n.Target, Answers: []string{"198.51.100.30"}, TTL: 59, Rule: "window", Reason: "it is open"}}
	}
	if !n.DryRun {
		b.override = &api.Override{Target: n.Target, Reason: n.Reason}
	}
	return w, nil
}

func (b *backend) CancelWindow(_ context.Context, id, _ string) (api.Window, error) {
	if id != "w1" {
		return api.Window{}, &api.Problem{Status: 404, Detail: "there is no window"}
	}
	return b.Windows(b.now)[0], nil
}

func (b *backend) Status(time.Time) api.Status {
	return api.Status{Version: "test", Started: b.now, Ready: true, Problems: []string{}, Services: []api.Service{b.service()}}
}

func (b *backend) Why(name string, _ uint16, _ netip.Addr, _ time.Time) (api.Why, error) {
	if !strings.HasSuffix(name, "example.com.") {
		return api.Why{}, &api.Problem{Status: 404, Detail: fmt.Sprintf("%s lies in none of the zones", name)}
	}
	if name == "nothing.example.com." {
		return api.Why{
			Name: name, Type: "A", Rcode: "NXDOMAIN", Zone: "example.com.",
			Authority: []string{"example.com.\t300\tIN\tSOA\tns1.example.com. hostmaster.example.com. 1 2 3 4 300"},
			Steps:     []api.Step{{Rule: "zone", Applies: true, Text: "zone example.com. has no such name"}},
		}, nil
	}
	return api.Why{
		Name: name, Type: "A", Rcode: "NOERROR", Answer: []string{name + "\t60\tIN\tA\t203.0.113.10"}, Zone: "example.com.", Service: "web",
		Steps: []api.Step{{Rule: "override", Text: "there is none"}, {Rule: "verdicts", Applies: true, Text: "primary is up and the first in order"}},
	}, nil
}

func (b *backend) Results(service, _ string) (api.Results, error) {
	return api.Results{Service: service, Checks: []api.CheckResults{
		{Check: "web/primary@203.0.113.10", Target: "primary", Address: "203.0.113.10", Results: []api.PastResult{
			{At: b.now, Result: "success", TookMS: 12.25, Reason: "status 200 OK"},
		}},
	}}, nil
}

func (b *backend) Reporter(string, string, string, bool) (func(api.Push), error) {
	return func(api.Push) {}, nil
}

func (b *backend) Switch(_ context.Context, service string, s api.Switch) (api.Service, error) {
	if service != "web" {
		return api.Service{}, &api.Problem{Status: 404, Detail: fmt.Sprintf("there is no service %q", service)}
	}
	if s.Target == "backup" && !s.Force {
		return api.Service{}, &api.Problem{Status: 409, Detail: "backup is down: use --force to switch to it all the same"}
	}
	before := b.override
	b.override = &api.Override{Target: s.Target, Since: b.now, Until: s.Until, Reason: s.Reason, Author: s.Author}
	if s.For > 0 {
		until := time.Now().Add(time.Duration(s.For * float64(time.Second)))
		b.override.Until = &until
	}
	is := b.service()
	if s.DryRun {
		b.override = before
	}
	return is, nil
}

func (b *backend) Release(_ context.Context, service, _ string) (api.Service, error) {
	if b.override == nil {
		return api.Service{}, &api.Problem{Status: 409, Detail: fmt.Sprintf("%s has no override", service)}
	}
	b.override = nil
	return b.service(), nil
}

func (b *backend) Simulate(s api.Supposition, now time.Time) (api.Simulation, error) {
	service := b.service()
	service.NextChange = &api.NextChange{At: s.At.Add(time.Minute), Serving: "primary", Reason: "primary is up"}
	return api.Simulation{At: s.At, Now: now, Services: []api.Service{service}}, nil
}

func (b *backend) History(q api.HistoryQuery) (api.History, error) {
	nothing, primary := "", "primary"
	all := []api.Event{
		{ID: 1767225600000001, Time: b.now.Add(-25 * time.Hour), Kind: api.EventStarted, Text: "version test"},
		{ID: 1767225600000002, Time: b.now.Add(-time.Hour), Kind: api.EventVerdict, Service: "web", Target: "backup", Text: "backup at 198.51.100.20 is down: \x1b[31mconnection refused"},
		{
			ID: 1767225600000003, Time: b.now.Add(-time.Minute), Kind: api.EventSwitch, Service: "web", Target: "page", Author: "ann", Text: "switched to page until released: <work>",
			Before: &api.Facts{Serving: &primary, Answers: []string{"203.0.113.10"}}, After: &api.Facts{Serving: &nothing},
		},
	}
	out := api.History{Events: []api.Event{}}
	for _, e := range all {
		if (q.Service == "" || q.Service == e.Service) && e.ID > q.After && !e.Time.Before(q.Since) {
			out.Events = append(out.Events, e)
		}
	}
	return out, nil
}

func (b *backend) Reload(context.Context, string) (api.Reload, error) {
	if b.override != nil {
		return api.Reload{Changed: b.override.Reason == "a bad zone", Problems: []string{"example.com.zone:3: www.example.com.: it is bad"}}, nil
	}
	return api.Reload{Changed: true, Warnings: []string{"dnsfailover.yaml:1:1: it is odd"}}, nil
}

// golden compares got with the file of that name under testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; it is now\n%s", file, got)
	}
}
