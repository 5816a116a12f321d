package state

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/vault"
)

func TestDirectoryThatCannotBeMadeLeavesAStoreInMemory(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(parent, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(parent, "state")
	s := openIn(t, dir)
	s.PutChecks(map[string]Check{"web/a@1": check(checks.Up)})
	want := "the state can't be saved in " + dir + ": not a directory; overrides are refused, and a restart starts from what was saved last"
	if got := s.Notice(); got != want {
		t.Errorf("notice %q\nwanted %q", got, want)
	}
	if err := s.PutOverride(t.Context(), "web", override("backup")); err == nil {
		t.Error("an override was taken")
	}
	// Once it can be made, nothing but the next attempt is needed.
	if err := os.Remove(parent); err != nil {
		t.Fatal(err)
	}
	if err := s.PutOverride(t.Context(), "web", override("backup")); err != nil {
		t.Error(err)
	}
	if got := s.Notice(); got != "" {
		t.Errorf("notice %q", got)
	}
	s.Close()
	if c := openIn(t, dir).Contents(); len(c.Overrides) != 1 || len(c.Checks) != 1 {
		t.Errorf("stored: %v", c)
	}
}

func TestFileThatCouldNotBeReadIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	want := fill(t, dir)
	path, hidden := filepath.Join(dir, fileName), filepath.Join(dir, "hidden")
	// A link that leads in a circle stands for a disk that can't be read just now.
	if err := os.Rename(path, hidden); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(fileName, path); err != nil {
		t.Fatal(err)
	}
	s := openIn(t, dir)
	if err := os.Rename(hidden, path); err != nil {
		t.Fatal(err)
	}
	if err := s.PutOverride(t.Context(), "web", override("x")); err == nil || !strings.Contains(err.Error(), "mend it and restart") {
		t.Errorf("got %v", err)
	}
	s.Close()
	if diff := cmp.Diff(want, openIn(t, dir).Contents(), contents); diff != "" {
		t.Error(diff)
	}
}

func TestFileThatVanishesIsWrittenAnew(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"the file":      func(dir string) error { return os.Remove(filepath.Join(dir, fileName)) },
		"the directory": os.RemoveAll,
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			want := fill(t, dir)
			s := openIn(t, dir)
			if err := spoil(dir); err != nil {
				t.Fatal(err)
			}
			want.Overrides["api"] = override("x")
			if err := s.PutOverride(t.Context(), "api", override("x")); err != nil {
				t.Fatal(err)
			}
			s.Close()
			if diff := cmp.Diff(want, openIn(t, dir).Contents(), contents); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestFileThatIsSpoiltWhileOpenIsWrittenAnew cuts the file off under the mapping, so that reading it faults, and
// overwrites it with garbage that keeps its length.
func TestFileThatIsSpoiltWhileOpenIsWrittenAnew(t *testing.T) {
	for name, spoil := range map[string]func(path string, size int64) error{
		"cut off":        func(path string, _ int64) error { return os.Truncate(path, 0) },
		"cut off inside": func(path string, _ int64) error { return os.Truncate(path, 3*int64(os.Getpagesize())) },
		"overwritten": func(path string, size int64) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.Write(bytes.Repeat([]byte{0xA5}, int(size)))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, fileName)
			want := fill(t, dir)
			s := openIn(t, dir)
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := spoil(path, info.Size()); err != nil {
				t.Fatal(err)
			}
			want.Overrides["api"] = override("x")
			if err := s.PutOverride(t.Context(), "api", override("x")); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(s.Notice(), "reading it failed") {
				t.Errorf("notice %q", s.Notice())
			}
			s.Close()
			if diff := cmp.Diff(want, openIn(t, dir).Contents(), contents); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestChangesAreGatheredForASecond(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := openIn(t, dir)
		time.Sleep(2 * time.Second) // virtual
		stored := func() int {
			synctest.Wait()
			values, _, err := read(filepath.Join(dir, fileName))
			if err != nil {
				t.Fatal(err)
			}
			c, _ := decode(values)
			return len(c.Checks)
		}
		s.PutChecks(map[string]Check{"a": check(checks.Up)})
		if got := stored(); got != 1 {
			t.Errorf("of one change after a pause %d are stored at once", got)
		}
		for _, id := range []string{"b", "c", "d"} {
			s.PutChecks(map[string]Check{id: check(checks.Up)})
			if got := stored(); got != 1 {
				t.Errorf("%d are stored before the second is over", got)
			}
		}
		time.Sleep(time.Second)
		if got := stored(); got != 4 {
			t.Errorf("after a second %d are stored, wanted 4", got)
		}
		s.Close()
	})
}

func TestStoreSaysThatItIsAlive(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := openIn(t, dir)
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		values, _, err := read(filepath.Join(dir, fileName))
		if err != nil {
			t.Fatal(err)
		}
		if c, _ := decode(values); time.Since(c.Alive) > time.Minute {
			t.Errorf("alive %v ago", time.Since(c.Alive))
		}
		s.Close()
	})
}

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

func TestFailureIsLoggedOnceAndRetried(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(parent, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var log lines
		s, err := Open(filepath.Join(parent, "state"), Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := log.count("state can't be saved"); got != 1 {
			t.Errorf("the failure is logged %d times", got)
		}
		if err := os.Remove(parent); err != nil {
			t.Fatal(err)
		}
		time.Sleep(vault.MaxPause)
		synctest.Wait()
		if got := log.count("state is saved again"); got != 1 || s.Notice() != "" {
			t.Errorf("recovery is logged %d times, notice %q", got, s.Notice())
		}
		s.Close()
	})
}
