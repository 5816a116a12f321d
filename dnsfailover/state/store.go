package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"dnsfailover/dnsfailover/vault"
)

// ErrLocked says that another process uses the state directory.
var ErrLocked = errors.New("the state directory is in use")

// ErrClosed says that the store was closed.
var ErrClosed = errors.New("the state directory was closed: the server is stopping")

const (
	lockTimeout = time.Second
	lockRetry   = 20 * time.Millisecond
	// defaultBeat is how often the store writes that it is alive when nothing else is written.
	defaultBeat = time.Minute
	// maxNotes bounds what Notice tells: the log has all.
	maxNotes = 5
)

// Options are what Open needs.
type Options struct {
	Log *slog.Logger
	// MaxAge is for how long the contents are believed after a crash. The store writes at least four times as often that
	// it is alive, and at least once a minute.
	MaxAge time.Duration
}

// Store keeps state. Its methods are safe for concurrent use.
type Store struct {
	log      *slog.Logger
	dir      string
	beat     time.Duration
	contents Contents
	lock     *os.File // nil if the directory can't be locked
	requests chan request
	dirty    chan struct{} // holds one token when something waits to be written
	closing  chan struct{}
	closed   chan struct{}
	close    sync.Once

	file    file          // owned by the writer once it runs
	trouble vault.Trouble // with writing

	mu      sync.Mutex
	fresh   map[string]any      // records to be encoded into mirror by the writer, which has the time; nil: delete
	mirror  map[string][]byte   // all values, as they are to be on the disk
	drops   []drop              // values to be deleted if the writer finds them still there
	waiting map[string]struct{} // keys whose values in mirror may differ from those on the disk
	notes   []string            // what was found amiss with the file, the latest maxNotes
}

// Open opens the store in dir and creates both if they are missing. The only error is that another process uses
// the directory, which wraps ErrLocked: whatever else is wrong, the server must be able to start, and Notice tells.
func Open(dir string, opt Options) (*Store, error) {
	s := &Store{
		log: opt.Log, dir: dir, beat: defaultBeat,
		requests: make(chan request), dirty: make(chan struct{}, 1),
		closing: make(chan struct{}), closed: make(chan struct{}),
		file:    file{path: filepath.Join(dir, fileName)},
		fresh:   map[string]any{},
		waiting: map[string]struct{}{},
	}
	if quarter := opt.MaxAge / 4; quarter > 0 {
		s.beat = max(min(quarter, defaultBeat), time.Second)
	}
	mkdirErr := os.MkdirAll(dir, 0o700)
	var err error
	if s.lock, err = lock(dir); err != nil {
		return nil, err
	}
	if mkdirErr == nil {
		err = s.load()
	} else {
		s.mirror, s.file.unread, err = map[string][]byte{}, true, mkdirErr
	}
	if errors.Is(err, ErrLocked) {
		s.unlock()
		return nil, err
	}
	var problems []string
	s.contents, problems = decode(s.mirror)
	delete(s.mirror, keyHeader)
	for _, problem := range slices.Concat(s.notes, problems) {
		s.log.Warn("state directory", "directory", dir, "problem", problem)
	}
	s.note(problems...)
	s.report(err)
	go s.run()
	return s, nil
}

// Contents returns what the store held when it was opened.
func (s *Store) Contents() Contents { return s.contents }

// Notice says in sentences what is wrong with the state directory; empty if nothing is.
func (s *Store) Notice() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	notes := s.notes
	if reason := s.trouble.Reason(); reason != "" {
		notes = append(notes[:len(notes):len(notes)], "the state can't be saved in "+s.dir+": "+reason+
			"; overrides are refused, and a restart starts from what was saved last")
	}
	return strings.Join(notes, "; ")
}

// Saved says whether the latest attempt to write to the disk succeeded.
func (s *Store) Saved() bool { return s.trouble.Reason() == "" }

// PutOverride stores the override of a service in place of the one that it had. It is on the disk when PutOverride returns
// without error; with one, the service's previous override is what a restart will find. ctx bounds only the time
// until the write begins.
func (s *Store) PutOverride(ctx context.Context, service string, o Override) error {
	return s.now(ctx, keyOverride+service, encode(o.normal()))
}

// DeleteOverride deletes the override of a service, as durably as PutOverride.
func (s *Store) DeleteOverride(ctx context.Context, service string) error {
	return s.now(ctx, keyOverride+service, nil)
}

// drop is a value that is to be deleted if it is still there.
type drop struct {
	key   string
	value []byte
}

// DropOverride deletes the override of a service soon if it is still o. Only the writer can tell: another may be on its
// way to the disk right now.
func (s *Store) DropOverride(service string, o Override) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drops = append(s.drops, drop{keyOverride + service, encode(o.normal())})
	s.wake()
}

// PutSelection stores soon what a service serves.
func (s *Store) PutSelection(service string, sel Selection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.soon(keySelection+service, sel.normal())
}

// DropSelection forgets soon what a service served.
func (s *Store) DropSelection(service string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.soon(keySelection+service, nil)
}

// StoreSelection stores what a service serves, as durably as PutOverride.
func (s *Store) StoreSelection(ctx context.Context, service string, sel Selection) error {
	return s.now(ctx, keySelection+service, encode(sel.normal()))
}

// PutChecks stores soon what checks have established, by check ID.
func (s *Store) PutChecks(established map[string]Check) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, c := range established {
		s.soon(keyCheck+id, encodeCheck(c))
	}
}

// KeepChecks forgets soon all checks but those for which keep returns true.
func (s *Store) KeepChecks(keep func(id string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, keys := range []iter.Seq[string]{maps.Keys(s.mirror), maps.Keys(s.fresh)} {
		for key := range keys {
			if id, ok := strings.CutPrefix(key, keyCheck); ok && !keep(id) {
				s.soon(key, nil)
			}
		}
	}
}

// Close writes what is waiting and gives the directory back. The error is that of the write.
func (s *Store) Close() error {
	s.close.Do(func() { close(s.closing) })
	<-s.closed
	if reason := s.trouble.Reason(); reason != "" {
		return fmt.Errorf("save state in %s: %s", s.dir, reason)
	}
	return nil
}

// soon sets a record, or deletes it if it is nil, and lets the writer know. s.mu is held.
func (s *Store) soon(key string, record any) {
	s.fresh[key] = record
	s.wake()
}

// note adds to what Notice tells. s.mu is held, or nobody else has s yet.
func (s *Store) note(texts ...string) {
	s.notes = append(s.notes, texts...)
	if extra := len(s.notes) - maxNotes; extra > 0 {
		s.notes = slices.Delete(s.notes, 0, extra)
	}
}

// wake lets the writer know that something waits.
func (s *Store) wake() {
	select {
	case s.dirty <- struct{}{}:
	default:
	}
}

// encode returns v as JSON; all types stored here can be.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("state: " + err.Error())
	}
	return b
}

func (s *Store) unlock() {
	if s.lock != nil {
		s.lock.Close()
	}
}
