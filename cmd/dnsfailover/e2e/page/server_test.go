package page

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// server is a running `dnsfailover serve` with the zone example.test, in a directory of its own.
type server struct {
	*process.Process
	t     testing.TB
	dir   string
	admin string // host:port, the same after a restart
}

// zone is what the services' names lie in.
const zone = `$TTL 300
@ SOA ns1 hostmaster 1 7200 900 1209600 5
@ NS ns1
@ NS ns2
ns1 A 192.0.2.53
ns2 A 192.0.2.54
`

// newServer writes a configuration; the lines that follow "listen:" begin with its further keys.
func newServer(t testing.TB, config string, files map[string]string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), admin: freeAddress(t)}
	write(t, s.dir, "example.test.zone", zone)
	for name, text := range files {
		write(t, s.dir, name, text)
	}
	s.configure(config)
	return s
}

func (s *server) configure(config string) {
	s.t.Helper()
	write(s.t, s.dir, "dnsfailover.yaml", `state: state
zones: [{name: example.test, file: example.test.zone}]
listen:
  dns: ["127.0.0.1:0"]
  admin: `+s.admin+`
  control: control.sock
`+config)
}

// start runs the server until the test ends, and returns when it listens.
func (s *server) start() *server {
	s.t.Helper()
	cmd := exec.Command(binary, "serve", "--config", "dnsfailover.yaml")
	cmd.Dir = s.dir
	s.Process = process.Start(s.t, "the server", cmd)
	eventually(s.t, "the server listens", func() bool { return strings.Contains(s.String(), "msg=listening") || s.Ended() })
	if s.Ended() {
		s.t.Fatalf("the server ended:\n%s", s)
	}
	return s
}

// must runs a client command against the server, which has to succeed, and returns what it printed.
func (s *server) must(args ...string) string {
	s.t.Helper()
	out, code := s.cli(args...)
	if code != 0 {
		s.t.Fatalf("dnsfailover %s: exit %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// cli runs a client command against the server, in its directory.
func (s *server) cli(args ...string) (out string, code int) {
	s.t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir = s.dir
	cmd.Env = append(cmd.Environ(), "DNSFAILOVER_SOCKET="+filepath.Join(s.dir, "control.sock"))
	var both bytes.Buffer
	cmd.Stdout, cmd.Stderr = &both, &both
	_ = cmd.Run()
	return both.String(), cmd.ProcessState.ExitCode()
}
