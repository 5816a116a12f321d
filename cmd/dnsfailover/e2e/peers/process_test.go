package peers

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// patience bounds every wait; what takes longer is broken, not slow.
const patience = 30 * time.Second

// process is a running server with what it prints.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	exit chan struct{} // closed when it has ended

	mu   sync.Mutex
	text bytes.Buffer
}

// launch runs a command until the test ends.
func launch(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, exit: make(chan struct{}), cmd: exec.Command(args[0], args[1:]...)}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.exit)
	}()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of %s:\n%.4000s", name, p)
		}
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.exit
	})
	return p
}

func (p *process) ended() bool {
	select {
	case <-p.exit:
		return true
	default:
		return false
	}
}

// Write collects what the process prints.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *process) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// ready waits until the process answers for each apex.
func (p *process) ready(address string, apexes []string) {
	p.t.Helper()
	client := dns.Client{Timeout: 200 * time.Millisecond}
	for _, apex := range apexes {
		rcode := -1
		if !eventually(func() bool {
			answer, _, err := client.Exchange(new(dns.Msg).SetQuestion(apex, dns.TypeSOA), address)
			if err == nil {
				rcode = answer.Rcode
			}
			return rcode == dns.RcodeSuccess || p.ended()
		}) || p.ended() {
			p.t.Fatalf("%s does not serve %s (rcode %d):\n%s", p.name, apex, rcode, p)
		}
	}
}

// eventually asks done every few milliseconds until it says yes; false if it never does.
func eventually(done func() bool) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		if done() {
			return true
		}
	}
	return false
}

// program returns the path of a peer's program. Without it the test is skipped; under CI it fails.
func program(t *testing.T, name, debian string) string {
	t.Helper()
	for _, dir := range []string{"", "/usr/sbin/", "/usr/local/sbin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing: install the package %s", name, debian)
	}
	t.Skipf("%s is missing: install the package %s", name, debian)
	return ""
}

// freeAddress returns a loopback address whose port was free for UDP and TCP a moment ago.
func freeAddress(t *testing.T) (host, port string) {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.ListenPacket("udp", l.Addr().String())
		l.Close()
		if err != nil {
			continue
		}
		c.Close()
		host, port, _ := net.SplitHostPort(l.Addr().String())
		return host, port
	}
	t.Fatal("no port is free for both UDP and TCP")
	return "", ""
}

// write puts text into a new file of a directory and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
