package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dnsfailover/checks"
)

// mount gives the test a small disk of its own, which can be full and be made read-only. That takes root;
// nothing short of a real filesystem fails the way bbolt sees it fail, in the middle of growing or syncing its file.
func mount(t *testing.T, options string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("mounting a disk takes root, which CI has to give")
		}
		t.Skip("mounting a disk takes root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func remount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, ""); err != nil {
		t.Fatal(err)
	}
}

// fillUp takes all space that is left on the disk, and returns a function that gives it back.
func fillUp(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	f.Close()
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// putMany needs more space than a file that was just created has.
func putMany(s *Store) map[string]Check {
	many := map[string]Check{}
	for i := range 500 {
		many[strings.Repeat("x", 100)+string(rune('a'+i%26))+string(rune('a'+i/26))] = check(checks.Up)
	}
	s.PutChecks(many)
	return many
}

func TestFullDiskRefusesOverridesAndRecoversWithoutRestart(t *testing.T) {
	dir := mount(t, "size=1m")
	want := fill(t, dir)
	s := openIn(t, dir)
	free := fillUp(t, dir)
	for id, c := range putMany(s) {
		want.Checks[id] = c
	}
	err := s.PutOverride(t.Context(), "api", override("x"))
	if err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(s.Notice(), "no space left on device; overrides are refused") {
		t.Errorf("notice %q", s.Notice())
	}
	if values, _, err := read(filepath.Join(dir, fileName)); err != nil || values[keyOverride+"api"] != nil || values[keyOverride+"web"] == nil {
		t.Errorf("on the full disk: %v, %d values", err, len(values))
	}
	free()
	if err := s.DeleteOverride(t.Context(), "mail"); err != nil {
		t.Fatal(err)
	}
	delete(want.Overrides, "mail")
	if s.Notice() != "" {
		t.Errorf("notice %q", s.Notice())
	}
	s.Close()
	if diff := cmp.Diff(want, openIn(t, dir).Contents(), contents); diff != "" {
		t.Error(diff)
	}
}

func TestDiskThatIsFullAtTheStart(t *testing.T) {
	dir := mount(t, "size=64k")
	free := fillUp(t, dir)
	s := openIn(t, dir)
	if err := s.PutOverride(t.Context(), "web", override("x")); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v", err)
	}
	free()
	if err := s.PutOverride(t.Context(), "web", override("x")); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = openIn(t, dir)
	if len(s.Contents().Overrides) != 1 || s.Notice() != "" {
		t.Errorf("%v, %q", s.Contents(), s.Notice())
	}
}

func TestNoInodesLeft(t *testing.T) {
	dir := mount(t, "size=1m,nr_inodes=2")
	if err := os.WriteFile(filepath.Join(dir, "last"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openIn(t, dir)
	if err := s.PutOverride(t.Context(), "web", override("x")); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v", err)
	}
	if s.Notice() == "" {
		t.Error("no notice")
	}
}

func TestReadOnlyDiskIsReadAndWrittenOnceItCanBe(t *testing.T) {
	dir := mount(t, "size=1m")
	want := fill(t, dir)
	remount(t, dir, syscall.MS_RDONLY)
	s := openIn(t, dir)
	if diff := cmp.Diff(want, s.Contents(), contents); diff != "" {
		t.Error(diff)
	}
	if err := s.PutOverride(t.Context(), "api", override("x")); !errors.Is(err, syscall.EROFS) {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(s.Notice(), "read-only file system") {
		t.Errorf("notice %q", s.Notice())
	}
	remount(t, dir, 0)
	want.Overrides["api"] = override("x")
	if err := s.PutOverride(t.Context(), "api", override("x")); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if diff := cmp.Diff(want, openIn(t, dir).Contents(), contents); diff != "" {
		t.Error(diff)
	}
}

func TestDamagedFileOnAReadOnlyDisk(t *testing.T) {
	dir := mount(t, "size=1m")
	want := fill(t, dir)
	path := filepath.Join(dir, fileName)
	if err := os.Truncate(path, 5*int64(os.Getpagesize())+17); err != nil {
		t.Fatal(err)
	}
	remount(t, dir, syscall.MS_RDONLY)
	s := openIn(t, dir)
	for range 3 { // one sentence, however often it is tried
		if err := s.PutOverride(t.Context(), "api", override("x")); !errors.Is(err, syscall.EROFS) {
			t.Fatalf("got %v", err)
		}
	}
	if n := s.Notice(); strings.Count(n, "can't be used") != 1 {
		t.Errorf("notice %q", n)
	}
	remount(t, dir, 0)
	if err := s.PutOverride(t.Context(), "api", override("x")); err != nil {
		t.Fatal(err)
	}
	if n := s.Notice(); strings.Count(n, "could not be used") != 1 {
		t.Errorf("notice %q", n)
	}
	for service, o := range s.Contents().Overrides {
		if o != want.Overrides[service] {
			t.Errorf("override of %q: %v", service, o)
		}
	}
}

func TestFIFOInPlaceOfTheFileDoesNotHang(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, fileName), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openIn(t, dir)
	if err := s.PutOverride(t.Context(), "web", override("x")); err != nil {
		t.Error(err)
	}
}
