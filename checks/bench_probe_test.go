package checks

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// BenchmarkProbe reports the processor time that one probe of each type takes, its peer's not included: that is another
// process. Beside it stands what the blackbox_exporter takes for the same HTTP probes, if it is installed.
func BenchmarkProbe(b *testing.B) {
	var peer benchPeer
	startPeer(b, &peer, "TestBenchPeer")
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(peer.CA))
	with := TLS{Roots: pool, RootsID: "bench"}
	page := func(scheme string, addr netip.AddrPort, http2 bool) *HTTPProbe {
		return &HTTPProbe{
			URL: &url.URL{Scheme: scheme, Host: fmt.Sprintf("www.example.com:%d", addr.Port()), Path: "/"}, Address: addr.Addr(),
			HTTP2: http2, TLS: with, Body: BodyRules{Contains: "ok"},
		}
	}
	file := filepath.Join(b.TempDir(), "health")
	if err := os.WriteFile(file, []byte("up\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	pushed := &PushProbe{MaxAge: time.Hour, Token: sha256.Sum256(nil)}
	pushed.Report(Report{At: time.Now(), OK: true})
	for _, c := range []struct {
		name  string
		probe Probe
	}{
		{"http", page("http", peer.HTTP, false)},
		{"https", page("https", peer.HTTPS, false)},
		{"http2", page("https", peer.HTTP2, true)},
		{"tcp", &TCPProbe{Address: peer.HTTP}},
		{"tls", &TLSProbe{Address: peer.HTTPS, Name: "www.example.com", TLS: with}},
		{"icmp", &ICMPProbe{Address: netip.MustParseAddr("127.0.0.1")}},
		{"dns", &DNSProbe{Server: peer.DNS, Name: "www.example.com.", Type: dns.TypeA}},
		{"grpc", grpcProbe("http", peer.GRPC, "")},
		{"exec", &ExecProbe{Argv: []string{"/bin/true"}, Address: peer.HTTP.Addr()}},
		{"file", &FileProbe{Path: file, MaxAge: 24 * time.Hour}},
		{"push", pushed},
	} {
		b.Run(c.name, func(b *testing.B) {
			ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
			defer cancel()
			b.ReportAllocs()
			began := cpuWithChildren(b)
			n := 0
			for b.Loop() {
				switch r := c.probe.Run(ctx); {
				case r.Inconclusive:
					b.Skip(r.Reason)
				case !r.OK:
					b.Fatal(r.Reason)
				}
				n++
			}
			b.ReportMetric(float64((cpuWithChildren(b)-began).Microseconds())/float64(n), "cpu-µs/probe")
		})
	}
	benchmarkExporter(b, peer)
}

// benchmarkExporter has the blackbox_exporter probe the same pages; its time includes what it takes to tell of them, as it
// can't be had without.
func benchmarkExporter(b *testing.B, peer benchPeer) {
	program, err := exec.LookPath("prometheus-blackbox-exporter")
	if err != nil {
		b.Log("prometheus-blackbox-exporter is not installed: there is nothing to compare with")
		return
	}
	dir := b.TempDir()
	ca, config := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "config.yml")
	module := "modules:\n  page:\n    prober: http\n    timeout: 5s\n    http: {fail_if_body_not_matches_regexp: [ok], enable_http2: false, preferred_ip_protocol: ip4, tls_config: {ca_file: " + ca + ", server_name: www.example.com}}\n" +
		"  page2:\n    prober: http\n    timeout: 5s\n    http: {fail_if_body_not_matches_regexp: [ok], preferred_ip_protocol: ip4, tls_config: {ca_file: " + ca + ", server_name: www.example.com}}\n" +
		"  connect:\n    prober: tcp\n    timeout: 5s\n    tcp: {preferred_ip_protocol: ip4}\n"
	for name, text := range map[string]string{ca: peer.CA, config: module} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	at := l.Addr().String()
	l.Close()
	cmd := exec.Command(program, "--config.file", config, "--web.listen-address", at, "--log.level", "error")
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	ask := func(module, target string) (string, error) {
		resp, err := http.Get("http://" + at + "/probe?module=" + module + "&target=" + url.QueryEscape(target))
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return string(text), err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		if _, err = ask("connect", peer.HTTP.String()); err == nil {
			break
		}
		<-tick.C
	}
	defer http.DefaultClient.CloseIdleConnections()
	for _, c := range []struct{ name, module, target string }{
		{"http", "page", "http://" + peer.HTTP.String() + "/"},
		{"https", "page", "https://" + peer.HTTPS.String() + "/"},
		{"http2", "page2", "https://" + peer.HTTP2.String() + "/"},
		{"tcp", "connect", peer.HTTP.String()},
	} {
		b.Run("blackbox_exporter/"+c.name, func(b *testing.B) {
			began, n := cpuOf(b, cmd.Process.Pid), 0
			for b.Loop() {
				if text, err := ask(c.module, c.target); err != nil || !strings.Contains(text, "\nprobe_success 1\n") {
					b.Fatalf("%v: %s", err, text)
				}
				n++
			}
			b.ReportMetric(float64((cpuOf(b, cmd.Process.Pid)-began).Microseconds())/float64(n), "cpu-µs/probe")
		})
	}
}

// cpuWithChildren returns the processor time that the process and the children it has waited for have used.
func cpuWithChildren(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		b.Fatal(err)
	}
	return cpu(b) + time.Duration(u.Utime.Nano()+u.Stime.Nano())
}

// cpuOf returns the processor time that another process has used.
func cpuOf(b *testing.B, pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skip("this system doesn't tell the processor time of another process")
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // proc(5): clock ticks, of which there are 100 a second
}

// benchPeer is where the peer of a benchmark listens.
type benchPeer struct {
	HTTP, HTTPS, HTTP2, GRPC, DNS netip.AddrPort
	CA                            string
}

// peerVariable tells a copy of the test's binary that it is the peer.
const peerVariable = "DNSFAILOVER_BENCH_PEER"

// startPeer runs the test of that name in a process of its own until the benchmark ends, behind a command if there is one,
// and reads into peer what it prints.
func startPeer(b *testing.B, peer any, test string, wrap ...string) {
	args := append(slices.Clone(wrap), os.Args[0], "-test.run", "^"+test+"$", "-test.timeout", "0")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), peerVariable+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		b.Fatal(err)
	}
	if err := json.Unmarshal(line, peer); err != nil {
		b.Fatalf("%s: %v", line, err)
	}
}

// servePeer prints where this process listens, if it is a peer, and then serves until whoever has started it ends.
func servePeer(t *testing.T, peer any) {
	line, err := json.Marshal(peer)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv(peerVariable) == "" {
		return
	}
	fmt.Printf("%s\n", line)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// TestBenchPeer is the peer of BenchmarkProbe in a process of its own; as a test it only shows that the peer can be had.
func TestBenchPeer(t *testing.T) {
	ca := newAuthority(t, "bench CA")
	cert := ca.issue(t, -time.Hour, time.Hour, "www.example.com", "127.0.0.1")
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	ok := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "all is ok") }
	peer := benchPeer{
		HTTP: web(t, nil, false, ok), HTTPS: web(t, config, false, ok), HTTP2: web(t, config.Clone(), true, ok), GRPC: web(t, nil, true, health),
		DNS: nameserver(t, "127.0.0.1", zoneAnswers),
		CA:  string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw})),
	}
	servePeer(t, peer)
}
