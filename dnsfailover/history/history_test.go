package history

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/vault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openIn(t testing.TB, dir string, limits ...Limits) *History {
	t.Helper()
	opt := Options{Log: slog.New(slog.DiscardHandler), Limits: DefaultLimits}
	if len(limits) > 0 {
		opt.Limits = limits[0]
	}
	h := Open(dir, opt)
	t.Cleanup(h.Close)
	return h
}

func event(kind, service, text string) api.Event {
	return api.Event{Time: time.Now().UTC(), Kind: kind, Service: service, Text: text}
}

// texts returns those of all events that the history has.
func texts(t testing.TB, h *History) []string {
	t.Helper()
	var out []string
	for _, e := range all(t, h, api.HistoryQuery{}) {
		out = append(out, e.Text)
	}
	return out
}

// all pages through what q asks for.
func all(t testing.TB, h *History, q api.HistoryQuery) (out []api.Event) {
	t.Helper()
	q.After, q.Limit = max(q.After, 1), 7
	for {
		events, more, err := h.Query(q)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, events...)
		if !more {
			return out
		}
		q.After = events[len(events)-1].ID
	}
}

func same(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhatIsSyncedIsOnTheDisk(t *testing.T) {
	dir := t.TempDir()
	h := openIn(t, dir)
	serving := "primary"
	e := event(api.EventSwitch, "web", "one")
	e.Author, e.Before = "ann", &api.Facts{Serving: &serving, Answers: []string{"192.0.2.1"}}
	h.Add([]api.Event{e})
	h.Sync(t.Context())
	h.Add([]api.Event{event(api.EventVerdict, "web", "not waited for")})
	// What a crash would leave behind.
	data, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, fileName), data, 0o600); err != nil {
		t.Fatal(err)
	}
	found := all(t, openIn(t, other), api.HistoryQuery{Kinds: []string{api.EventSwitch}})
	if len(found) != 1 || found[0].Author != "ann" || *found[0].Before.Serving != "primary" || !found[0].Time.Equal(e.Time) || found[0].ID == 0 {
		t.Errorf("found %+v", found)
	}
	same(t, texts(t, h), "one", "not waited for")
	h.Close()
	same(t, texts(t, openIn(t, dir)), "one", "not waited for")
}

// TestIDsGrow also if the clock is set back between two lives, or over one's own.
func TestIDsGrow(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { // whose clock begins in 2000
		time.Sleep(365 * 24 * time.Hour)
		h := openIn(t, dir)
		h.Add([]api.Event{event(api.EventSwitch, "web", "later")})
		h.Close()
	})
	synctest.Test(t, func(t *testing.T) {
		h := openIn(t, dir)
		list := h.Add([]api.Event{event(api.EventSwitch, "web", "a"), event(api.EventVerdict, "web", "b")})
		if list[0].ID >= list[1].ID {
			t.Errorf("IDs %d and %d", list[0].ID, list[1].ID)
		}
		same(t, texts(t, h), "later", "a", "b")
	})
}

// TestAFlappingCheckPushesNothingOut fills the class of verdicts, and only that.
func TestAFlappingCheckPushesNothingOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openIn(t, t.TempDir(), Limits{Age: time.Hour, Actions: 3, Changes: 3, Verdicts: 50})
		h.Add([]api.Event{event(api.EventSwitch, "web", "switched"), event(api.EventSelection, "web", "selected")})
		for i := range 300 {
			h.Add([]api.Event{event(api.EventVerdict, "web", fmt.Sprint(i))})
			if i%20 == 0 {
				h.Sync(t.Context())
			}
		}
		h.Sync(t.Context())
		got := texts(t, h)
		if len(got) != 52 || got[0] != "switched" || got[1] != "selected" || got[2] != "250" || got[51] != "299" {
			t.Errorf("%d events: %q", len(got), got)
		}
		time.Sleep(2 * time.Hour)
		h.Add([]api.Event{event(api.EventRelease, "web", "new")})
		h.Sync(t.Context())
		same(t, texts(t, h), "new")
	})
}

// TestQueriesAgreeWithAModel asks at random.
func TestQueriesAgreeWithAModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp("", "history")
		if err != nil {
			r.Fatal(err)
		}
		defer os.RemoveAll(dir)
		h := openIn(t, dir)
		defer h.Close()
		kinds := []string{api.EventSwitch, api.EventSelection, api.EventVerdict, api.EventReload}
		services := []string{"web", "api", "we"}
		var model []api.Event
		for range rapid.IntRange(0, 40).Draw(r, "events") {
			model = append(model, h.Add([]api.Event{event(rapid.SampledFrom(kinds).Draw(r, "kind"), rapid.SampledFrom(services).Draw(r, "service"), "x")})...)
			if rapid.IntRange(0, 9).Draw(r, "sync") == 0 {
				h.Sync(context.Background())
			}
		}
		pick := func(name string) api.Event {
			if len(model) == 0 {
				return event("", "", "")
			}
			return rapid.SampledFrom(model).Draw(r, name)
		}
		q := api.HistoryQuery{Limit: rapid.IntRange(1, 50).Draw(r, "limit")}
		if rapid.Bool().Draw(r, "by service") {
			q.Service = rapid.SampledFrom(services).Draw(r, "service")
		}
		if rapid.Bool().Draw(r, "by kind") {
			q.Kinds = rapid.SliceOfN(rapid.SampledFrom(kinds), 1, 2).Draw(r, "kinds")
		}
		if rapid.Bool().Draw(r, "by since") {
			q.Since = pick("since").Time
		}
		if rapid.Bool().Draw(r, "by until") {
			q.Until = pick("until").Time
		}
		if rapid.Bool().Draw(r, "by after") {
			q.After = pick("after").ID
		}
		want := slices.DeleteFunc(slices.Clone(model), func(e api.Event) bool { return e.ID <= q.After || !wanted(q, e) })
		wantMore := len(want) > q.Limit
		switch {
		case wantMore && (q.After > 0 || !q.Since.IsZero()):
			want = want[:q.Limit]
		case wantMore:
			want = want[len(want)-q.Limit:]
		}
		got, more, err := h.Query(q)
		if err != nil || more != wantMore || !slices.EqualFunc(got, want, func(a, b api.Event) bool { return a.ID == b.ID && a.Kind == b.Kind }) {
			r.Fatalf("%+v: %v, more %t\ngot  %v\nwant %v", q, err, more, got, want)
		}
	})
}

// TestDamageIsSurvived opens histories over files that were cut off or have bits flipped: they work, no event is made up, and what
// was lost is told.
func TestDamageIsSurvived(t *testing.T) {
	dir := t.TempDir()
	h := openIn(t, dir)
	var want []string
	for i := range 300 {
		want = append(want, fmt.Sprint("event ", i))
		h.Add([]api.Event{event(api.EventVerdict, "web", want[i])})
	}
	h.Close()
	data, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, data []byte) {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, fileName), data, 0o600); err != nil {
			t.Fatal(err)
		}
		h := openIn(t, dir)
		got := texts(t, h)
		for _, text := range got {
			if !slices.Contains(want, text) {
				t.Errorf("%s: %q was made up", what, text)
			}
		}
		aside, _ := filepath.Glob(filepath.Join(dir, fileName+".damaged-*"))
		if notice := h.Notice(); len(got) < len(want) && (!strings.Contains(notice, "a new file holds what was whole") || len(aside) != 1) {
			t.Errorf("%s: %d of %d events are left, the notice is %q, aside are %q", what, len(got), len(want), notice, aside)
		}
		h.Add([]api.Event{event(api.EventSwitch, "web", "new")})
		h.Sync(t.Context())
		h.Close()
		if got := texts(t, openIn(t, dir)); got[len(got)-1] != "new" {
			t.Errorf("%s: what came after is not kept", what)
		}
	}
	for n := 0; n < len(data); n += 4999 {
		try(fmt.Sprint("cut off at ", n), data[:n])
	}
	for at := 7; at < len(data)*8; at += 39_983 {
		bad := slices.Clone(data)
		bad[at/8] ^= 1 << (at % 8)
		try(fmt.Sprint("bit ", at), bad)
	}
	other := t.TempDir()
	f, err := vault.Create(filepath.Join(other, "x"), bucketName, map[string][]byte{keySchema: []byte("2")})
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if data, err = os.ReadFile(filepath.Join(other, "x")); err != nil {
		t.Fatal(err)
	}
	try("another schema", data)
}

// TestAFileThatGoesAwayIsBegunAnew removes it, and puts another in its place, while it is in use.
func TestAFileThatGoesAwayIsBegunAnew(t *testing.T) {
	for name, harm := range map[string]func(path string) error{
		"removed":  os.Remove,
		"replaced": func(path string) error { return cmp.Or(os.Remove(path), os.WriteFile(path, []byte("text"), 0o600)) },
		"a folder": func(path string) error { return cmp.Or(os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			h := openIn(t, dir)
			h.Add([]api.Event{event(api.EventSwitch, "web", "old")})
			h.Sync(t.Context())
			if err := harm(h.path); err != nil {
				t.Fatal(err)
			}
			h.Add([]api.Event{event(api.EventSwitch, "web", "new")})
			h.Sync(t.Context())
			if !strings.Contains(h.Notice(), "was removed or replaced while the server ran") {
				t.Errorf("the notice is %q", h.Notice())
			}
			h.Close()
			same(t, texts(t, openIn(t, dir)), "new")
		})
	}
}

// TestWithoutADiskItWaitsInMemory has a directory that can't be used, and then can.
func TestWithoutADiskItWaitsInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		h := openIn(t, dir)
		h.Add([]api.Event{event(api.EventSwitch, "web", "one")})
		h.Sync(t.Context()) // returns though nothing is written
		same(t, texts(t, h), "one")
		for _, want := range []string{"the history can't be saved in " + h.path + ": not a directory", "1 events wait in memory"} {
			if !strings.Contains(h.Notice(), want) {
				t.Errorf("the notice is %q, without %q", h.Notice(), want)
			}
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * vault.MaxPause)
		if n := h.Notice(); n != "" {
			t.Errorf("the disk is back, and the notice is %q", n)
		}
		h.Close()
		same(t, texts(t, openIn(t, dir)), "one")
	})
}

// TestMemoryIsBounded has far more verdicts than there is room for; what operators did stays.
func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		h := openIn(t, dir)
		h.Add([]api.Event{event(api.EventSwitch, "web", "kept")})
		for i := range 3 * maxPending {
			h.Add([]api.Event{event(api.EventVerdict, "web", fmt.Sprint(i))})
		}
		s := h.Stats()
		if s.Pending > maxPending || s.Pending < maxPending/2 || int(s.Dropped)+s.Pending != 3*maxPending+1 {
			t.Errorf("%+v", s)
		}
		if got := h.unwritten(); got[0].Text != "kept" || got[len(got)-1].Text != fmt.Sprint(3*maxPending-1) {
			t.Errorf("from %q to %q", got[0].Text, got[len(got)-1].Text)
		}
	})
}

// TestASlowDiskHoldsNobodyUpForLong: whoever waits for the disk goes on after a while.
func TestASlowDiskHoldsNobodyUpForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &History{log: slog.New(slog.DiscardHandler), wake: make(chan struct{}, 1), closed: make(chan struct{})} // whose writer hangs
		h.Add([]api.Event{event(api.EventSwitch, "web", "one")})
		begin := time.Now()
		h.Sync(t.Context())
		if took := time.Since(begin); took != patience {
			t.Errorf("it took %v", took)
		}
	})
}
