package control

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/state"
	"dnsfailover/zones"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	primary = "192.0.2.1"
	backup  = "192.0.2.2"
)

// probe stands for a probe in a check: control only reads what it is.
type probe string

func (probe) Run(context.Context) checks.Result { return checks.Result{} }
func (p probe) String() string                  { return string(p) }

// web returns the service web with the targets primary and backup.
func web() config.Service { return service("web", primary, backup) }

func service(name string, addresses ...string) config.Service {
	s := config.Service{
		Name: name, Records: []config.Record{{Name: name + ".example."}}, MinTTL: 5 * time.Second, MaxTTL: 60 * time.Second,
		Failback: config.Failback{After: time.Minute}, AllDown: config.AllDownLast,
	}
	for i, a := range addresses {
		target := []string{"primary", "backup", "third"}[i]
		check := &checks.Check{
			ID: name + "/" + target + "@" + a, Probe: probe("tcp " + a + ":443"),
			Interval: 10 * time.Second, Timeout: 3 * time.Second, Recheck: 2 * time.Second, Fall: 3, Rise: 5,
		}
		s.Targets = append(s.Targets, config.Target{
			Name: target, Need: 1, Addresses: []config.Address{{IP: netip.MustParseAddr(a), Checks: []config.Watch{{Check: check}}, Need: 1}},
		})
	}
	return s
}

func world(services ...config.Service) World {
	w := World{Config: &config.Config{Services: services, MaxAge: 15 * time.Minute}, Slots: map[string]*zones.Slot{}}
	for _, s := range services {
		w.Slots[s.Name] = new(zones.Slot)
	}
	return w
}

// house is a control that runs over a real store.
type house struct {
	*Control
	t      *testing.T
	world  World
	store  *state.Store
	log    *lines
	heard  *events
	cancel func() // has control end
	stop   func() // ends control as a crash would, but for the store, which writes what waits
}

// start runs a control over world and the store in dir. It must be called in a synctest bubble.
func start(t *testing.T, dir string, w World, wrap ...func(Store) Store) *house {
	t.Helper()
	return startOver(t, dir, w, nil, wrap...)
}

// startOver is start with probes that can be asked.
func startOver(t *testing.T, dir string, w World, probes Probes, wrap ...func(Store) Store) *house {
	t.Helper()
	h := &house{t: t, world: w, log: new(lines), heard: new(events)}
	log := slog.New(slog.NewJSONHandler(h.log, nil))
	var err error
	h.store, err = state.Open(dir, state.Options{Log: slog.New(slog.DiscardHandler), MaxAge: w.Config.MaxAge})
	if err != nil {
		t.Fatal(err)
	}
	var store Store = h.store
	for _, f := range wrap {
		store = f(store)
	}
	h.Control = New(w, Options{Log: log, Store: store, Probes: probes, Events: h.heard.add, Recorded: func(context.Context) { h.heard.waits.Add(1) }})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := h.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	h.cancel = cancel
	h.stop = sync.OnceFunc(func() {
		cancel()
		<-ended
		if err := h.store.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(h.stop)
	synctest.Wait()
	return h
}

// is reports that the check of an address has a verdict since now, and waits until control has taken that in.
func (h *house) is(address string, v checks.Verdict) {
	h.Report(h.transition(address, checks.State{Verdict: v, Since: time.Now(), Run: 3, RunOK: v == checks.Up}, 0))
	synctest.Wait()
}

func (h *house) transition(address string, s checks.State, earliest time.Duration) checks.Transition {
	h.t.Helper()
	for _, sv := range h.world.Config.Services {
		for _, target := range sv.Targets {
			for _, a := range target.Addresses {
				if a.IP.String() == address {
					t := checks.Transition{Check: a.Checks[0].Check, State: s, Result: checks.Result{OK: s.RunOK, Reason: "connection refused"}}
					if earliest != 0 {
						t.Earliest = time.Now().Add(earliest)
					}
					return t
				}
			}
		}
	}
	h.t.Fatalf("there is no %s", address)
	return checks.Transition{}
}

// serves checks which addresses web's slot serves now.
func (h *house) serves(want string) {
	h.t.Helper()
	if got := served(h.world.Slots["web"], time.Now()); got != want {
		h.t.Errorf("at %s: serves %q, wanted %q", time.Now().UTC().Format(time.TimeOnly), got, want)
	}
}

// served reads the IPv4 addresses out of a slot as an answer would carry them.
func served(slot *zones.Slot, at time.Time) string {
	var out []string
	for raw := slot.Load().At(at.UnixNano()).A; len(raw) > 0; raw = raw[16:] {
		out = append(out, netip.AddrFrom4([4]byte(raw[12:16])).String())
	}
	return strings.Join(out, " ")
}

// web returns the state of web, wherever it stands.
func (h *house) web() api.Service {
	all := h.Services(time.Now())
	return all[slices.IndexFunc(all, func(s api.Service) bool { return s.Name == "web" })]
}

// sleep lets virtual time pass.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// lines collects log lines.
type lines struct {
	mu  sync.Mutex
	all []map[string]any
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var line map[string]any
	if err := json.Unmarshal(p, &line); err != nil {
		return 0, err
	}
	l.all = append(l.all, line)
	return len(p), nil
}

// take returns the lines with that message, each as the values of keys.
func (l *lines) take(message string, keys ...string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, line := range l.all {
		if line["msg"] != message {
			continue
		}
		var values []string
		for _, k := range keys {
			values = append(values, fmt.Sprint(line[k]))
		}
		out = append(out, strings.Join(values, " "))
	}
	return out
}

func TestFailoverAndFailback(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.serves(primary) // nothing is proved, so the first target
		h.is(primary, checks.Up)
		h.is(backup, checks.Up)
		h.serves(primary)

		sleep(10 * time.Second)
		h.Report(h.transition(primary, checks.State{Verdict: checks.Up, Since: time.Now(), Run: 1}, 4*time.Second))
		synctest.Wait()
		h.serves(primary)
		if ttl := h.web().TTL; ttl != 5 {
			t.Errorf("4 s before the earliest change the TTL is %d, wanted min", ttl)
		}
		sleep(4 * time.Second)
		h.is(primary, checks.Down)
		h.serves(backup)
		switched := time.Now()
		if got := h.web(); got.Serving != "backup" || got.Rule != "verdicts" || !got.Since.Equal(switched) ||
			got.Reason != "primary is down (connection refused); backup is the first target that is up" {
			t.Errorf("status: %+v", got)
		}
		// The longest TTL given before was 60 s, until 4 s before the switch.
		if got := h.web().DrainedAt; got == nil || !got.Equal(switched.Add(57*time.Second)) {
			t.Errorf("drained at %v, wanted 57 s after %v", got, switched)
		}

		sleep(10 * time.Second)
		h.is(primary, checks.Up)
		back := time.Now().Add(time.Minute)
		if next := h.web().NextChange; next == nil || next.Serving != "primary" || !next.At.Equal(back) {
			t.Errorf("next change %+v", next)
		}
		sleep(time.Minute - time.Nanosecond)
		h.serves(backup)
		sleep(time.Nanosecond)
		h.serves(primary)
		if got := h.web(); !got.Since.Equal(back) || got.NextChange != nil {
			t.Errorf("since %v, next %v", got.Since, got.NextChange)
		}
		if got, want := h.log.take("selection changed", "service", "from", "to", "rule"), []string{
			"web  primary verdicts", "web primary backup verdicts", "web backup primary verdicts",
		}; !slices.Equal(got, want) {
			t.Errorf("log %q, wanted %q", got, want)
		}
		if got, want := h.log.take("verdict changed", "check", "verdict"), []string{
			"web/primary@192.0.2.1 up", "web/backup@192.0.2.2 up", "web/primary@192.0.2.1 down", "web/primary@192.0.2.1 up",
		}; !slices.Equal(got, want) {
			t.Errorf("log %q, wanted %q", got, want)
		}
	})
}

func TestEdgesNeedNoTimer(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.is(primary, checks.Up)
		if _, err := h.Switch(t.Context(), "web", api.Switch{Target: "backup", For: 90.5}); err != nil {
			t.Fatal(err)
		}
		expiry := time.Now().Add(90500 * time.Millisecond)
		h.stop() // nobody wakes up any more
		slot := h.world.Slots["web"]
		for at, want := range map[time.Time]string{
			time.Now():                       backup,
			expiry.Add(-time.Nanosecond):     backup,
			expiry:                           primary,
			expiry.Add(1000 * time.Hour):     primary,
			expiry.Add(-500 * time.Hour):     backup, // the clock was set back
			expiry.Add(24 * 365 * time.Hour): primary,
		} {
			if got := served(slot, at); got != want {
				t.Errorf("%v after the expiry: %s, wanted %s", at.Sub(expiry), got, want)
			}
			shown := h.Services(at)[0]
			if (shown.Serving == "backup") != (want == backup) || (shown.Override == nil) == (want == backup) {
				t.Errorf("%v after the expiry status says %q, %v", at.Sub(expiry), shown.Serving, shown.Override)
			}
			if steps := h.Explain("web", at); steps[0].Applies != (want == backup) {
				t.Errorf("%v after the expiry: %+v", at.Sub(expiry), steps)
			}
		}
		if got := h.Services(expiry.Add(time.Hour))[0]; !got.Since.Equal(expiry) {
			t.Errorf("since %v, wanted the expiry %v", got.Since, expiry)
		}
	})
}

func TestThousandServicesFailOverAtOnce(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var services []config.Service
		for i := range 1000 {
			services = append(services, service(fmt.Sprintf("s%03d", i), fmt.Sprintf("10.0.%d.%d", i/250, i%250+1), fmt.Sprintf("10.1.%d.%d", i/250, i%250+1)))
		}
		h := start(t, dir, world(services...))
		report := func(target int, v checks.Verdict) {
			for _, s := range services {
				h.Report(checks.Transition{Check: s.Targets[target].Addresses[0].Checks[0].Check, State: checks.State{Verdict: v, Since: time.Now()}})
			}
			synctest.Wait()
		}
		report(0, checks.Up)
		report(1, checks.Up)
		report(0, checks.Down)
		for _, s := range services {
			if got, want := served(h.world.Slots[s.Name], time.Now()), s.Targets[1].Addresses[0].IP.String(); got != want {
				t.Fatalf("%s serves %s, wanted %s", s.Name, got, want)
			}
		}
		if got := len(h.log.take("selection changed")); got != 2000 { // at the start, and now
			t.Errorf("%d lines", got)
		}
	})
}

func TestQueueHoldsOnlyTheLatestOfACheck(t *testing.T) {
	q := newQueue()
	for i := range 5000 {
		q.put(checks.Transition{Check: &checks.Check{ID: fmt.Sprint("c", i%3)}, State: checks.State{Run: i}})
	}
	<-q.signal
	got := q.take()
	if len(got) != 3 || got[0].State.Run != 4998 || got[1].State.Run != 4999 || got[2].State.Run != 4997 {
		t.Errorf("took %v", got)
	}
	if len(q.take()) != 0 {
		t.Error("taken twice")
	}
}

func TestReadersSeeWholeDecisions(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, dir, world(web()))
		h.is(backup, checks.Up)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 500 {
				got := h.web()
				if want := map[string]string{"primary": primary, "backup": backup}[got.Serving]; len(got.Answers) != 1 || got.Answers[0] != want {
					t.Errorf("%s serves %v", got.Serving, got.Answers)
				}
				h.Restored()
				h.Explain("web", time.Now())
			}
		}()
		for range 100 {
			h.is(primary, checks.Down)
			h.is(primary, checks.Up)
		}
		<-done
	})
}

func BenchmarkTransitionToVisible(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint("services=", n), func(b *testing.B) {
			var services []config.Service
			for i := range n {
				services = append(services, service(fmt.Sprint("s", i), fmt.Sprintf("10.0.%d.%d", i/250, i%250+1), fmt.Sprintf("10.1.%d.%d", i/250, i%250+1)))
			}
			w := world(services...)
			store, err := state.Open(b.TempDir(), state.Options{Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			c := New(w, Options{Log: slog.New(slog.DiscardHandler), Store: store})
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error)
			go func() { ended <- c.Run(ctx) }()
			for _, s := range services {
				c.Report(checks.Transition{Check: s.Targets[1].Addresses[0].Checks[0].Check, State: checks.State{Verdict: checks.Up, Since: time.Unix(1, 0)}})
			}
			verdict := checks.Up
			b.ReportAllocs()
			for b.Loop() {
				verdict = checks.Up + checks.Down - verdict
				for _, s := range services {
					c.Report(checks.Transition{Check: s.Targets[0].Addresses[0].Checks[0].Check, State: checks.State{Verdict: verdict, Since: time.Unix(1, 0)}})
				}
				want := services[n-1].Targets[verdict-checks.Up].Addresses[0].IP.As4()
				for slot := w.Slots[services[n-1].Name]; ; {
					if a := slot.Load().Segments[0].A; [4]byte(a[12:16]) == want {
						break
					}
				}
			}
			cancel()
			<-ended
		})
	}
}
