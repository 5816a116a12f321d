package accesslog

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var entry = Entry{
	Time: time.Date(2030, 1, 31, 6, 0, 0, 0, time.UTC), Client: netip.MustParseAddr("2001:db8::1"), Method: "GET", Target: "/a\"b\x01\xff", Proto: "HTTP/1.1",
	Host: "www.example.com", Agent: "curl/8\\", Status: 503, Bytes: 71, Form: "text", Took: 1500 * time.Microsecond,
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCombined(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	l, err := Open(path, false, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l.Add(&entry)
	l.Close()
	want := `2001:db8::1 - - [31/Jan/2030:06:00:00 +0000] "GET /a\"b\x01\xff HTTP/1.1" 503 71 "-" "curl/8\\"` + "\n"
	if got := read(t, path); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	l, err := Open(path, true, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l.Add(&entry)
	l.Add(&entry)
	l.Close()
	lines := strings.Split(strings.TrimSpace(read(t, path)), "\n")
	var got map[string]any
	if err := json.Unmarshal([]byte(lines[1]), &got); err != nil || len(lines) != 2 {
		t.Fatal(err, lines)
	}
	for key, want := range map[string]any{"time": "2030-01-31T06:00:00Z", "client": "2001:db8::1", "status": 503.0, "bytes": 71.0, "form": "text", "took_ms": 1.5, "host": "www.example.com", "target": `/a\"b\x01\xff`} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
}

func TestAFileThatWasMovedAwayIsOpenedAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	l, err := Open(path, false, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l.Add(&entry)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	l.Reopen()
	for len(l.reopen) > 0 {
		runtime.Gosched()
	}
	l.Close()
	if read(t, path+".1") == "" {
		t.Error("the first line is not in the file that was moved")
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestWhatIsTooMuchIsLostAndCounted(t *testing.T) {
	l := &Log{kick: make(chan struct{}, 1)} // nobody writes
	for range 100_000 {
		l.Add(&entry)
	}
	if l.lost == 0 || len(l.lines) > most+soon {
		t.Errorf("%d octets, %d lost", len(l.lines), l.lost)
	}
	var off *Log
	off.Add(&entry)
	off.Reopen()
	off.Close()
}

// TestOctetsThatCouldBreakALine: each of them is escaped, and nothing else.
func TestOctetsThatCouldBreakALine(t *testing.T) {
	for c := range 256 {
		want := fmt.Sprintf(`\x%02x`, c)
		switch {
		case c == '"' || c == '\\':
			want = `\` + string(rune(c))
		case c >= ' ' && c < 0x7f:
			want = string(rune(c))
		}
		if got := string(quoted(nil, string([]byte{byte(c)}))); got != want {
			t.Errorf("%#x is written as %s, not %s", c, got, want)
		}
	}
}

// BenchmarkAdd adds lines of a plain request, and of one whose sender wants its line to be work.
func BenchmarkAdd(b *testing.B) {
	hostile := entry
	hostile.Agent = strings.Repeat("\xff", 3900)
	for name, e := range map[string]*Entry{"plain": &entry, "hostile": &hostile} {
		for format, asJSON := range map[string]bool{"combined": false, "json": true} {
			b.Run(name+"/"+format, func(b *testing.B) {
				l := &Log{json: asJSON, kick: make(chan struct{}, 1)}
				b.ReportAllocs()
				for b.Loop() {
					l.lines = l.lines[:0]
					l.Add(e)
				}
			})
		}
	}
}
