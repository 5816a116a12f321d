package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
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

// BenchmarkReloadMillion serves 1,000,000 names, asks for them 5,000 times a second, and reloads them b.N times meanwhile. It tells how
// long answers take with reloads and without, and how much memory the server holds before, at most, and afterwards.
func BenchmarkReloadMillion(b *testing.B) {
	const names, quiet = 1_000_000, 5 * time.Second
	zone := bytes.NewBufferString(zoneHead)
	for i := range names {
		fmt.Fprintf(zone, "h%d A 192.0.2.%d\n", i, i%250+1)
	}
	dir := b.TempDir()
	for name, text := range map[string][]byte{"dnsfailover.yaml": []byte(listen), "example.test.zone": zone.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	s := exec.Command(binary, "serve", "--config", filepath.Join(dir, "dnsfailover.yaml"))
	s.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := s.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Start(); err != nil {
		b.Fatal(err)
	}
	said := bufio.NewScanner(log)
	until := func(what string) string {
		for said.Scan() {
			if strings.Contains(said.Text(), what) {
				return said.Text()
			}
		}
		b.Fatalf("the server ended and has not logged %q", what)
		return ""
	}
	address := listening.FindStringSubmatch(until("msg=listening"))[1]
	b.Cleanup(func() {
		_ = s.Process.Kill()
		_ = s.Wait()
	})
	clients := make([]net.Conn, 16) // ports of their own, so that every worker has some of them
	for i := range clients {
		if clients[i], err = net.Dial("udp", address); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { clients[i].Close() })
	}

	resident := memory(b, s, "VmRSS")
	done := make(chan struct{})
	time.AfterFunc(quiet, func() { close(done) })
	without := pace(b, clients, done)

	done = make(chan struct{})
	go func() {
		defer close(done)
		for b.Loop() {
			_ = s.Process.Signal(syscall.SIGHUP)
			until("msg=reloaded")
		}
	}()
	for what, took := range map[string][]time.Duration{"quiet": without, "reload": pace(b, clients, done)} {
		for name, part := range map[string]float64{"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1} {
			b.ReportMetric(float64(took[int(part*float64(len(took)-1))].Microseconds())/1000, what+"-"+name+"-ms")
		}
	}
	time.Sleep(time.Second) // what was replaced is given back in the background
	b.ReportMetric(resident, "MiB-before")
	b.ReportMetric(memory(b, s, "VmHWM"), "MiB-most")
	b.ReportMetric(memory(b, s, "VmRSS"), "MiB-after")
}

// pace asks for one name after the other, each interval one, until done is closed, and returns how long the answers took, the
// shortest time first. While an answer is late the queries that were due meanwhile count as late too, as if others had asked them.
func pace(b *testing.B, clients []net.Conn, done chan struct{}) (took []time.Duration) {
	const interval = 200 * time.Microsecond
	queries := make([][]byte, 1000)
	for i := range queries {
		query, err := new(dns.Msg).SetQuestion(fmt.Sprintf("h%d.example.test.", 997*i), dns.TypeA).Pack()
		if err != nil {
			b.Fatal(err)
		}
		query[0], query[1] = byte(i>>8), byte(i)
		queries[i] = query
	}
	answer := make([]byte, 512)
	for i := 0; ; i++ {
		select {
		case <-done:
			slices.Sort(took)
			return took
		default:
		}
		conn, query := clients[i%len(clients)], queries[i%len(queries)]
		begin := time.Now()
		if _, err := conn.Write(query); err != nil {
			b.Fatal(err)
		}
		_ = conn.SetReadDeadline(begin.Add(patience))
		if n, err := conn.Read(answer); err != nil || n < 12 || !bytes.Equal(answer[:2], query[:2]) {
			b.Fatalf("query %d: %d octets, %v", i, n, err)
		}
		for late := time.Since(begin); late > 0; late -= interval {
			took = append(took, late)
		}
		time.Sleep(interval - time.Since(begin))
	}
}

// memory returns a line of the process's /proc/…/status in MiB.
func memory(b *testing.B, process *exec.Cmd, field string) float64 {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(process.Process.Pid), "status"))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kib / 1024
		}
	}
	b.Fatalf("no %s", field)
	return 0
}
