package history

import (
	"errors"
	"slices"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/vault"
)

// run is the one goroutine that writes.
func (h *History) run() {
	defer close(h.closed)
	last := time.Now() // when a write was tried last
	for {
		if !h.await(last.Add(max(gather, h.trouble.Pause()))) {
			h.attempt()
			if h.file != nil {
				_ = h.file.Close()
			}
			return
		}
		last = time.Now()
		h.attempt()
	}
}

// await returns when something is to be written and either due has come or somebody waits; false if the history is closed.
func (h *History) await(due time.Time) bool {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	ripe := false
	for {
		h.mu.Lock()
		hurry, work := len(h.waiting) > 0, len(h.pending) > 0 || h.spoilt != nil
		h.mu.Unlock()
		if hurry || ripe && work {
			return true
		}
		select {
		case <-h.wake:
		case <-timer.C:
			ripe = true
		case <-h.closing:
			return false
		}
	}
}

// attempt writes all that waits.
func (h *History) attempt() {
	h.mu.Lock()
	waiting := h.waiting
	h.waiting = nil
	h.mu.Unlock()
	err := h.load()
	if err == nil {
		err = h.write()
	}
	if unusable := (*vault.Unusable)(nil); errors.As(err, &unusable) {
		h.spoil(unusable)
		if err = h.load(); err == nil { // into a fresh file
			err = h.write()
		}
	}
	h.report(err)
	for _, done := range waiting {
		close(done)
	}
}

// write writes the events that wait and deletes what is too much, in one transaction.
func (h *History) write() error {
	h.mu.Lock()
	batch := slices.Clone(h.pending)
	h.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	added := map[class]int{}
	values := make(map[string][]byte, len(batch))
	for _, e := range batch {
		c := classOf(e.Kind)
		values[key(c, e.ID)] = encode(e)
		added[c]++
	}
	for _, c := range classes {
		n, err := h.trim(c, added[c], values)
		if err != nil {
			return err
		}
		added[c] -= n
	}
	if err := h.file.Write(values); err != nil {
		return err
	}
	for c, n := range added {
		h.counts[c] += n
	}
	h.mu.Lock()
	h.pending = without(h.pending, batch[len(batch)-1].ID)
	h.mu.Unlock()
	return nil
}

// maxTrim bounds how many events one transaction deletes of a class, beside as many as it adds.
const maxTrim = 1000

// trim adds to values the deletion of the oldest events of a class that are too old, or too many with those that are added. It
// returns how many that are.
func (h *History) trim(c class, added int, values map[string][]byte) (n int, err error) {
	tooMany := h.counts[c] + added - h.limits.of(c)
	oldest := time.Now().Add(-h.limits.Age).UnixMicro()
	err = h.file.Up(key(c, 0), func(k string, _ []byte) bool {
		id, ok := idOf(c, k)
		if !ok || n >= added+maxTrim || n >= tooMany && int64(id) >= oldest {
			return false
		}
		values[k] = nil
		n++
		return true
	})
	return n, err
}

// without returns the events behind the ID, in memory of their own.
func without(events []api.Event, id uint64) []api.Event {
	i := slices.IndexFunc(events, func(e api.Event) bool { return e.ID > id })
	if i < 0 {
		return nil
	}
	return slices.Clone(events[i:])
}

// report remembers how an attempt to write ended, and logs when that changes.
func (h *History) report(err error) {
	switch reason, news := h.trouble.Ended(err); {
	case !news:
	case reason == "":
		h.log.Info("history is saved again", "file", h.path)
	default:
		h.log.Error("history can't be saved", "file", h.path, "reason", reason)
	}
}
