package hooks

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

// grace is how long events that are queued may still go out when the server stops, or the hook is gone.
const grace = 3 * time.Second

// Hooks are all that are configured. The methods are safe for concurrent use.
type Hooks struct {
	log     *slog.Logger
	version string

	mu      sync.Mutex
	hooks   []*hook // in the order of the configuration
	running sync.WaitGroup
}

// New returns hooks of which there are none yet. Version is told to those who get webhooks.
func New(log *slog.Logger, version string) *Hooks { return &Hooks{log: log, version: version} }

// Set makes list the hooks. One that stays as it was keeps its queue.
func (s *Hooks) Set(list []config.Hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.hooks
	s.hooks = nil
	for _, cfg := range list {
		if i := slices.IndexFunc(old, func(h *hook) bool { return alike(h.cfg, cfg) }); i >= 0 {
			s.hooks = append(s.hooks, old[i])
			old = slices.Delete(slices.Clone(old), i, i+1)
			continue
		}
		h := newHook(cfg, s.log, s.version)
		s.hooks = append(s.hooks, h)
		s.running.Go(h.run)
	}
	for _, h := range old {
		h.finish()
	}
}

// alike tells whether two hooks do the same.
func alike(a, b config.Hook) bool {
	a.Roots, b.Roots = nil, nil // which RootsID stands for
	return reflect.DeepEqual(a, b)
}

// Add tells the hooks of events. It never waits.
func (s *Hooks) Add(events []api.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.hooks {
		for _, e := range events {
			h.add(e)
		}
	}
}

// Close lets what is queued go out, but not for long, and ends all hooks.
func (s *Hooks) Close() {
	s.Set(nil)
	s.running.Wait()
}

// Stats are figures of one hook.
type Stats struct {
	Hook      string
	Queued    int    // events that wait, the one that is tried included
	Delivered uint64 // events that were taken
	Failed    uint64 // events that were given up
	Dropped   uint64 // events that found no room in the queue
	Muted     uint64 // events of planned windows that were kept back
	Attempts  uint64 // attempts that failed
}

// Stats returns the figures of all hooks, in the order of the configuration.
func (s *Hooks) Stats() []Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Stats
	for _, h := range s.hooks {
		out = append(out, h.figures())
	}
	return out
}

// Problems says which hooks fail at present, one sentence each.
func (s *Hooks) Problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, h := range s.hooks {
		if trouble := h.failing(); trouble != "" {
			out = append(out, trouble)
		}
	}
	return out
}

// deliverer takes one event to where it belongs.
type deliverer interface {
	deliver(ctx context.Context, e api.Event) *failure
}

// failure is why an event was not taken.
type failure struct {
	reason string
	again  bool          // it may be taken later
	after  time.Duration // not before that
}

func newHook(cfg config.Hook, log *slog.Logger, version string) *hook {
	h := &hook{cfg: cfg, log: log.With("hook", cfg.Name), signal: make(chan struct{}, 1), finished: make(chan struct{})}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	if len(cfg.Command) > 0 {
		h.to = command{cfg.Command}
	} else {
		h.to = newWebhook(cfg, version)
	}
	return h
}

// failing says why the last attempt failed; empty if it didn't.
func (h *hook) failing() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.trouble == "" {
		return ""
	}
	return fmt.Sprintf("hook %s fails: %s; %d events wait", h.cfg.Name, h.trouble, len(h.queue))
}

// wants tells whether the hook is to be told of e, and whether it would be but for a planned window.
func wants(cfg *config.Hook, e *api.Event) (wanted, muted bool) {
	if !slices.Contains(cfg.On, e.Kind) || len(cfg.Services) > 0 && !slices.Contains(cfg.Services, e.Service) {
		return false, false
	}
	muted = cfg.Mute && e.Planned && e.Kind != api.EventWindowStart && e.Kind != api.EventWindowEnd
	return !muted, muted
}

// pause returns how long to wait after that many attempts that failed: about 1, 2, 4 … seconds, at most five minutes, and less by up
// to half at random, so that many servers don't come back at once.
func pause(failures int, random float64) time.Duration {
	longest := min(time.Second<<min(failures-1, 20), maxPause)
	return longest - time.Duration(random*float64(longest)/2)
}

// later returns the longer of two pauses, bounded.
func later(a, b time.Duration) time.Duration { return min(cmp.Or(max(a, b), time.Second), maxPause) }
