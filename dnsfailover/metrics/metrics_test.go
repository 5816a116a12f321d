package metrics_test

import (
	"net/netip"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/history"
	"dnsfailover/dnsfailover/hooks"
	"dnsfailover/dnsfailover/metrics"
	"dnsfailover/dnsfailover/server"
)

// options is a server with everything that a metric can tell.
func options() metrics.Options {
	until := time.Unix(1_800_000_000, 500_000_000)
	check := func(id string) []config.Watch { return []config.Watch{{Check: &checks.Check{ID: id}}} }
	snapshots := map[string]checks.Snapshot{
		"web/primary@203.0.113.10": {Stats: checks.Stats{
			Successes: 2, Failures: 1, Inconclusive: 4, Late: 1, Overruns: 2, Shed: 3, Seconds: 3.5,
			Buckets: [...]uint64{0, 1, 1, 1, 1, 1, 1, 2, 2, 3, 3},
		}},
		"web/primary@2001:db8::10": {Last: checks.Result{OK: true, Warning: "the certificate expires in 3 days"}, Stats: checks.Stats{Successes: 1, Seconds: 20}},
	}
	return metrics.Options{
		Version: "1.2.3",
		Counters: func() server.Counters {
			return server.Counters{
				Queries: []server.QueryCount{
					{Zone: "example.com.", Transport: "udp", Type: "A", Rcode: "NOERROR", Count: 7},
					{Transport: "tcp", Type: "other", Rcode: "REFUSED", Count: 2},
				},
				Dropped: map[string]uint64{"not a query": 3},
				Panics:  1, SendErrors: 4, Limited: 9, Slipped: 10, Trusted: 11, Open: 5, Accepted: 6, Refused: 8, Cut: map[string]uint64{"slow_reader": 13},
				TLS: &server.TLSCounters{Open: 2, Accepted: 12, Failed: 3, Refused: 14, Expires: time.Unix(1_900_000_000, 0)},
			}
		},
		Status: func(time.Time) api.Status {
			return api.Status{
				Ready: true,
				Guards: []api.Guard{
					{Name: "canaries", Checks: []api.Check{{Name: "tcp", Verdict: "down"}, {Name: "dns", Verdict: "unknown"}}, FrozenSince: &until},
					{Name: "gateway", Checks: []api.Check{{Verdict: "up"}}},
				},
				Zones: []api.Zone{{Name: "example.com.", Serial: 2030010100}, {Name: "example.net.", Problem: "no SOA"}},
				Services: []api.Service{{
					Name: "web", Serving: "backup", TTL: 30,
					Override:   &api.Override{Target: "backup", Until: &until},
					Window:     &api.Window{ID: "w1", Target: "backup", Open: true},
					NextWindow: &api.Window{ID: "w2", Target: "primary", Start: until, End: until.Add(time.Hour), Problems: []string{"primary is down"}},
					Targets: []api.Target{
						{Name: "primary", Flaps: 2, FlapsTotal: 6, Addresses: []api.Address{{Address: "203.0.113.10", Verdict: "down"}, {Address: "2001:db8::10", Verdict: "unknown"}}},
						{Name: "backup", Addresses: []api.Address{{Address: "198.51.100.20", Verdict: "up"}}},
					},
				}},
			}
		},
		Services: func() []config.Service {
			return []config.Service{{Name: "web", Targets: []config.Target{
				{Name: "primary", Addresses: []config.Address{
					{IP: netip.MustParseAddr("203.0.113.10"), Checks: check("web/primary@203.0.113.10")},
					{IP: netip.MustParseAddr("2001:db8::10"), Checks: check("web/primary@2001:db8::10")},
				}},
				{Name: "backup", Addresses: []config.Address{{IP: netip.MustParseAddr("198.51.100.20")}}},
				{Name: "spare", Addresses: []config.Address{{IP: netip.MustParseAddr("198.51.100.21"), Checks: check("not scheduled yet")}}},
			}}}
		},
		Snapshot: func(id string) (checks.Snapshot, bool) { s, ok := snapshots[id]; return s, ok },
		Hooks: func() []hooks.Stats {
			return []hooks.Stats{{Hook: "pager", Queued: 1, Delivered: 2, Failed: 3, Dropped: 4, Muted: 5, Attempts: 6}}
		},
		History: func() history.Stats { return history.Stats{Pending: 13, Dropped: 14} },
		Load: func() checks.Load {
			return checks.Load{UnderWay: 3, Limit: 512, Shed: 3, Started: 9, Seconds: 0.5, LateBuckets: [...]uint64{5, 6, 7, 7, 7, 8, 8, 9, 9, 9}}
		},
		Reload: func() (time.Time, bool) { return time.Unix(1_700_000_000, 0), true },
		Saved:  func() bool { return true },
	}
}

func TestEverythingIsToldAsItIs(t *testing.T) {
	golden, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(string(golden), "GOVERSION", runtime.Version())
	if err := testutil.CollectAndCompare(metrics.New(options()), strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestNamesAndHelpFollowTheConventions(t *testing.T) {
	problems, err := testutil.CollectAndLint(metrics.New(options()))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// The README names metrics that there are. Those of the page host are its own matter.
func TestReadmeNamesMetrics(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\bdnsfailover_\w+`).FindAllString(string(readme), -1)
	if len(names) < 10 {
		t.Errorf("the README names %d metrics", len(names))
	}
	for _, name := range names {
		if !strings.HasPrefix(name, "dnsfailover_page_") && !strings.Contains(string(golden), "# TYPE "+name+" ") {
			t.Errorf("there is no metric %s", name)
		}
	}
}

func TestOneBadLabelDoesNotHideTheRest(t *testing.T) {
	opt := options()
	opt.Counters = func() server.Counters { return server.Counters{Dropped: map[string]uint64{"\xff": 1}} }
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics.New(opt))
	families, err := registry.Gather()
	if err == nil {
		t.Error("a label that is no UTF-8 was told as if it were good")
	}
	var names []string
	for _, f := range families {
		names = append(names, f.GetName())
	}
	if all := strings.Join(names, " "); !strings.Contains(all, "dnsfailover_serving") || strings.Contains(all, "dnsfailover_dropped_total") {
		t.Errorf("families: %s", all)
	}
}
