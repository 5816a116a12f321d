package state

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/vault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// when is an instant as it is stored.
var when = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

func override(target string) Override {
	return Override{Target: target, Since: when, Until: when.Add(time.Hour), Reason: "patches", Author: "alice"}
}

func check(v checks.Verdict) Check {
	return Check{"tcp 192.0.2.1:443", checks.State{Verdict: v, Since: when, Run: 3, RunOK: v == checks.Up}, when}
}

// openIn opens the store in dir and closes it with the test.
func openIn(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{Log: slog.New(slog.DiscardHandler), MaxAge: 15 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// fill opens a store in dir, puts things into it and closes it.
func fill(t testing.TB, dir string) Contents {
	t.Helper()
	want := Contents{
		Overrides: map[string]Override{"web": override("backup"), "mail": {Target: "primary", Since: when}},
		Windows: map[string]Window{
			"w6": {Service: "web", Target: "backup", Start: when.Add(time.Hour), End: when.Add(2 * time.Hour), Since: when, Reason: "patches", Author: "alice"},
			"w7": {Service: "mail", Target: "backup", Start: when, End: when.Add(time.Second), Since: when},
		},
		LastWindow: 7,
		Selections: map[string]Selection{"web": {Auto: "primary", Target: "backup", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Since: when, Earlier: when, Edge: when.Add(time.Hour), MaxTTL: 60, Saved: when}},
		Checks:     map[string]Check{"web/primary@192.0.2.1": check(checks.Up), "web/backup@192.0.2.2": check(checks.Unknown)},
	}
	s := openIn(t, dir)
	for service, o := range want.Overrides {
		if err := s.PutOverride(t.Context(), service, o); err != nil {
			t.Fatal(err)
		}
	}
	for number, id := range []string{5: "w5", 6: "w6", 7: "w7"} {
		if id == "" {
			continue
		}
		if err := s.PutWindow(t.Context(), id, number, want.Windows[id]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.DeleteWindow(t.Context(), "w5"); err != nil {
		t.Fatal(err)
	}
	for service, sel := range want.Selections {
		s.PutSelection(service, sel)
	}
	s.PutChecks(want.Checks)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return want
}

var contents = cmp.Options{cmpopts.EquateComparable(netip.Addr{}), cmpopts.IgnoreFields(Contents{}, "Alive")}

func TestWhatWasPutIsThereAfterReopening(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "state")
	before := time.Now()
	want := fill(t, dir)
	s := openIn(t, dir)
	if diff := cmp.Diff(want, s.Contents(), contents); diff != "" {
		t.Error(diff)
	}
	if alive := s.Contents().Alive; alive.Before(before.Round(0)) || alive.After(time.Now()) {
		t.Errorf("alive at %v", alive)
	}
	if n := s.Notice(); n != "" {
		t.Errorf("notice: %s", n)
	}
	for path, mode := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, fileName): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
}

func TestOverridesAreOnTheDiskAtOnce(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	stored := func() map[string]Override {
		values, _, err := read(filepath.Join(dir, fileName))
		if err != nil {
			t.Fatal(err)
		}
		c, _ := decode(values)
		return c.Overrides
	}
	if err := s.PutOverride(t.Context(), "web", override("backup")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]Override{"web": override("backup")}, stored()); diff != "" {
		t.Error(diff)
	}
	if err := s.PutOverride(t.Context(), "web", override("primary")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]Override{"web": override("primary")}, stored()); diff != "" {
		t.Error(diff)
	}
	if err := s.DeleteOverride(t.Context(), "web"); err != nil {
		t.Fatal(err)
	}
	if got := stored(); len(got) != 0 {
		t.Errorf("still there: %v", got)
	}
	if err := s.StoreSelection(t.Context(), "web", Selection{Auto: "primary"}); err != nil {
		t.Fatal(err)
	}
}

func TestDropOverrideLeavesANewerOneAlone(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	for service, o := range map[string]Override{"old": override("a"), "new": override("b")} {
		if err := s.PutOverride(t.Context(), service, o); err != nil {
			t.Fatal(err)
		}
	}
	s.DropOverride("old", override("a"))
	s.DropOverride("new", override("a"))
	s.Close()
	if diff := cmp.Diff(map[string]Override{"new": override("b")}, openIn(t, dir).Contents().Overrides); diff != "" {
		t.Error(diff)
	}
}

func TestChecksThatAreGoneAreForgotten(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	s := openIn(t, dir)
	s.KeepChecks(func(id string) bool { return strings.Contains(id, "primary") })
	s.Close()
	if diff := cmp.Diff(map[string]Check{"web/primary@192.0.2.1": check(checks.Up)}, openIn(t, dir).Contents().Checks); diff != "" {
		t.Error(diff)
	}
}

func TestSecondInstanceIsRefused(t *testing.T) {
	dir := t.TempDir()
	first := openIn(t, dir)
	if err := first.PutOverride(t.Context(), "web", override("backup")); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(dir, fileName)) // the lock must not hang on the file
	_, err := Open(dir, Options{Log: slog.New(slog.DiscardHandler)})
	want := "the state directory is in use: another dnsfailover uses " + dir + "; stop it, or give this one a state directory of its own"
	if err == nil || err.Error() != want {
		t.Fatalf("got %v\nwant %s", err, want)
	}
	first.Close()
	openIn(t, dir)
}

func TestFileThatAnotherProcessHasOpenIsRefused(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	db, err := vault.Open(filepath.Join(dir, fileName), bucketName) // as a tool of bbolt's would, which knows no lock on the directory
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := Open(dir, Options{Log: slog.New(slog.DiscardHandler)}); !isLocked(err) {
		t.Errorf("got %v", err)
	}
}

func TestClosedStoreRefuses(t *testing.T) {
	s := openIn(t, t.TempDir())
	s.Close()
	if err := s.PutOverride(t.Context(), "web", override("backup")); err != ErrClosed {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

func TestWhoeverStopsWaitingLeavesNothingBehind(t *testing.T) {
	s := &Store{requests: make(chan request), closed: make(chan struct{})} // whose writer hangs on the disk
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.PutOverride(ctx, "web", override("backup")); err == nil {
		t.Error("stored by nobody")
	}
}

func TestUnknownFieldsAndValuesAreTolerated(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, fileName)
	db, err := vault.Create(path, bucketName, map[string][]byte{
		keyHeader:                []byte(`{"schema":1,"alive":"2026-03-01T12:00:00Z","values":5,"later":true}`),
		keyOverride + "web":      []byte(`{"target":"backup","since":"2026-03-01T12:00:00Z","ticket":"X-1"}`),
		keyOverride + "mail":     []byte(`{"target":7}`),
		keyCheck + "web/a@1":     []byte(`{"probe":"p","verdict":"sideways"}`),
		"window/1":               []byte(`{"from":"a later version"}`),
		keySelection + "a/b\x00": []byte(`{"auto":"x","target":"x","addresses":["192.0.2.1","2001:db8::1"]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	s := openIn(t, dir)
	c := s.Contents()
	if o := c.Overrides["web"]; len(c.Overrides) != 1 || o.Target != "backup" {
		t.Errorf("overrides %v", c.Overrides)
	}
	if len(c.Selections["a/b\x00"].Addresses) != 2 || len(c.Checks) != 0 {
		t.Errorf("selections %v, checks %v", c.Selections, c.Checks)
	}
	for _, want := range []string{
		`the stored override of "mail" can't be read and is left out`, `the stored check of "web/a@1" can't be read and is left out`,
	} {
		if !strings.Contains(s.Notice(), want) {
			t.Errorf("notice %q does not say: %s", s.Notice(), want)
		}
	}
	s.PutChecks(map[string]Check{"web/b@1": check(checks.Up)})
	s.Close()
	values, _, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(values["window/1"]) != `{"from":"a later version"}` || values[keyOverride+"mail"] == nil {
		t.Error("what this version does not know was not kept")
	}
}

func TestManyChecksSurvive(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	want := map[string]Check{}
	for i := range 3000 {
		want[fmt.Sprintf("service-%d/primary@192.0.2.1", i)] = check(checks.Up)
	}
	s.PutChecks(want)
	s.Close()
	s = openIn(t, dir)
	if diff := cmp.Diff(want, s.Contents().Checks); diff != "" {
		t.Error(diff)
	}
	if s.Notice() != "" {
		t.Error(s.Notice())
	}
}

// An operator extends an override while the old one expires: what is to be dropped then is not what will be there.
func TestDropOverrideLeavesAloneWhatIsOnItsWayToTheDisk(t *testing.T) {
	s := &Store{fresh: map[string]any{}, mirror: map[string][]byte{}, waiting: map[string]struct{}{}, dirty: make(chan struct{}, 1)}
	key := keyOverride + "web"
	older, newer := override("a"), override("a")
	newer.Until = newer.Until.Add(time.Hour)
	s.mirror[key] = encode(older)
	r := &request{key: key, value: encode(newer)}
	if got := s.changes(r)[key]; string(got) != string(r.value) {
		t.Fatalf("writes %s", got)
	}
	s.DropOverride("web", older) // the transaction is under way
	s.mirror[key] = r.value      // and has ended
	if changes := s.changes(nil); len(changes) != 1 || s.mirror[key] == nil {
		t.Errorf("the override that was acknowledged is deleted: %q", changes)
	}
	s.DropOverride("web", newer)
	if value, ok := s.changes(nil)[key]; !ok || value != nil || s.mirror[key] != nil {
		t.Errorf("the override that is over stays: %q", value)
	}
}

func TestNoticeTellsTheLatestOnly(t *testing.T) {
	s := &Store{}
	for i := range 20 {
		s.note(fmt.Sprint("trouble ", i))
	}
	if got, want := s.Notice(), "trouble 15; trouble 16; trouble 17; trouble 18; trouble 19"; got != want {
		t.Errorf("notice %q, wanted %q", got, want)
	}
}

func TestDroppedSelectionIsForgotten(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	s := openIn(t, dir)
	s.DropSelection("web")
	s.Close()
	if got := openIn(t, dir).Contents().Selections; len(got) != 0 {
		t.Errorf("still there: %v", got)
	}
}

func TestWindowsAreOnTheDiskAtOnceAndKeepTheirNumbers(t *testing.T) {
	dir := t.TempDir()
	s := openIn(t, dir)
	stored := func() Contents {
		t.Helper()
		values, _, err := read(filepath.Join(dir, fileName))
		if err != nil {
			t.Fatal(err)
		}
		c, _ := decode(values)
		return c
	}
	w := Window{Service: "web", Target: "backup", Start: when, End: when.Add(time.Hour), Since: when}
	if err := s.PutWindow(t.Context(), "w1", 1, w); err != nil {
		t.Fatal(err)
	}
	if got := stored(); got.Windows["w1"] != w || got.LastWindow != 1 {
		t.Errorf("stored %+v, last %d", got.Windows, got.LastWindow)
	}
	if err := s.DeleteWindow(t.Context(), "w1"); err != nil {
		t.Fatal(err)
	}
	if got := stored(); len(got.Windows) != 0 || got.LastWindow != 1 {
		t.Errorf("stored %+v, last %d", got.Windows, got.LastWindow)
	}
	if err := s.PutWindow(t.Context(), "w2", 2, w); err != nil {
		t.Fatal(err)
	}
	s.DropWindow("w2")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := stored(); len(got.Windows) != 0 || got.LastWindow != 2 {
		t.Errorf("stored %+v, last %d", got.Windows, got.LastWindow)
	}
}
