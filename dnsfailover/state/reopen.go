package state

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dnsfailover/dnsfailover/vault"
)

// load reads the file and opens it, or puts a fresh one in its place. Whatever fails, the store has the values that
// could be read.
func (s *Store) load() error {
	var err error
	s.mirror, s.file.known, err = read(s.file.path)
	if !errors.As(err, &s.file.spoilt) && err != nil {
		s.file.unread = true
		return err
	}
	return s.reopen()
}

// reopen makes sure that the file is open and still the one in the directory. If there is none it creates one
// with all that the store holds.
func (s *Store) reopen() error {
	f := &s.file
	info, err := os.Stat(f.path)
	missing := errors.Is(err, fs.ErrNotExist)
	same := err == nil && f.known != nil && os.SameFile(info, f.known)
	switch {
	case missing:
		f.spoilt = nil
	case err != nil:
		return err
	case f.unread:
		return fmt.Errorf("%s could not be read at the start and may hold overrides: mend it and restart, or remove it", f.path)
	case f.spoilt != nil:
	case !same:
		f.spoilt = &vault.Unusable{Text: "it was put there while the server ran"}
	case f.db != nil:
		return f.keep()
	default:
		if err = f.open(); !errors.As(err, &f.spoilt) {
			return err
		}
	}
	f.shut()
	if f.spoilt != nil {
		if err := s.setAside(); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	s.mu.Lock()
	all := maps.Clone(s.mirror)
	s.mu.Unlock()
	delete(all, keyHeader) // what was read may have one
	all[keyHeader] = encodeHeader(len(all))
	if f.db, err = vault.Create(f.path, bucketName, all); err != nil {
		return err
	}
	f.unread, f.fresh = false, true
	if f.known, err = os.Stat(f.path); err != nil {
		return err
	}
	return f.keep()
}

// setAside moves a file aside that can't be used.
func (s *Store) setAside() error {
	f := &s.file
	aside, err := vault.Quarantine(f.path, time.Now())
	if err != nil {
		return fmt.Errorf("%s can't be used, since %s, nor moved aside: %w", f.path, f.spoilt, err)
	}
	s.mu.Lock()
	overrides := 0
	for key := range s.mirror {
		if strings.HasPrefix(key, keyOverride) {
			overrides++
		}
	}
	note := fmt.Sprintf("%s could not be used, since %s: it is now %s, and a new file holds what was whole in it; check the overrides, there are %d",
		f.path, f.spoilt, filepath.Base(aside), overrides)
	s.note(note)
	s.mu.Unlock()
	s.log.Warn("state file moved aside", "file", f.path, "reason", f.spoilt.Text, "now", aside)
	f.spoilt, f.known = nil, nil
	return nil
}
