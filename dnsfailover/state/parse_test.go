package state

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/vault"
)

func isLocked(err error) bool { return errors.Is(err, ErrLocked) }

// big fills a store so that its file has branch pages and a list of free pages, and returns the file.
func big(t testing.TB) (data []byte, want Contents) {
	t.Helper()
	dir := t.TempDir()
	want = fill(t, dir)
	for range 3 {
		s := openIn(t, dir)
		for i := range 60 {
			id := fmt.Sprintf("service-%d/primary@192.0.2.1", i)
			want.Checks[id] = check(checks.Down)
		}
		s.PutChecks(want.Checks)
		s.Close()
	}
	data, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	return data, want
}

// survives opens a store over data and checks what must hold whatever data is: the store opens and works, every override
// is what it was or the notice tells, and the damaged file is kept.
func survives(t *testing.T, data []byte, want Contents, what string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, fileName), data, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openIn(t, dir)
	c, notice := s.Contents(), s.Notice()
	for service, o := range c.Overrides {
		if o != want.Overrides[service] {
			t.Errorf("%s: the override of %q was made up: %v", what, service, o)
		}
	}
	for id, c := range c.Checks {
		if c != want.Checks[id] {
			t.Errorf("%s: the check %q was made up: %v", what, id, c)
		}
	}
	whole := len(c.Overrides) == len(want.Overrides) && len(c.Checks) == len(want.Checks) && len(c.Selections) == len(want.Selections)
	if !whole && notice == "" {
		t.Errorf("%s: lost without a word: %d overrides, %d selections, %d checks", what, len(c.Overrides), len(c.Selections), len(c.Checks))
	}
	aside, _ := filepath.Glob(filepath.Join(dir, fileName+".damaged-*"))
	if (notice != "") != (len(aside) == 1) {
		t.Errorf("%s: notice %q, moved aside: %v", what, notice, aside)
	}
	if err := s.PutOverride(t.Context(), "web", override("x")); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if values, _, err := read(filepath.Join(dir, fileName)); err != nil || len(values) < len(c.Overrides)+len(c.Checks) {
		t.Errorf("%s: afterwards %d values, %v", what, len(values), err)
	}
}

func TestTruncatedFileIsSurvived(t *testing.T) {
	data, want := big(t)
	for n := 0; n < len(data); n += 2039 {
		survives(t, data[:n], want, fmt.Sprintf("cut off at %d", n))
	}
	for n := 0; n < 140; n += 9 { // through the first root
		survives(t, data[:n], want, fmt.Sprintf("cut off at %d", n))
	}
}

func TestFlippedBitsAreSurvived(t *testing.T) {
	data, want := big(t)
	random := rand.New(rand.NewPCG(1, 2))
	for range 80 {
		bad := append([]byte(nil), data...)
		at := random.IntN(len(bad) * 8)
		bad[at/8] ^= 1 << (at % 8)
		survives(t, bad, want, fmt.Sprintf("bit %d flipped", at))
	}
	for i := range 20 {
		bad := append([]byte(nil), data...)
		for range 20 {
			at := random.IntN(len(bad))
			bad[at] = byte(random.Uint32())
		}
		survives(t, bad, want, fmt.Sprintf("garbage %d", i))
	}
}

// TestNoFlippedBitGoesUnnoticedIfItLosesAnything flips each bit of the headers of all pages, where bbolt would trust
// them, and many of the rest.
func TestNoFlippedBitGoesUnnoticedIfItLosesAnything(t *testing.T) {
	data, _ := big(t)
	examine := func() (map[string][]byte, *vault.Unusable) { return judge(vault.Examine(data, bucketName)) }
	want, wrong := examine()
	if wrong != nil {
		t.Fatal(wrong)
	}
	pageSize := os.Getpagesize()
	for at := range len(data) * 8 {
		if offset := at / 8 % pageSize; offset > 96 && at%997 != 0 {
			continue
		}
		data[at/8] ^= 1 << (at % 8)
		// A root that is damaged gives way to the one before, which lacks the last transaction: as after a crash.
		got, wrong := examine()
		if root := at/8 < 2*pageSize; wrong == nil && !root && !maps.EqualFunc(want, got, bytes.Equal) {
			t.Errorf("bit %d: the values have changed without a word", at)
		}
		data[at/8] ^= 1 << (at % 8)
	}
}

func TestWhatIsNoFileOfOursIsMovedAside(t *testing.T) {
	for name, c := range map[string]struct {
		put  func(path string) error
		want string
	}{
		"an empty file":  {func(p string) error { return os.WriteFile(p, nil, 0o600) }, "it has no valid root"},
		"text":           {func(p string) error { return os.WriteFile(p, []byte(strings.Repeat("hello ", 9999)), 0o600) }, "it has no valid root"},
		"a directory":    {func(p string) error { return os.MkdirAll(filepath.Join(p, "x"), 0o700) }, "it is not a regular file"},
		"a gigabyte":     {func(p string) error { return errors.Join(os.WriteFile(p, nil, 0o600), os.Truncate(p, 1<<30)) }, "it has 1073741824 octets"},
		"another schema": {func(p string) error { return fresh(p, map[string][]byte{keyHeader: []byte(`{"schema":9}`)}) }, "it has schema 9, and this version reads 1"},
		"no header":      {func(p string) error { return fresh(p, map[string][]byte{"override/web": []byte(`{"target":"a"}`)}) }, "it has no header"},
		"a lost override": {func(p string) error {
			return fresh(p, map[string][]byte{keyHeader: []byte(`{"schema":1,"values":1}`)})
		}, "it holds 0 values of 1"},
		"another's buckets": {otherBuckets, `there is an unknown bucket "history"`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := c.put(filepath.Join(dir, fileName)); err != nil {
				t.Fatal(err)
			}
			s := openIn(t, dir)
			if !strings.Contains(s.Notice(), c.want) {
				t.Errorf("notice %q, wanted %q", s.Notice(), c.want)
			}
			if err := s.PutOverride(t.Context(), "web", override("backup")); err != nil {
				t.Error(err)
			}
			aside, _ := filepath.Glob(filepath.Join(dir, fileName+".damaged-*"))
			if len(aside) != 1 {
				t.Errorf("moved aside: %v", aside)
			}
			s.Close()
			if n := openIn(t, dir).Notice(); n != "" {
				t.Errorf("the next start still says %q", n)
			}
		})
	}
}

func fresh(path string, values map[string][]byte) error {
	db, err := vault.Create(path, bucketName, values)
	if err != nil {
		return err
	}
	return db.Close()
}

func otherBuckets(path string) error {
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	return errors.Join(db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("history"))
		return err
	}), db.Close())
}
