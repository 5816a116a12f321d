package admin_test

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

func TestTheClientGetsWhatTheBackendSays(t *testing.T) {
	at := time.Date(2030, 1, 31, 15, 4, 5, 0, time.UTC)
	status := api.Status{
		Version: "1.2.3", Started: at, Ready: true, Problems: []string{},
		Zones: []api.Zone{{Name: "example.com.", Serial: 7, Loaded: at}},
		Services: []api.Service{{
			Name: "web", Records: []string{"www.example.com."}, Serving: "primary", Answers: []string{"203.0.113.10"},
			Rule: "override", Since: at, TTL: 60, DrainedAt: &at,
			Override: &api.Override{Target: "primary", Since: at, Reason: "<img src=x onerror=alert(1)>"},
			Targets:  []api.Target{{Name: "primary", Verdict: "up", Addresses: []api.Address{{Address: "203.0.113.10", LatencyMS: 1.5}}}},
		}},
	}
	results := api.Results{Service: "web", Checks: []api.CheckResults{{
		Check: "web/primary@203.0.113.10", Target: "primary", Address: "203.0.113.10",
		Results: []api.PastResult{{At: at, Result: "success", TookMS: 1.5, Reason: "connected", Warning: "hm"}},
	}}}
	why := api.Why{Name: "www.example.com.", Type: "AAAA", Steps: []api.Step{{Rule: "override", Text: "there is none"}}}
	var switched api.Switch
	history := api.History{Events: []api.Event{{ID: 1 << 53, Time: at, Kind: "switch", Text: "x"}}, More: true}
	var asked api.HistoryQuery
	simulation := api.Simulation{At: at, Now: at, Services: status.Services}
	var supposed api.Supposition
	b := &backend{
		status: func(time.Time) api.Status { return status },
		why: func(name string, qtype uint16, client netip.Addr, _ time.Time) (api.Why, error) {
			if name != "www.example.com." || qtype != dns.TypeAAAA || client.IsValid() && client != netip.MustParseAddr("2001:db8::1") {
				t.Errorf("asked why %q %d for %s", name, qtype, client)
			}
			return why, nil
		},
		results: func(service, target string) (api.Results, error) {
			if service != "web" || target != "a&b" {
				t.Errorf("asked for the results of %q, %q", service, target)
			}
			return results, nil
		},
		override: func(_ context.Context, service string, s api.Switch) (api.Service, error) {
			switched = s
			return api.Service{Name: service}, nil
		},
		reload: func(context.Context, string) (api.Reload, error) { return api.Reload{Problems: []string{"a"}}, nil },
		simulate: func(s api.Supposition, _ time.Time) (api.Simulation, error) {
			supposed = s
			return simulation, nil
		},
		history: func(q api.HistoryQuery) (api.History, error) {
			asked = q
			return history, nil
		},
	}
	wantWindow := api.NewWindow{Service: "web", Target: "backup", Start: at, End: &at, Reason: "é\x1b", Force: true, DryRun: true}
	var added api.NewWindow
	b.add = func(_ context.Context, n api.NewWindow) (api.Window, error) {
		added = n
		return api.Window{ID: "w2"}, nil
	}
	c := start(t, b, "127.0.0.1:0").client(t)
	ctx := t.Context()

	gotStatus, err := c.Status(ctx)
	check(t, "status", gotStatus, status, err)
	for _, client := range []string{"", "2001:db8::1"} {
		gotWhy, err := c.Why(ctx, "www.example.com", "aaaa", client)
		check(t, "why", gotWhy, why, err)
	}
	gotResults, err := c.Results(ctx, "web", "a&b")
	check(t, "results", gotResults, results, err)
	gotService, err := c.Switch(ctx, "a/b c%", api.Switch{Target: "backup", Until: &at, Reason: "é\x1b", Force: true, DryRun: true})
	check(t, "switch", gotService, api.Service{Name: "a/b c%"}, err)
	switched.Author = ""
	check(t, "what to switch", switched, api.Switch{Target: "backup", Until: &at, Reason: "é\x1b", Force: true, DryRun: true}, nil)
	supposition := api.Supposition{At: at, Service: "web", Down: []string{"web/a", "web/b"}, Up: []string{"a&b/c"}, Override: []string{"web/c"}}
	gotSimulation, err := c.Simulate(ctx, supposition)
	check(t, "simulation", gotSimulation, simulation, err)
	check(t, "what to suppose", supposed, supposition, nil)
	query := api.HistoryQuery{Service: "a&b", Check: "web/p@::1", Kinds: []string{"switch", "verdict"}, Since: at, Until: at.Add(time.Hour), After: 1<<53 - 1, Limit: 7}
	gotHistory, err := c.History(ctx, query)
	check(t, "history", gotHistory, history, err)
	check(t, "what to tell of", asked, query, nil)
	gotWindows, err := c.Windows(ctx)
	check(t, "windows", gotWindows, api.Windows{Windows: []api.Window{{ID: "w1"}}}, err)
	gotWindow, err := c.AddWindow(ctx, wantWindow)
	check(t, "a new window", gotWindow, api.Window{ID: "w2"}, err)
	added.Author = ""
	check(t, "what to plan", added, wantWindow, nil)
	gotWindow, err = c.CancelWindow(ctx, "a/b c%")
	check(t, "a cancelled window", gotWindow, api.Window{ID: "a/b c%"}, err)
	gotReload, err := c.Reload(ctx)
	check(t, "reload", gotReload, api.Reload{Problems: []string{"a"}}, err)
}

func check(t *testing.T, what string, got, want any, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestErrorsOfTheBackend(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		status int
		says   string
	}{
		{"a problem keeps its words", &api.Problem{Status: 409, Detail: "backup is down: use --force"}, 409, "backup is down: use --force"},
		{"a problem without a status is ours", &api.Problem{Detail: "hm"}, 500, "hm"},
		{"what took too long says so", context.DeadlineExceeded, 503, "took too long"},
		{"everything else is hidden", errors.New("open /secret/path"), 500, "its log says why"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t, &backend{reload: func(context.Context, string) (api.Reload, error) { return api.Reload{}, c.err }}, "127.0.0.1:0", config.Token{Name: "ci", Secret: secret})
			resp, body := r.ask(t, "POST", "/api/v1/reload", "", "Authorization: Bearer "+secret)
			if says := wantProblem(t, resp, body, c.status); !strings.Contains(says, c.says) {
				t.Errorf("it says %q, want %q", says, c.says)
			}
			if hidden := !strings.Contains(body, "secret"); !hidden {
				t.Errorf("the client got to read %s", body)
			}
			if c.name == "everything else is hidden" && !strings.Contains(r.log.String(), "/secret/path") {
				t.Errorf("the log does not say why: %s", r.log)
			}
		})
	}
}

func TestQuestionsThatMakeNoSense(t *testing.T) {
	r := start(t, new(backend), "127.0.0.1:0")
	for _, path := range []string{
		"/api/v1/why?name=www.example.com&client=web", "/api/v1/why?name=www.example.com&client=fe80::1%25eth0",
		"/api/v1/why", "/api/v1/why?name=", "/api/v1/why?name=a..b",
		"/api/v1/why?name=" + strings.Repeat("a", 64) + ".example",
		"/api/v1/why?name=www.example.com&type=AAAAA", "/api/v1/why?name=www.example.com&type=TYPE65536", "/api/v1/why?name=www.example.com&type=TYPE01",
		"/api/v1/simulate?at=tomorrow", "/api/v1/simulate?at=-3h",
		"/api/v1/history?since=yesterday", "/api/v1/history?until=-3h", "/api/v1/history?kind=switch,swtich", "/api/v1/history?after=x",
		"/api/v1/history?limit=0", "/api/v1/history?limit=1001", "/api/v1/history?limit=many",
		"/api/v1/results", "/api/v1/results?service=&target=x",
	} {
		resp, body := r.ask(t, "GET", path, "")
		wantProblem(t, resp, body, http.StatusBadRequest)
	}
	for _, path := range []string{"/api/v2/status", "/api/v1/window", "/status", "/api/v1/services/web"} {
		resp, body := r.ask(t, "GET", path, "")
		wantProblem(t, resp, body, http.StatusNotFound)
	}
}

func TestReadinessSaysWhatIsAmiss(t *testing.T) {
	status := api.Status{Ready: true}
	r := start(t, &backend{status: func(time.Time) api.Status { return status }}, "127.0.0.1:0")
	if resp, body := r.ask(t, "GET", "/healthz", ""); resp.StatusCode != 200 || body != "alive\n" {
		t.Errorf("alive: %s %q", resp.Status, body)
	}
	if resp, body := r.ask(t, "GET", "/readyz", ""); resp.StatusCode != 200 || body != "ready\n" {
		t.Errorf("ready: %s %q", resp.Status, body)
	}
	status = api.Status{Problems: []string{"zone example.com. is as it was yesterday"}}
	if resp, body := r.ask(t, "GET", "/readyz", ""); resp.StatusCode != 503 || body != "not ready\nzone example.com. is as it was yesterday\n" {
		t.Errorf("not ready: %s %q", resp.Status, body)
	}
}

func TestMetricsHoldTheCollectorAndTheProcess(t *testing.T) {
	r := start(t, new(backend), "127.0.0.1:0")
	resp, body := r.ask(t, "GET", "/metrics", "")
	for _, name := range []string{"dnsfailover_test 0", "go_goroutines ", "process_start_time_seconds "} {
		if !strings.Contains(body, "\n"+name) {
			t.Errorf("%s: no %s in:\n%s", resp.Status, name, body)
		}
	}
}

func TestTheIndexListsEveryRoute(t *testing.T) {
	r := start(t, new(backend), "127.0.0.1:0")
	_, body := r.ask(t, "GET", "/", "")
	for _, line := range []string{"dnsfailover 1.2.3", "/api/v1/services/{service}/switch ", "/metrics ", "DELETE "} {
		if !strings.Contains(body, line) {
			t.Errorf("no %q in:\n%s", line, body)
		}
	}
}

func TestAPanicIsOneFailedRequestAndOneLogLine(t *testing.T) {
	r := start(t, &backend{status: func(time.Time) api.Status { panic("boo") }}, "127.0.0.1:0")
	resp, body := r.ask(t, "GET", "/api/v1/status", "")
	wantProblem(t, resp, body, http.StatusInternalServerError)
	if log := r.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "boo") {
		t.Errorf("log: %s", log)
	}
	if resp, _ := r.ask(t, "GET", "/healthz", ""); resp.StatusCode != 200 {
		t.Errorf("afterwards: %s", resp.Status)
	}
}

func TestRequestsUnderWayAreFinishedWhenTheServerStops(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	b := &backend{reload: func(context.Context, string) (api.Reload, error) {
		close(begun)
		<-finish
		return api.Reload{}, nil
	}}
	r := start(t, b, "127.0.0.1:0")
	answered := make(chan error)
	c := r.client(t)
	go func() {
		_, err := c.Reload(context.WithoutCancel(t.Context()))
		answered <- err
	}()
	<-begun
	stopped := make(chan struct{})
	go func() { r.stop(); close(stopped) }()
	close(finish)
	if err := <-answered; err != nil {
		t.Errorf("the request under way got %v", err)
	}
	<-stopped
	if _, err := c.Status(t.Context()); err == nil {
		t.Error("it answers still")
	}
}
