package history

import (
	"errors"
	"io/fs"
	"slices"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/vault"
)

// run is the one goroutine that writes. failures counts the attempts that failed before.
func (h *History) run(failures int) {
	defer close(h.closed)
	last := time.Now() // when a write was tried last
	for {
		due := gather
		if failures > 0 {
			due = min(gather<<min(failures-1, 10), maxBackoff)
		}
		if !h.await(last.Add(due)) {
			h.attempt()
			if h.file != nil {
				_ = h.file.Close()
			}
			return
		}
		last = time.Now()
		if failures++; h.attempt() {
			failures = 0
		}
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

// attempt writes all that waits, and tells whether it could.
func (h *History) attempt() bool {
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
	return err == nil
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

// report remembers why a write failed, and logs when that changes.
func (h *History) report(err error) {
	trouble := ""
	if err != nil {
		trouble = plain(err)
	}
	h.mu.Lock()
	before := h.trouble
	h.trouble = trouble
	h.mu.Unlock()
	switch {
	case trouble == before:
	case trouble == "":
		h.log.Info("history is saved again", "file", h.path)
	default:
		h.log.Error("history can't be saved", "file", h.path, "reason", trouble)
	}
}

// plain leaves out of an error which call failed on which file: the file is named beside it.
func plain(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
