package e2e

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// terminal is a command that runs on a terminal of 24 lines.
type terminal struct {
	t     *testing.T
	shown *process.Output
	keys  io.WriteCloser
	exit  chan int
}

// onTerminal runs a command line, in which dnsfailover is the binary, on a terminal of its own.
func (s *server) onTerminal(t *testing.T, line string) *terminal {
	t.Helper()
	return s.onTerminalOf(t, 80, line)
}

func (s *server) onTerminalOf(t *testing.T, width int, line string) *terminal {
	t.Helper()
	line = fmt.Sprintf("stty cols %d rows 24; exec ", width) + strings.ReplaceAll(line, "dnsfailover", binary)
	cmd := s.command(t, "script", "-qefc", line, "/dev/null")
	term := &terminal{t: t, shown: &process.Output{}, exit: make(chan int, 1)}
	cmd.Stdout, cmd.Stderr = term.shown, term.shown
	var err error
	if term.keys, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait()
		term.exit <- cmd.ProcessState.ExitCode()
	}()
	return term
}

// shows waits until something was shown, of which pattern tells.
func (term *terminal) shows(pattern string) {
	term.t.Helper()
	re := regexp.MustCompile(pattern)
	if !process.Eventually(func() bool { return re.MatchString(term.shown.String()) }) {
		term.t.Fatalf("%q is never shown in\n%q", pattern, term.shown)
	}
}

// presses types a key.
func (term *terminal) presses(key string) {
	term.t.Helper()
	if _, err := io.WriteString(term.keys, key); err != nil {
		term.t.Fatal(err)
	}
}

// ends waits for the end of the command and returns its exit code and the last thing that was shown.
func (term *terminal) ends() (code int, last string) {
	term.t.Helper()
	select {
	case code = <-term.exit:
	case <-time.After(patience):
		term.t.Fatalf("it does not end:\n%q", term.shown)
	}
	all := strings.Split(term.shown.String(), "\x1b[K")
	return code, all[len(all)-1]
}

const controlC = "\x03"

// TestWatchOnATerminal looks at a screen of its own while the world changes, and gives the terminal back.
func TestWatchOnATerminal(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup), "").startPinned()
	s.verdict("web", "primary", "up")
	term := s.onTerminal(t, "dnsfailover status --watch")
	term.shows(`^\x1b\[\?1049h\x1b\[\?25l\x1b\[H.*every second, \^C ends it`)
	term.shows(`\x1b\[1mweb: primary at `)
	term.shows(`\x1b\[1m> primary\x1b\[0m +\x1b\[32mup\x1b\[0m`)
	primary.becomes("hang")
	term.shows(`primary +\x1b\[31mdown\x1b\[0m`)
	term.shows(`\x1b\[1mweb: backup at `)
	s.Kill()
	term.shows(`no server answers on `)
	before := len(term.shown.String())
	s.start()
	s.wait("it is shown again", func() bool { return strings.Contains(term.shown.String()[before:], "web: backup at ") })
	term.presses(controlC)
	code, last := term.ends()
	if code != 0 || !strings.HasSuffix(last, "\x1b[?25h\x1b[?1049l") {
		t.Errorf("^C: exit %d, last shown %q", code, last)
	}
	noWider(t, term, 80)
}

// TestWatchOnANarrowTerminal leaves out columns, and wraps no line.
func TestWatchOnANarrowTerminal(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup), "").start()
	s.verdict("web", "primary", "up")
	term := s.onTerminalOf(t, 48, "dnsfailover status --watch")
	term.shows(`FOR\x1b\[0m( +\x1b\[2mRUN\x1b\[0m)?\x1b\[K\s+\x1b\[1m> primary`)
	term.presses(controlC)
	if code, _ := term.ends(); code != 0 || strings.Contains(term.shown.String(), "LAST RESULT") {
		t.Errorf("^C: exit %d, shown %q", code, term.shown)
	}
	noWider(t, term, 48)
}

// noWider fails if a line was shown that a terminal of that width wraps.
func noWider(t *testing.T, term *terminal, width int) {
	t.Helper()
	escapes := regexp.MustCompile(`\x1b\[[?0-9;]*[A-Za-z]`)
	for line := range strings.Lines(escapes.ReplaceAllString(strings.ReplaceAll(term.shown.String(), "\x1b[H", "\n"), "")) {
		if line = strings.TrimRight(line, "\r\n"); len(line) > width && !strings.HasSuffix(line, "^C") {
			t.Errorf("%d columns on a terminal of %d: %q", len(line), width, line)
		}
	}
}

// TestWatchInAPipe prints a line for each change.
func TestWatchInAPipe(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup), "").start()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	cmd := s.command(t, binary, "status", "--watch")
	out := &process.Output{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.wait("the state is told", func() bool { return strings.Contains(out.String(), "\n") })
	primary.becomes("stopped")
	s.wait("the failover is told", func() bool { return strings.Contains(out.String(), "serves backup") })
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("^C: %v", err)
	}
	const at = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S+ `
	matches(t, out.String(), at+`web: serves primary at \S+ \(verdicts: primary is up\)
`+at+`web: primary at \S+ is down: connection refused
`+at+`web: serves backup at \S+ \(verdicts: primary is down \(connection refused\); backup is the first target that is up\)
`)
}

// TestWaitOnATerminal draws a bar until the service is drained.
func TestWaitOnATerminal(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web("ttl: {min: 1s, max: 2s}\n    failback: {mode: auto, after: 0s}", primary, backup), "").start()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	term := s.onTerminal(t, `dnsfailover switch web backup --for 1m --reason "new disk" --wait`)
	code, last := term.ends()
	ended, drained := time.Now(), *s.service("web").DrainedAt
	if code != 0 || ended.Before(drained) || last != "safe: web serves backup at "+backup.ip+", and no correct cache holds anything else\r\n" {
		t.Errorf("exit %d, last shown %q", code, last)
	}
	term.shows(`^web: switched; serves backup at .*: new disk\r\n`)
	term.shows(`\rweb -> backup \[(\x1b\[32m#+\x1b\[0m)?\x1b\[2m\.+\x1b\[0m\] 3s left`)
	term.shows(`\rweb -> backup \[\x1b\[32m#{15,30}\x1b\[0m(\x1b\[2m\.+\x1b\[0m)?\] 1s left`)

	// Whoever is tired of waiting gets the prompt back, and the override stays.
	s.must("switch", "web", "primary", "--for", "1m")
	term = s.onTerminal(t, `dnsfailover wait web`)
	term.shows(`left`)
	term.presses(controlC)
	if code, last := term.ends(); code != 1 || last != "dnsfailover: interrupted\r\n" {
		t.Errorf("^C: exit %d, last shown %q", code, last)
	}
	term = s.onTerminal(t, `dnsfailover switch web backup --for 1m --wait`)
	term.shows(`left`)
	term.presses(controlC)
	if code, last := term.ends(); code != 1 || last != "dnsfailover: interrupted; the override to backup stays: \"dnsfailover release web\" ends it\r\n" {
		t.Errorf("^C in switch --wait: exit %d, last shown %q", code, last)
	}
	if o := s.service("web").Override; o == nil || o.Target != "backup" {
		t.Errorf("after ^C in switch --wait the override is %+v", o)
	}
	s.must("switch", "web", "primary", "--for", "1m")
	// The wait for a switch that somebody else undoes fails.
	term = s.onTerminal(t, `dnsfailover switch web backup --for 1m --wait`)
	term.shows(`left`)
	s.must("release", "web")
	if code, last := term.ends(); code != 1 || last != "dnsfailover: web serves primary and not backup any more: primary is up\r\n" {
		t.Errorf("released under way: exit %d, last shown %q", code, last)
	}
}

// TestWaitWithoutColour draws no bar where NO_COLOR asks for plain text: it prints lines, as in a pipe.
func TestWaitWithoutColour(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web("ttl: {min: 1s, max: 2s}\n    failback: {mode: auto, after: 0s}", primary, backup), "").start()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	term := s.onTerminal(t, `env NO_COLOR=1 dnsfailover switch web backup --for 1m --wait`)
	code, _ := term.ends()
	matches(t, term.shown.String(), `web: switched; serves backup at [^\x1b]*\r
web: serves backup at \S+; drained in \ds, at `+clockTime+`\r
safe: web serves backup at \S+, and no correct cache holds anything else\r
`)
	if code != 0 {
		t.Errorf("exit %d", code)
	}
}
