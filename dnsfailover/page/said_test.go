package page

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dnsfailover/dnsfailover/config"
)

// worldOf returns a world with sites of these names, separated by blanks; "*" has none.
func worldOf(sites ...string) *world {
	w := &world{}
	for _, names := range sites {
		s := &site{PageHost: &config.PageHost{}}
		if names != "*" {
			s.Names = strings.Fields(names)
		}
		s.label = label(s.PageHost)
		w.sites = append(w.sites, s)
	}
	return w
}

// siteOf returns the site with that name; nil if there is none.
func (w *world) siteOf(name string) *site {
	for _, s := range w.sites {
		if slices.Contains(s.known(), name) {
			return s
		}
	}
	return nil
}

// TestOrdersFollowNames through configurations in which hosts are reordered, split, merged, taken away and given back. After each step, what
// holds for which names is read back from the disk.
func TestOrdersFollowNames(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	for _, step := range []struct {
		what  string
		world *world
		say   string // MODE NAME, of the site that has it
		want  string // for the names a, b, c and *
		lost  string // the first names of orphans
	}{
		{"one host is stopped", worldOf("a b", "*"), "stop a", "stop stop - -", ""},
		{"its names are reordered", worldOf("b a", "*"), "", "stop stop - -", ""},
		{"others have an order of their own", worldOf("b a", "*"), "pause *", "stop stop - pause", ""},
		{"it is split", worldOf("a", "b", "*"), "", "stop stop - pause", ""},
		{"and one part told otherwise", worldOf("a", "b", "*"), "resume a", "resume stop - pause", ""},
		{"it is merged: the newer order holds", worldOf("b a c", "*"), "", "resume resume resume pause", ""},
		{"a name is taken away", worldOf("b c", "*"), "", "- stop stop pause", "a"},
		{"what is said now is about what is there", worldOf("b c", "*"), "stop c", "- stop stop pause", "a"},
		{"all are taken away", worldOf("*"), "", "- - - pause", "a b"},
		{"one is given back", worldOf("c", "*"), "", "- - stop pause", "a"},
		{"and forgotten, which is for all names that it had", worldOf("c", "*"), "forget c", "- - - pause", "a"},
		{"the orphan is forgotten", worldOf("c", "*"), "forget a", "- - - pause", ""},
		{"others are forgotten", worldOf("a b c", "*"), "forget *", "- - - -", ""},
	} {
		now = now.Add(time.Minute)
		s, err := recall(dir, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if mode, name, ok := strings.Cut(step.say, " "); ok {
			names := []string{name}
			if site := step.world.siteOf(name); site != nil {
				names = site.known()
			}
			o := &order{Mode: mode, Since: now}
			if mode == "forget" {
				o = nil
			}
			if err := s.say(step.world, o, now, names...); err != nil {
				t.Fatal(err)
			}
			if s, err = recall(dir, slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
		}
		var got, lost []string
		for _, name := range []string{"a", "b", "c", "*"} {
			mode := "-"
			if site := step.world.siteOf(name); site != nil {
				if o, ok := s.of(now, site.known()...); ok {
					mode = o.Mode
				}
			}
			got = append(got, mode)
		}
		for _, name := range []string{"a", "b", "c"} {
			if o, ok := s.orphan(step.world, name, now); ok && o.Names[0] == name {
				lost = append(lost, name)
			}
		}
		if g, l := strings.Join(got, " "), strings.Join(lost, " "); g != step.want || l != step.lost {
			t.Errorf("%s: %s (lost: %s), want %s (%s)", step.what, g, l, step.want, step.lost)
		}
	}
}

// TestAnOrderThatIsOverGivesWay to an older one that isn't, and to none.
func TestAnOrderThatIsOverGivesWay(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	end := now.Add(time.Hour)
	s := &said{orders: []order{{Mode: "stop", Names: []string{"a"}, Since: now}, {Mode: "pause", Names: []string{"b"}, Since: now.Add(1), Until: &end}}}
	for at, want := range map[time.Time]string{end.Add(-1): "pause", end: "stop"} {
		if o, ok := s.of(at, "a", "b"); !ok || o.Mode != want {
			t.Errorf("%v: %+v, want %s", at, o, want)
		}
	}
	if o, ok := s.of(end, "b"); ok {
		t.Errorf("%+v holds on", o)
	}
}

// TestOrdersOfBeforeHaveTheirLabelOnly: so they were kept in former versions.
func TestOrdersOfBeforeHaveTheirLabelOnly(t *testing.T) {
	dir := t.TempDir()
	text := fmt.Sprintf(`{"a": {"mode": "stop", "author": "ann", "since": %q}}`, "2030-01-01T00:00:00Z")
	if err := os.WriteFile(filepath.Join(dir, stateName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := recall(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := s.of(time.Now(), "b", "a"); !ok || o.Author != "ann" {
		t.Errorf("%+v", o)
	}
}
