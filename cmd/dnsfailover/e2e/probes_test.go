package e2e

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// bench is a configuration with one target for each of many checks, of which each is probed in the foreground.
type bench struct {
	*server
	names  []string
	checks []string
	ips    []string
	stages int // that were made
}

func newBench(t *testing.T) *bench { return &bench{server: newServer(t, "", "")} }

// add adds a check of the target at ip.
func (b *bench) add(name, ip, check string) {
	b.names, b.checks, b.ips = append(b.names, name), append(b.checks, check), append(b.ips, ip)
}

// config is the configuration of all of them, each as the one target of a service.
func (b *bench) config() string {
	out := "services:\n"
	for i := range b.names {
		out += fmt.Sprintf("  - {name: s%d, records: [w%d.example.test], targets: [{name: only, addresses: [%q], check: %s}]}\n", i, i, b.ips[i], b.checks[i])
	}
	return out
}

// expect runs `dnsfailover probe` for each check: its last line must begin as wanted, and all that is wanted besides must be in its output.
func (b *bench) expect(wants map[string][]string, wrap ...string) {
	b.t.Helper()
	b.write("dnsfailover.yaml", listen+b.config())
	if len(wants) != len(b.names) {
		b.t.Fatalf("%d checks, %d expectations", len(b.names), len(wants))
	}
	for i, name := range b.names {
		want, ok := wants[name]
		if !ok {
			b.t.Fatalf("nothing is expected of %q", name)
		}
		out := b.probe(fmt.Sprintf("s%d", i), wrap...)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		last := strings.TrimSpace(lines[slices.IndexFunc(lines, func(l string) bool {
			l = strings.TrimSpace(l)
			return strings.HasPrefix(l, "OK") || strings.HasPrefix(l, "failed") || strings.HasPrefix(l, "inconclusive") || l == lines[len(lines)-1]
		})])
		if !strings.HasPrefix(last, want[0]) {
			b.t.Errorf("%s: %s\nwant %s\n%s", name, last, want[0], out)
		}
		for _, part := range want[1:] {
			if !strings.Contains(out, part) {
				b.t.Errorf("%s: nowhere is %q in\n%s", name, part, out)
			}
		}
	}
}

// probe runs the probes of a service in the foreground, and returns what it prints.
func (b *bench) probe(service string, wrap ...string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	args := append(slices.Clone(wrap), binary, "probe", service, "--config", b.path("dnsfailover.yaml"))
	out, _ := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	return string(out)
}

// daemon runs a program until the test ends, and returns when something listens at address.
func daemon(t *testing.T, address string, args ...string) {
	t.Helper()
	p := process.Start(t, args[0], exec.Command(args[0], args[1:]...))
	if !process.Eventually(func() bool {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			conn.Close()
		}
		if p.Ended() {
			t.Fatalf("%s ended: %s", args[0], p)
		}
		return err == nil
	}) {
		t.Fatalf("%s never listens at %s", args[0], address)
	}
}

// pems writes a certificate for name and its key, and returns the names of the files.
func (b *bench) pems(ca *authority, file, name string, end time.Time) (certificate, key string) {
	b.t.Helper()
	certificate, key = file+".pem", file+".key"
	both := ca.issue(b.t, name, end)
	b.write(certificate, certificatePEM(both)+ca.pem)
	b.write(key, keyPEM(b.t, both))
	return certificate, key
}
