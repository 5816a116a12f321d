package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"dnsfailover/dnsfailover/vault"
)

const gather = time.Second // how long changes that can wait do so

// request is a value that must be on the disk before whoever wants it goes on.
type request struct {
	key   string
	value []byte // nil: delete
	done  chan<- error
}

// now has a value written and returns when it is.
func (s *Store) now(ctx context.Context, key string, value []byte) error {
	done := make(chan error, 1)
	select {
	case s.requests <- request{key, value, done}:
		return <-done
	case <-ctx.Done():
		return fmt.Errorf("wait for the disk: %w", ctx.Err())
	case <-s.closed:
		return ErrClosed
	}
}

// run is the one goroutine that writes.
func (s *Store) run() {
	defer close(s.closed)
	defer s.unlock()
	defer s.file.shut()
	last := time.Now() // when a write was tried last
	attempt := func(r *request) error {
		err := s.commit(r)
		if unusable := (*vault.Unusable)(nil); errors.As(err, &unusable) {
			err = s.commit(r) // into a fresh file
		}
		s.report(err)
		last = time.Now()
		return err
	}
	waiting := false
	for {
		due := s.trouble.Pause()
		switch {
		case due > 0:
		case waiting:
			due = gather
		default:
			due = s.beat
		}
		timer := time.NewTimer(time.Until(last.Add(due)))
		select {
		case r := <-s.requests:
			r.done <- attempt(&r)
			waiting = false
		case <-s.dirty:
			waiting = true
		case <-timer.C:
			_ = attempt(nil) // reported, and tried again
			waiting = false
		case <-s.closing:
			timer.Stop()
			_ = attempt(nil)
			return
		}
		timer.Stop()
	}
}

// commit writes all that waits, that the store is alive, and r if it is not nil, in one transaction that is on the
// disk when commit returns without error. With one, all is left to wait, and of r what was there before.
func (s *Store) commit(r *request) error {
	if err := s.reopen(); err != nil {
		return err
	}
	changes := s.changes(r)
	err := s.file.db.Write(changes)

	s.mu.Lock()
	defer s.mu.Unlock()
	var unusable *vault.Unusable
	if errors.As(err, &unusable) {
		s.file.db, s.file.spoilt = nil, unusable
	}
	switch {
	case err != nil:
		for key := range changes {
			s.waiting[key] = struct{}{}
		}
	case r == nil:
	case r.value == nil:
		delete(s.mirror, r.key)
	default:
		s.mirror[r.key] = r.value
	}
	return err
}

// changes takes all that waits to be written, and adds r and the header.
func (s *Store) changes(r *request) map[string][]byte {
	s.mu.Lock()
	fresh := s.fresh
	s.fresh = map[string]any{}
	s.mu.Unlock()
	encoded := make(map[string][]byte, len(fresh))
	for key, record := range fresh {
		if record != nil {
			encoded[key] = encode(record)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range fresh {
		if value, ok := encoded[key]; ok {
			s.mirror[key] = value
		} else {
			delete(s.mirror, key)
		}
		s.waiting[key] = struct{}{}
	}
	for _, d := range s.drops {
		if bytes.Equal(s.mirror[d.key], d.value) {
			delete(s.mirror, d.key)
			s.waiting[d.key] = struct{}{}
		}
	}
	s.drops = nil
	changes := make(map[string][]byte, len(s.waiting)+2)
	for key := range s.waiting {
		changes[key] = s.mirror[key]
	}
	clear(s.waiting)
	values := len(s.mirror)
	if r != nil {
		changes[r.key] = r.value
		if s.mirror[r.key] != nil {
			values--
		}
		if r.value != nil {
			values++
		}
	}
	changes[keyHeader] = encodeHeader(values)
	return changes
}

// report remembers how an attempt to write ended, and logs when that changes.
func (s *Store) report(err error) {
	switch reason, news := s.trouble.Ended(err); {
	case !news:
	case reason == "":
		s.log.Info("state is saved again", "directory", s.dir)
	default:
		s.log.Error("state can't be saved", "directory", s.dir, "reason", reason)
	}
}
