package control

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dnsfailover/checks"
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

// rule returns the rule by which a service is decided over.
func (s *site) rule(name string) string {
	for _, sv := range s.Services(time.Now()) {
		if sv.Name == name {
			return sv.Rule
		}
	}
	return ""
}

// check returns the one that watches the primary of a service.
func (s *site) check(service string) *checks.Check {
	services := s.house.world.Config.Services
	i := slices.IndexFunc(services, func(sv config.Service) bool { return sv.Name == service })
	return services[i].Targets[0].Addresses[0].Checks[0].Check
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
