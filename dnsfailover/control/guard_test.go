package control

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

// wires are links that a test cuts: what lies behind one that is cut doesn't answer.
type wires struct {
	mu    sync.Mutex
	cut   map[string]bool
	asked map[string]int
}

func (w *wires) set(cut bool, names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range names {
		w.cut[n] = cut
	}
}

func (w *wires) count(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[name]
}

// wired is a probe that succeeds after a millisecond, or fails after its timeout if a link on its way is cut.
type wired struct {
	wires *wires
	way   string // links, separated by spaces; the last one is its own
}

func (p wired) String() string { return p.way }

func (p wired) Run(ctx context.Context) checks.Result {
	p.wires.mu.Lock()
	cut := ""
	way := strings.Fields(p.way)
	for _, link := range way {
		if p.wires.cut[link] {
			cut = link
		}
	}
	p.wires.asked[way[len(way)-1]]++
	p.wires.mu.Unlock()
	start := time.Now()
	if cut == "" {
		time.Sleep(time.Millisecond)
		return checks.Result{OK: true, Reason: "connected", Start: start}
	}
	<-ctx.Done()
	return checks.Result{Reason: "connect timed out", Start: start}
}

// site is a control with a real scheduler over wires.
type site struct {
	*house
	wires     *wires
	scheduler *checks.Scheduler
}

// check returns one over wires; its interval tells it from others.
func (w *wires) check(id, way string, interval time.Duration) *checks.Check {
	return &checks.Check{
		ID: id, Probe: wired{w, way}, Interval: interval, Timeout: interval / 3, Recheck: interval / 5, Fall: 3, Rise: 2,
	}
}

// startSite runs services whose names are given, each with a primary behind a link of that name and a backup that nothing
// watches. All lie behind the link uplink. adjust makes the configuration complete.
func startSite(t *testing.T, dir string, names []string, adjust func(*wires, *config.Config)) *site {
	t.Helper()
	s := &site{wires: &wires{cut: map[string]bool{}, asked: map[string]int{}}}
	return s.start(t, dir, names, adjust)
}

func (s *site) start(t *testing.T, dir string, names []string, adjust func(*wires, *config.Config)) *site {
	t.Helper()
	w := s.world(names, adjust)
	var h *house
	var err error
	s.scheduler, err = checks.NewScheduler(slog.New(slog.DiscardHandler), func(tr checks.Transition) { h.Report(tr) })
	if err != nil {
		t.Fatal(err)
	}
	h = startOver(t, dir, w, s.scheduler)
	s.house = h
	s.scheduler.Set(everyCheck(w.Config), h.Restored())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.scheduler.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop := h.stop
	h.stop = sync.OnceFunc(func() {
		cancel()
		<-ended
		h.SaveChecks(s.scheduler.States())
		stop()
	})
	t.Cleanup(h.stop)
	return s
}

func (s *site) world(names []string, adjust func(*wires, *config.Config)) World {
	var services []config.Service
	for i, name := range names {
		sv := service(name, fmt.Sprintf("192.0.2.%d", i+1), "198.51.100.1")
		id := name + "/primary"
		sv.Targets[0].Addresses[0].Checks = []config.Watch{{Check: s.wires.check(id, "uplink "+name, time.Duration(10+i)*time.Second)}}
		sv.Targets[1].Addresses[0].Checks = nil
		services = append(services, sv)
	}
	w := world(services...)
	if adjust != nil {
		adjust(s.wires, w.Config)
	}
	return w
}

func everyCheck(cfg *config.Config) []*checks.Check {
	var list []*checks.Check
	for _, s := range newPlaces(cfg).byID {
		list = append(list, s.check)
	}
	return list
}

// at checks what each service serves: names of targets in the order of the services.
func (s *site) at(want ...string) {
	s.t.Helper()
	var got []string
	for _, sv := range s.Services(time.Now()) {
		got = append(got, sv.Serving)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		s.t.Errorf("after %v: serves %v, wanted %v", time.Since(began), got, want)
	}
}

// began is when every synctest bubble begins.
var began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// withCanaries adds two of them, which answer seldom by themselves.
func withCanaries(w *wires, cfg *config.Config) {
	cfg.Canaries.Fail = 2
	for _, name := range []string{"one", "two"} {
		check := w.check("canaries/"+name, "uplink "+name, time.Minute)
		check.Timeout, check.Recheck = 2*time.Second, 2*time.Second
		cfg.Canaries.Checks = append(cfg.Canaries.Checks, config.Watch{Name: name, Check: check})
	}
}

// never fails if a service moves within d.
func (s *site) never(d time.Duration, want ...string) {
	s.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); sleep(400 * time.Millisecond) {
		s.at(want...)
		if s.t.Failed() {
			s.t.FailNow()
		}
	}
}

func TestNothingMovesWhileWeAreCutOff(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := startSite(t, dir, []string{"a", "b"}, withCanaries)
		sleep(3 * time.Minute)
		s.at("primary", "primary")
		for range 5 { // at another phase each time
			sleep(7300 * time.Millisecond)
			s.wires.set(true, "uplink")
			s.never(2*time.Minute, "primary", "primary")
			for _, sv := range s.Services(time.Now()) {
				if sv.Rule != "frozen" || !strings.HasPrefix(sv.Reason, "the canaries are down (one: connect timed out; two: connect timed out), so verdicts are frozen since ") {
					t.Errorf("%s: %s", sv.Rule, sv.Reason)
				}
			}
			if f := s.Frozen(); len(f) != 1 || !strings.HasPrefix(f[0], "verdicts are frozen since ") {
				t.Errorf("frozen: %q", f)
			}
			if g := s.Guards(); g[0].FrozenSince == nil || g[0].Verdict != "down" || g[0].Checks[1].Verdict != "down" {
				t.Errorf("guards: %+v", g)
			}
			s.wires.set(false, "uplink")
			s.never(2*time.Minute, "primary", "primary")
			if got := s.rule("a"); got != "verdicts" || len(s.Frozen()) != 0 {
				t.Errorf("after the thaw: %s, %v", got, s.Frozen())
			}
		}
		if got := s.log.take("verdict changed", "check", "verdict"); len(got) != 2+2+5*4 {
			t.Errorf("verdicts of others than the canaries changed: %v", got)
		}
		// What is really down is still found.
		s.wires.set(true, "a")
		sleep(21 * time.Second)
		s.at("backup", "primary")
	})
}

// rule returns the rule by which a service is decided over.
func (s *site) rule(name string) string {
	for _, sv := range s.Services(time.Now()) {
		if sv.Name == name {
			return sv.Rule
		}
	}
	return ""
}

func TestAVerdictIsBelievedAsSoonAsACanaryAnswers(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := startSite(t, dir, []string{"a"}, withCanaries)
		sleep(3 * time.Minute)
		s.wires.set(true, "one") // one is enough
		sleep(3 * time.Minute)
		s.wires.set(true, "a")
		limit := checks.WorstDetection(s.world1("a")) + time.Millisecond
		for waited := time.Duration(0); s.Services(time.Now())[0].Serving == "primary"; waited += time.Millisecond {
			if waited > limit+hurried {
				t.Fatalf("not down after %v", waited)
			}
			sleep(time.Millisecond)
		}
		if rule := s.rule("a"); rule != "verdicts" {
			t.Errorf("rule %s", rule)
		}
	})
}

// hurried is how long a canary takes to answer that is asked.
const hurried = 200*time.Millisecond + 100*time.Millisecond + time.Millisecond

func (s *site) world1(name string) *checks.Check {
	return s.house.world.Config.Services[index1(s.house.world.Config.Services, name)].Targets[0].Addresses[0].Checks[0].Check
}

func index1(services []config.Service, name string) int {
	for i := range services {
		if services[i].Name == name {
			return i
		}
	}
	return -1
}

func TestARestartWhileCutOffMovesNothing(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := startSite(t, dir, []string{"a", "b"}, withCanaries)
		sleep(3 * time.Minute)
		for _, after := range []time.Duration{2 * time.Second, 6 * time.Second, 10 * time.Second, 14 * time.Second, 18 * time.Second, time.Minute} {
			s.wires.set(true, "uplink")
			s.never(after, "primary", "primary")
			s.stop()
			s = s.start(t, dir, []string{"a", "b"}, withCanaries)
			s.never(3*time.Minute, "primary", "primary")
			if len(s.Frozen()) != 1 {
				t.Errorf("not frozen %v after the restart", after)
			}
			s.wires.set(false, "uplink")
			s.never(2*time.Minute, "primary", "primary")
		}
	})
}

func TestAReloadWhileCutOffMovesNothing(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := startSite(t, dir, []string{"a", "b"}, withCanaries)
		sleep(3 * time.Minute)
		s.wires.set(true, "uplink")
		for i := range 30 {
			s.never(2300*time.Millisecond, "primary", "primary")
			s.reload(func(w *wires, cfg *config.Config) {
				withCanaries(w, cfg)
				if i%3 == 0 { // another number, which begins the check anew
					cfg.Services[0].Targets[0].Addresses[0].Checks[0].Check.Rise = 3
				}
			})
		}
		s.never(time.Minute, "primary", "primary")
		if since := s.Guards()[0].FrozenSince; since == nil || time.Since(*since) < time.Minute {
			t.Errorf("frozen since %v", since)
		}
		s.wires.set(false, "uplink")
		s.never(2*time.Minute, "primary", "primary")
		if s.rule("a") != "verdicts" {
			t.Errorf("rule %s", s.rule("a"))
		}
		// Without canaries nothing is frozen any more.
		s.wires.set(true, "uplink")
		s.never(2*time.Minute, "primary", "primary")
		s.reload(nil)
		sleep(time.Minute)
		s.at("backup", "backup")
	})
}

// reload replaces the world by one of the same services.
func (s *site) reload(adjust func(*wires, *config.Config)) {
	s.t.Helper()
	var names []string
	for _, sv := range s.house.world.Config.Services {
		names = append(names, sv.Name)
	}
	w := s.world(names, adjust)
	if err := s.Replace(s.t.Context(), w, func() {}); err != nil {
		s.t.Fatal(err)
	}
	s.house.world = w
	s.scheduler.Set(everyCheck(w.Config), s.Restored())
}

// behindGateway makes the service a require a gateway, which answers seldom by itself.
func behindGateway(w *wires, cfg *config.Config) {
	gateway := config.Watch{Name: "gateway", Check: w.check("checks/gateway", "uplink gateway", time.Minute)}
	cfg.Requires = map[string][]config.Watch{}
	for i := range cfg.Services[:1] {
		check := cfg.Services[i].Targets[0].Addresses[0].Checks[0].Check
		check.Probe = wired{w, "uplink gateway " + cfg.Services[i].Name}
		cfg.Requires[check.ID] = []config.Watch{gateway}
	}
}

func TestWhatRequiresAGatewayIsFrozenWithIt(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := startSite(t, dir, []string{"a", "b"}, behindGateway)
		sleep(3 * time.Minute)
		s.wires.set(true, "gateway", "b")
		sleep(20 * time.Second)
		s.never(2*time.Minute, "primary", "backup")
		shown := s.Services(time.Now())[0].Targets[0]
		if want := "gateway, which it requires, is down (connect timed out)"; shown.Verdict != "up" || shown.Addresses[0].Frozen != want {
			t.Errorf("target: %+v", shown)
		}
		if f := s.Frozen(); len(f) != 1 || !strings.Contains(f[0], "verdicts of what requires gateway are frozen since ") {
			t.Errorf("frozen: %q", f)
		}
		s.wires.set(false, "gateway")
		s.never(2*time.Minute, "primary", "backup")
		if got := s.Services(time.Now())[0].Targets[0].Addresses[0].Frozen; got != "" {
			t.Errorf("frozen after the thaw: %s", got)
		}
		s.wires.set(true, "a")
		sleep(21 * time.Second)
		s.at("backup", "backup")
		// Down as it is, it stays so while the gateway is.
		s.wires.set(true, "gateway")
		sleep(2 * time.Minute)
		s.wires.set(false, "gateway", "a")
		s.never(5*time.Second, "backup", "backup")
		sleep(3 * time.Minute)
		s.at("primary", "backup")
	})
}

func five() []string { return []string{"a", "b", "c", "d", "e", "f", "g"} }

func all(target string) []string {
	var out []string
	for range five() {
		out = append(out, target)
	}
	return out
}

// sharedBackup has all services of a site watch their one backup too, so that the crowd has one address more.
func TestACrowdThatFailsAtOnceIsAskedAgain(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := startSite(t, dir, five(), nil)
		sleep(3 * time.Minute)
		cut := time.Now()
		s.wires.set(true, "uplink")
		for s.rule("a") == "verdicts" {
			s.at(all("primary")...)
			sleep(100 * time.Millisecond)
			if time.Since(cut) > time.Minute {
				t.Fatal("never frozen")
			}
		}
		if f := s.Frozen(); len(f) != 1 || !strings.Contains(f[0], "of the 7 addresses that were up fail at once, so it may be this host that is cut off") {
			t.Errorf("frozen: %q", f)
		}
		// The second round finds them well.
		s.wires.set(false, "uplink")
		s.never(2*time.Minute, all("primary")...)
		if rule := s.rule("a"); rule != "verdicts" || len(s.Frozen()) != 0 {
			t.Errorf("rule %s, frozen: %q", rule, s.Frozen())
		}
		var told []string
		s.heard.mu.Lock()
		heard := s.heard.all
		s.heard.mu.Unlock()
		for _, e := range heard {
			if e.Kind == api.EventFrozen || e.Kind == api.EventThawed {
				told = append(told, e.Kind+": "+e.Text)
			}
		}
		if len(told) != 2 || !strings.HasPrefix(told[0], "frozen: verdicts are frozen: ") || !strings.Contains(told[0], " of the 7 addresses that were up fail at once") ||
			!strings.HasPrefix(told[1], "thawed: verdicts thaw after ") || !strings.HasSuffix(told[1], ": the second round of probes is over") {
			t.Errorf("told %q", told)
		}
		// The next time it lasts, and the second round is believed.
		s.wires.set(true, "uplink")
		s.never(10*time.Second, all("primary")...)
		sleep(2 * time.Minute)
		s.at(all("backup")...)
		if rule := s.rule("a"); rule != "verdicts" {
			t.Errorf("rule %s", rule)
		}
	})
}

func TestACrowdAnswersForOne(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := startSite(t, dir, five(), nil)
		sleep(3 * time.Minute)
		dead := []string{"a", "b", "c", "d", "e"} // 5 of 7: not more than 80 %
		s.wires.set(true, dead...)
		sleep(30 * time.Second)
		s.at("backup", "backup", "backup", "backup", "backup", "primary", "primary")
		if n := len(s.log.take("frozen")); n != 0 {
			t.Errorf("frozen %d times", n)
		}
		// Long down, they count no more: of two that are left both may fail.
		sleep(time.Minute)
		s.wires.set(true, "f", "g")
		sleep(30 * time.Second)
		s.at(all("backup")...)
	})
}

func TestMaintenanceIsBelievedAtOnceAndWithoutAsking(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := startSite(t, dir, []string{"a"}, withCanaries)
		sleep(3 * time.Minute)
		asked := s.wires.count("one")
		check := s.world1("a")
		s.Report(checks.Transition{
			Check: check, State: checks.State{Verdict: checks.Down, Since: time.Now(), Run: 1},
			Result: checks.Result{Maintenance: true, Reason: "says it is in maintenance: status 503"},
		})
		synctest.Wait()
		s.at("backup")
		if got := s.wires.count("one"); got != asked {
			t.Error("a canary was asked")
		}
	})
}

func TestAStartWhileCutOffKeepsWhatIsUnknown(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := &site{wires: &wires{cut: map[string]bool{"uplink": true}, asked: map[string]int{}}}
		s = s.start(t, dir, []string{"a", "b"}, withCanaries)
		s.never(2*time.Minute, "primary", "primary")
		if len(s.Frozen()) != 1 {
			t.Error("not frozen")
		}
		s.wires.set(false, "uplink")
		s.never(5*time.Minute, "primary", "primary")
	})
}
