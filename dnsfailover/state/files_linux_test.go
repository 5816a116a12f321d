package state

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestDirectoryThatCannotBeSynced leaves one file that can be opened, the one of the database. The directory then can't be
// synced: what is put could be lost and is refused, but the new file is ours and stays.
func TestDirectoryThatCannotBeSynced(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	if err := os.Remove(filepath.Join(dir, fileName)); err != nil {
		t.Fatal(err)
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	limit := func(l syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
			t.Fatal(err)
		}
	}
	next, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	lower := before
	lower.Cur = uint64(next.Fd()) + 1
	limit(lower)
	for range 3 {
		if err := s.PutOverride(t.Context(), "web", override("x")); !errors.Is(err, syscall.EMFILE) {
			t.Errorf("got %v", err)
		}
	}
	limit(before)
	next.Close()
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
