package history

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/vault"
)

const (
	gather     = time.Second // how long events gather that nobody waits for
	patience   = 5 * time.Second
	maxPending = 10_000 // events in memory that could not be written
	maxNotes   = 5
)

// Limits bound what is kept.
type Limits struct {
	Age time.Duration
	// Actions, Changes and Verdicts are how many events of each class are kept.
	Actions, Changes, Verdicts int
}

// DefaultLimits keep two years of what operators did. The file has some 30 MiB when all classes are full.
var DefaultLimits = Limits{Age: 2 * 365 * 24 * time.Hour, Actions: 10_000, Changes: 20_000, Verdicts: 50_000}

// Options are what Open needs.
type Options struct {
	Log    *slog.Logger
	Limits Limits
}

// History keeps events. Its methods are safe for concurrent use.
type History struct {
	log    *slog.Logger
	path   string
	limits Limits

	wake    chan struct{} // holds one token when something is to be written
	closing chan struct{}
	closed  chan struct{}
	close   sync.Once

	// Owned by the writer, but for file, which others read under files.
	known  fs.FileInfo // of the file at path that is open
	counts map[class]int
	files  sync.RWMutex
	file   *vault.File // nil: not open

	trouble vault.Trouble // with writing

	mu      sync.Mutex
	last    uint64          // the last ID that was given
	pending []api.Event     // not on the disk yet, in order
	waiting []chan struct{} // closed after the next attempt to write
	notes   []string        // what was found amiss with the file
	spoilt  *vault.Unusable // why the file must be moved aside
	dropped uint64          // events that memory had no room for
}

// Open opens the history in dir, the state directory, which this process has locked. It always works: what is wrong
// with the file Notice tells, and events wait in memory.
func Open(dir string, opt Options) *History {
	h := &History{
		log: opt.Log, path: filepath.Join(dir, fileName), limits: opt.Limits,
		wake: make(chan struct{}, 1), closing: make(chan struct{}), closed: make(chan struct{}),
		counts: map[class]int{},
	}
	h.report(h.load())
	go h.run()
	return h
}

// Add takes events and returns them with their IDs. It never waits for the disk.
func (h *History) Add(events []api.Event) []api.Event {
	events = slices.Clone(events)
	h.mu.Lock()
	for i := range events {
		h.last = max(h.last+1, uint64(time.Now().UnixMicro()))
		events[i].ID = h.last
	}
	h.pending = append(h.pending, events...)
	h.makeRoom()
	h.mu.Unlock()
	h.signal()
	return events
}

// makeRoom drops events while too many wait: verdicts first, the oldest first, many at a time. h.mu is held.
func (h *History) makeRoom() {
	if len(h.pending) <= maxPending {
		return
	}
	goal := len(h.pending) - maxPending/2
	for _, only := range []bool{true, false} {
		kept := h.pending[:0]
		for _, e := range h.pending {
			if goal > 0 && (!only || classOf(e.Kind) == verdicts) {
				goal--
				h.dropped++
				continue
			}
			kept = append(kept, e)
		}
		h.pending = kept
		if len(h.pending) <= maxPending {
			return
		}
	}
}

// Sync returns when what was added before is on the disk, or when that has failed or takes too long: what was acted on is
// served already, and whoever acted must get to know.
func (h *History) Sync(ctx context.Context) {
	h.mu.Lock()
	if len(h.pending) == 0 {
		h.mu.Unlock()
		return
	}
	done := make(chan struct{})
	h.waiting = append(h.waiting, done)
	h.mu.Unlock()
	h.signal()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
		h.log.Warn("history not written in time", "file", h.path)
	case <-h.closed:
	}
}

// Notice says in sentences what is wrong with the history; empty if nothing is.
func (h *History) Notice() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	notes := h.notes
	if reason := h.trouble.Reason(); reason != "" {
		notes = append(notes[:len(notes):len(notes)], fmt.Sprintf("the history can't be saved in %s: %s; %d events wait in memory, and %d had no room",
			h.path, reason, len(h.pending), h.dropped))
	}
	return strings.Join(notes, "; ")
}

// Stats are figures for metrics.
type Stats struct {
	Pending int    // events that wait to be written
	Dropped uint64 // events that were lost because they could not be written
}

// Stats returns the figures as they are now.
func (h *History) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Stats{len(h.pending), h.dropped}
}

// Close writes what waits and gives the file back.
func (h *History) Close() {
	h.close.Do(func() { close(h.closing) })
	<-h.closed
}

func (h *History) signal() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// note adds to what Notice tells, and logs it.
func (h *History) note(text string) {
	h.log.Warn("history", "problem", text)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notes = append(h.notes, text)
	if extra := len(h.notes) - maxNotes; extra > 0 {
		h.notes = slices.Delete(h.notes, 0, extra)
	}
}
