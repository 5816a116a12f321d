package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestFlood69Panic runs a server that was built to panic when somebody asks for a name that begins with "fault". Each costs that one query,
// over UDP and TCP, also when they come by the thousand; the counter tells, and the log does in a few lines.
func TestFlood69Panic(t *testing.T) {
	s := newServer(t, nobodyExempt+twoTargets, "")
	s.wrap = []string{"sh", "-c", `shift && exec "$0" "$@"`, faulty(t)}
	s.start()
	fault := packed(t, "fault.example.test", dns.TypeA)
	overTCP, err := dialFrom("127.98.0.2", s.dns)
	if err != nil {
		t.Fatal(err)
	}
	defer overTCP.Close()
	good := packed(t, "www.example.test", dns.TypeA)
	if _, err := overTCP.Write(append(framed(fault), framed(good)...)); err != nil {
		t.Fatal(err)
	}
	if !answersOver(&dns.Conn{Conn: overTCP}) {
		t.Error("the query behind the one that panics is lost over TCP")
	}
	g := s.newGoodClient("127.99.0.6")
	f := newFlooder(t, s.dns, networks(20)...)
	const faults = 20_000
	f.send(t, faults, 20, func(packet []byte) int { return copy(packet, fault) })
	counted := func() float64 { return sum(s.series(), "dnsfailover_panics_total") }
	s.wait("all panics are counted", func() bool { return counted() >= faults+1 })
	g.stop()
	lines := strings.Count(s.String(), `msg="query lost to a panic"`)
	t.Logf("%v panics, %d lines of log; a good client: %v", counted(), lines, g)
	if lines == 0 || lines > 3*30 || counted() != faults+1 {
		t.Errorf("%v panics, %d lines of log", counted(), lines)
	}
	mentions(t, "the log", s.String(), `panic="fault 69"`, "suppressed=", "transport=tcp", "transport=udp", "stack=")
	g.served(t)
	if s.Ended() {
		t.Error("the server has ended")
	}
}

// faulty builds the server with a line that panics where queries are answered, and returns its path. The source stays as it is.
func faulty(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../../dnsfailover/server/engine.go")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const place = "n := r.Respond("
	if strings.Count(string(source), place) != 1 {
		t.Fatalf("%s has not one %q: the fault can't be put there", path, place)
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{path: at("engine.go")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"engine.go":    strings.Replace(string(source), place, `if len(p.query) > 18 && string(p.query[12:18]) == "\x05fault" { panic("fault 69") }; `+place, 1),
		"overlay.json": string(overlay),
	} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("go", "build", "-overlay", at("overlay.json"), "-o", at("faulty"), "..").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return at("faulty")
}
