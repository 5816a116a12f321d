package control

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
)

// withCanaries adds two of them, which answer seldom by themselves.
func withCanaries(w *wires, cfg *config.Config) {
	cfg.Canaries.Fail = 2
	for _, name := range []string{"one", "two"} {
		check := w.check("canaries/"+name, "uplink "+name, time.Minute)
		check.Timeout, check.Recheck = 2*time.Second, 2*time.Second
		cfg.Canaries.Checks = append(cfg.Canaries.Checks, config.Watch{Name: name, Check: check})
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

func TestAVerdictIsBelievedAsSoonAsACanaryAnswers(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := startSite(t, dir, []string{"a"}, withCanaries)
		sleep(3 * time.Minute)
		s.wires.set(true, "one") // one is enough
		sleep(3 * time.Minute)
		s.wires.set(true, "a")
		limit := checks.WorstDetection(s.check("a")) + time.Millisecond
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

func TestMaintenanceIsBelievedAtOnceAndWithoutAsking(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := startSite(t, dir, []string{"a"}, withCanaries)
		sleep(3 * time.Minute)
		asked := s.wires.count("one")
		check := s.check("a")
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
