package e2e

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) { process.Main(m, &binary, 12) }

// patience bounds every wait.
const patience = process.Patience

// server is one running dnsfailover in a directory of its own.
type server struct {
	t    *testing.T
	dir  string
	wrap []string // a command that runs the server: strace, prlimit, …
	*process.Process

	dns   string // host:port of the first listener
	admin string
}

const zoneHead = `$TTL 300
@ SOA ns1 hostmaster 1 7200 900 1209600 5
@ NS ns1
@ NS ns2
ns1 A 192.0.2.53
ns2 A 192.0.2.54
`

// listen begins every configuration. Port 0 picks one.
const listen = `listen: {dns: ["127.0.0.1:0"], admin: "127.0.0.1:0", control: control.sock}
state: state
zones: [{name: example.test, file: example.test.zone}]
`

// newServer writes the configuration, and the zone example.test with extra records, to a new directory.
func newServer(t *testing.T, config, records string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir()}
	s.write("dnsfailover.yaml", listen+config)
	s.write("example.test.zone", zoneHead+records)
	return s
}

func (s *server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *server) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

var listening = regexp.MustCompile(`msg=listening dns="?\[([^ \]]+|\[[^\]]+\]:\d+)[^"]*"? admin=(\S+)`)

// start runs the server until the test ends, and returns when it listens.
func (s *server) start() *server {
	s.t.Helper()
	s.launch()
	var found []string
	s.wait("the server listens", func() bool {
		found = listening.FindStringSubmatch(s.String())
		return found != nil || s.Ended()
	})
	if found == nil {
		s.t.Fatalf("the server ended:\n%s", s.Process)
	}
	s.dns, s.admin = found[1], found[2]
	return s
}

// launch runs the server without waiting for anything.
func (s *server) launch() {
	s.t.Helper()
	args := append(append([]string{}, s.wrap...), binary, "serve", "--config", s.path("dnsfailover.yaml"))
	s.Process = process.Start(s.t, "the server", exec.Command(args[0], args[1:]...))
}

// stop ends the server in good order.
func (s *server) stop() {
	s.t.Helper()
	s.Signal(syscall.SIGTERM)
	select {
	case <-s.Exit:
	case <-time.After(patience):
		s.t.Fatal("SIGTERM did not end the server")
	}
}

// wait returns when done does, and fails the test if that takes too long.
func (s *server) wait(what string, done func() bool) {
	s.t.Helper()
	if !process.Eventually(done) {
		s.t.Fatalf("waited in vain: %s", what)
	}
}

// cli runs a client command against the server.
func (s *server) cli(args ...string) (stdout string, code int) {
	s.t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "DNSFAILOVER_SOCKET="+s.path("control.sock"))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return out.String() + errs.String(), cmd.ProcessState.ExitCode()
}

// must runs a client command that has to succeed.
func (s *server) must(args ...string) string {
	s.t.Helper()
	out, code := s.cli(args...)
	if code != 0 {
		s.t.Fatalf("dnsfailover %s: exit %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// ask queries over UDP and returns the answer; nil if there is none.
func (s *server) ask(name string, qtype uint16) *dns.Msg {
	client := dns.Client{Timeout: time.Second}
	answer, _, err := client.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype), s.dns)
	if err != nil {
		return nil
	}
	return answer
}

// addresses returns the A or AAAA records of a name, joined by blanks, and their TTL; "NODATA", an RCODE, or "" for no answer.
func (s *server) addresses(name string, qtype uint16) (string, uint32) {
	answer := s.ask(name, qtype)
	switch {
	case answer == nil:
		return "", 0
	case answer.Rcode != dns.RcodeSuccess:
		return dns.RcodeToString[answer.Rcode], 0
	case len(answer.Answer) == 0:
		return "NODATA", 0
	}
	var list []string
	for _, rr := range answer.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			list = append(list, netip.AddrFrom4([4]byte(rr.A.To4())).String())
		case *dns.AAAA:
			list = append(list, netip.AddrFrom16([16]byte(rr.AAAA)).String())
		}
	}
	return strings.Join(list, " "), answer.Answer[0].Header().Ttl
}

// serves waits until a name's A is address, and returns when.
func (s *server) serves(name, address string) time.Time {
	s.t.Helper()
	got := ""
	if !process.Eventually(func() bool { got, _ = s.addresses(name, dns.TypeA); return got == address }) {
		s.t.Fatalf("%s A is %q, want %q", name, got, address)
	}
	return time.Now()
}

// dig runs the real dig and returns what it prints.
func (s *server) dig(args ...string) string {
	s.t.Helper()
	host, port, _ := strings.Cut(s.dns, ":")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "dig", append([]string{"@" + host, "-p", port, "+time=2", "+tries=2"}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("dig %v: %v\n%s", args, err, out)
	}
	return string(out)
}
