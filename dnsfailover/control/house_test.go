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

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/state"
	"dnsfailover/zones"
)

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
