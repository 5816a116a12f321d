package peers

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// patience bounds every wait.
const patience = process.Patience

// launch runs a command until the test ends.
func launch(t *testing.T, name string, args ...string) *process.Process {
	t.Helper()
	return process.Start(t, name, exec.Command(args[0], args[1:]...))
}

// ready waits until the process answers for each apex.
func ready(t *testing.T, p *process.Process, address string, apexes []string) {
	t.Helper()
	client := dns.Client{Timeout: 200 * time.Millisecond}
	for _, apex := range apexes {
		rcode := -1
		if !process.Eventually(func() bool {
			answer, _, err := client.Exchange(new(dns.Msg).SetQuestion(apex, dns.TypeSOA), address)
			if err == nil {
				rcode = answer.Rcode
			}
			return rcode == dns.RcodeSuccess || p.Ended()
		}) || p.Ended() {
			t.Fatalf("%s does not serve %s (rcode %d):\n%s", p.Name, apex, rcode, p)
		}
	}
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
