package hooks

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

const (
	maxQueue = 1000            // events of one hook that wait
	maxPause = 5 * time.Minute // between attempts
	tryFor   = time.Hour       // how long an event is tried
)

// hook is one hook and its queue.
type hook struct {
	cfg config.Hook
	log *slog.Logger
	to  deliverer

	ctx      context.Context // of deliveries
	cancel   context.CancelFunc
	signal   chan struct{} // holds one token when something is queued
	finished chan struct{} // closed when nothing more is added
	finish1  sync.Once

	mu      sync.Mutex
	queue   []api.Event
	trouble string // why the last attempt failed
	full    bool   // it was logged that there is no room
	stats   Stats
}

// add queues an event if the hook wants it. If there is no room the oldest one is dropped: the latest says what is so now.
func (h *hook) add(e api.Event) {
	wanted, muted := wants(&h.cfg, &e)
	h.mu.Lock()
	defer h.mu.Unlock()
	if muted {
		h.stats.Muted++
	}
	if !wanted {
		return
	}
	if len(h.queue) >= maxQueue {
		h.queue = h.queue[1:]
		h.stats.Dropped++
		if !h.full {
			h.full = true
			h.log.Error("the queue of the hook is full: the oldest events are dropped; the history has them", "events", maxQueue)
		}
	}
	h.queue = append(h.queue, e)
	select {
	case h.signal <- struct{}{}:
	default:
	}
}

// finish has run end when the queue is empty, or after a grace.
func (h *hook) finish() {
	h.finish1.Do(func() {
		close(h.finished)
		time.AfterFunc(grace, h.cancel)
	})
}

// run delivers what is queued, one event at a time.
func (h *hook) run() {
	defer h.cancel()
	for {
		e, ok := h.next()
		if !ok {
			return
		}
		if !h.try(e) {
			h.log.Warn("events not delivered: the server stops, or the hook was changed", "events", h.figures().Queued)
			return
		}
	}
}

// next returns the first event of the queue, which stays there; false if there won't be one.
func (h *hook) next() (api.Event, bool) {
	for {
		h.mu.Lock()
		if len(h.queue) > 0 {
			e := h.queue[0]
			h.mu.Unlock()
			return e, true
		}
		h.full = false
		h.mu.Unlock()
		select {
		case <-h.signal:
		case <-h.finished:
			if h.figures().Queued == 0 {
				return api.Event{}, false
			}
		}
	}
}

// try delivers e, again and again while that makes sense; false if there is no time left for it.
func (h *hook) try(e api.Event) bool {
	begin := time.Now()
	for failures := 1; ; failures++ {
		ctx, cancel := context.WithTimeout(h.ctx, h.cfg.Timeout)
		failed := h.to.deliver(ctx, e)
		cancel()
		if failed == nil {
			h.done(e, nil)
			return true
		}
		if h.ctx.Err() != nil {
			return false
		}
		wait := later(pause(failures, rand.Float64()), failed.after)
		if !failed.again || time.Since(begin)+wait > tryFor {
			h.done(e, failed)
			return true
		}
		h.stumbled(e, failed, wait)
		if dropped := h.rest(e, wait); dropped {
			return true
		}
		select {
		case <-h.finished: // nobody waits that long
			return false
		default:
		}
	}
}

// rest waits before the next attempt. It tells whether the event was dropped meanwhile.
func (h *hook) rest(e api.Event, wait time.Duration) (dropped bool) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-h.finished:
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.queue) == 0 || h.queue[0].ID != e.ID
}

// stumbled notes that an attempt has failed and another one follows.
func (h *hook) stumbled(e api.Event, failed *failure, wait time.Duration) {
	h.log.Warn("hook failed", "event", e.ID, "kind", e.Kind, "reason", failed.reason, "again_in", wait.Round(time.Millisecond))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stats.Attempts++
	h.trouble = failed.reason
}

// done takes an event from the queue: it was delivered, or, if failed is not nil, is given up.
func (h *hook) done(e api.Event, failed *failure) {
	if failed == nil {
		h.log.Debug("hook delivered", "event", e.ID, "kind", e.Kind)
	} else {
		h.log.Error("hook failed, the event is given up; the history has it", "event", e.ID, "kind", e.Kind, "reason", failed.reason)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) > 0 && h.queue[0].ID == e.ID {
		h.queue = h.queue[1:]
	}
	if failed == nil {
		h.trouble = ""
		h.stats.Delivered++
		return
	}
	h.trouble = failed.reason
	h.stats.Attempts++
	h.stats.Failed++
}

func (h *hook) figures() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.stats
	s.Hook, s.Queued = h.cfg.Name, len(h.queue)
	return s
}
