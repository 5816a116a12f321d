package checks

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// BenchmarkScale probes 10,000 HTTP servers every 5 s and 10,000 TCP servers every second for some seconds of real time, with
// one core for the scheduler and the probes. The servers are another process, kept to the last core of the machine. It reports the share
// of a core that is taken, and the processor time of one probe, in which the kernel's is that handles both ends of what goes
// over loopback; which share of the probes started within 50 ms, and by when 99 % had; and the memory.
func BenchmarkScale(b *testing.B) {
	var wrap []string
	if _, err := exec.LookPath("taskset"); err == nil && runtime.NumCPU() > 1 {
		wrap = []string{"taskset", "-c", fmt.Sprint(runtime.NumCPU() - 1)}
	}
	var ports []uint16
	startPeer(b, &ports, "TestScalePeer", wrap...)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s, err := NewScheduler(slog.New(slog.DiscardHandler), func(Transition) {})
	if err != nil {
		b.Fatal(err)
	}
	s.Set(many(10_000, ports))
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for range 3 {
		<-second.C
	}
	used, began, before := cpu(b), time.Now(), s.Load()
	for b.Loop() {
		<-second.C
	}
	used, after := cpu(b)-used, s.Load()
	n := after.Started - before.Started
	b.ReportMetric(100*used.Seconds()/time.Since(began).Seconds(), "%core")
	b.ReportMetric(float64(used.Microseconds())/float64(n), "cpu-µs/probe")
	b.ReportMetric(float64(n)/time.Since(began).Seconds(), "probes/s")
	b.ReportMetric(100*float64(after.LateBuckets[4]-before.LateBuckets[4])/float64(n), "%in50ms")
	for i, bound := range LateBounds {
		if 100*(after.LateBuckets[i]-before.LateBuckets[i]) >= 99*n {
			b.ReportMetric(1000*bound, "ms-p99-bound")
			break
		}
	}
	b.ReportMetric(float64(after.Shed-before.Shed), "shed")
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys>>20), "MiB")
	failed := 0
	for _, r := range *s.runners.Load() {
		failed += int(r.snap.Load().Stats.Failures)
	}
	b.ReportMetric(float64(failed), "failed")
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

// many returns n checks by HTTP every 5 s and n by TCP every second, that are up, of as many addresses of this host.
func many(n int, ports []uint16) (list []*Check, states map[string]State) {
	states = map[string]State{}
	add := func(id string, p Probe, interval time.Duration) {
		c := &Check{ID: id, Probe: p, Interval: interval, Timeout: 900 * time.Millisecond, Recheck: time.Second, Fall: 3, Rise: 3}
		list, states[id] = append(list, c), State{Verdict: Up}
	}
	for i := range n {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)}), ports[i%len(ports)])
		u := &url.URL{Scheme: "http", Host: fmt.Sprintf("www.example.test:%d", at.Port()), Path: "/"}
		add(fmt.Sprint("http", i), &HTTPProbe{URL: u, Address: at.Addr()}, 5*time.Second)
		add(fmt.Sprint("tcp", i), &TCPProbe{Address: at}, time.Second)
	}
	return list, states
}

// TestScalePeer is the peer of BenchmarkScale: a few ports at all addresses of 127/8. There are several since the system
// keeps some thousand connections for each until they are accepted, and those of different hosts don't wait for each other.
func TestScalePeer(t *testing.T) {
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
	talk := func(conn net.Conn) {
		var request [512]byte
		if n, _ := conn.Read(request[:]); n > 0 {
			_, _ = conn.Write(answer)
		}
	}
	at := "127.0.0.1"
	if os.Getenv(peerVariable) != "" {
		at = "0.0.0.0"
	}
	var ports []uint16
	for range 32 {
		here := serve(t, at, talk)
		ports = append(ports, here.Port())
		r := run(t, &HTTPProbe{URL: parseURL(t, "http://www.example.test:PORT/", here), Address: netip.MustParseAddr("127.0.0.1")}, patience)
		if !r.OK {
			t.Fatal(r.Reason)
		}
	}
	servePeer(t, ports)
}
