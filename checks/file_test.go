package checks

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFileProbe(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path(name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	write("good", "up: 3 workers\nmore\n", 5*time.Second)
	write("old", "up\n", 2*time.Minute)
	write("future", "up\n", -2*time.Minute)
	write("soon", "up\n", -2*time.Second)
	write("down", "\n down: \x1b[31mdatabase\n", time.Second)
	write("empty", "", time.Second)
	write("big", strings.Repeat("x", maxFile)+"up", time.Second)
	if err := syscall.Mkfifo(path("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", path("dangling")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, expect string
		ok           bool
		want         string
	}{
		{"good", "up", true, "written 5s ago: up: 3 workers"},
		{"good", "", true, "written 5s ago: up: 3 workers"},
		{"old", "up", false, "written 2m0s ago, wanted 1m0s at most: up"},
		{"future", "up", false, "its time lies 2m0s in the future: a clock is wrong"},
		{"soon", "up", true, "written 0s ago: up"},
		{"down", "up", false, `does not contain "up": down: ?[31mdatabase`},
		{"empty", "", true, "written 1s ago"},
		{"empty", "up", false, `does not contain "up"`},
		{"big", "up", false, `does not contain "up": xxxx`},
		{"none", "", false, "there is no file " + path("none")},
		{"dangling", "", false, "there is no file " + path("dangling")},
		{"fifo", "", false, path("fifo") + " can't be read: it is not a plain file"},
		{".", "", false, dir + " can't be read: it is not a plain file"},
	} {
		t.Run(test.name+" "+test.expect, func(t *testing.T) {
			p := &FileProbe{Path: path(test.name), MaxAge: time.Minute, Expect: test.expect}
			if r := run(t, p, patience); r.OK != test.ok || !strings.HasPrefix(r.Reason, test.want) || r.Inconclusive {
				t.Errorf("got %+v\nwant %v, %q", r, test.ok, test.want)
			}
		})
	}
	if got, want := (&FileProbe{Path: "/run/x", MaxAge: time.Minute, Expect: "up"}).String(), `file /run/x, max age 1m0s, expects "up"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A file system that never answers holds up one read, not one for each probe.
func TestAFileSystemThatHangs(t *testing.T) {
	p := &FileProbe{Path: "/", MaxAge: time.Minute}
	p.reading.Store(true)
	if r := run(t, p, patience); !r.Inconclusive || r.Reason != "the file system has not answered the last time either" {
		t.Errorf("%+v", r)
	}
}
