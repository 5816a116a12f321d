package state

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// lastFiles leaves the process n more files to open, until the function that it returns is called.
func lastFiles(t *testing.T, n int) (restore func()) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	const room = 64
	var held []*os.File
	for range room {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, f)
	}
	lower := before
	lower.Cur = uint64(held[room-1].Fd()) + 1
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lower); err != nil {
		t.Fatal(err)
	}
	for range n {
		held[len(held)-1].Close()
		held = held[:len(held)-1]
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
		for _, f := range held {
			f.Close()
		}
		held = nil
	}
}

// TestDirectoryThatCannotBeSynced leaves a file for the database and none for its directory: what is put can be lost and
// is refused, but the new file is ours and stays.
func TestDirectoryThatCannotBeSynced(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	if err := os.Remove(filepath.Join(dir, fileName)); err != nil {
		t.Fatal(err)
	}
	restore := lastFiles(t, 1)
	for range 3 {
		if err := s.PutOverride(t.Context(), "web", override("x")); !errors.Is(err, syscall.EMFILE) {
			t.Errorf("got %v", err)
		}
	}
	restore()
	if err := s.PutOverride(t.Context(), "web", override("x")); err != nil {
		t.Fatal(err)
	}
	if s.Notice() != "" {
		t.Errorf("notice %q", s.Notice())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v, %v are left", err, left)
	}
}
