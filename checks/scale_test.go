package checks

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"runtime"
	"testing"
	"time"
)

// BenchmarkScale probes 10,000 HTTP servers every 5 s and 10,000 TCP servers every second for a few seconds of real time, all
// on loopback, where the far side runs too. It reports the share of one core that the process takes, how many of the
// probes started within 50 ms, and the memory.
func BenchmarkScale(b *testing.B) {
	l, err := net.Listen("tcp", "0.0.0.0:0") // all of 127/8 leads there
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		answer := []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				var request [512]byte
				if n, _ := conn.Read(request[:]); n > 0 {
					_, _ = conn.Write(answer)
				}
			}()
		}
	}()
	port := netip.MustParseAddrPort(l.Addr().String()).Port()
	s, err := NewScheduler(slog.New(slog.DiscardHandler), func(Transition) {})
	if err != nil {
		b.Fatal(err)
	}
	var list []*Check
	states := map[string]State{}
	add := func(id string, p Probe, interval time.Duration) {
		c := &Check{ID: id, Probe: p, Interval: interval, Timeout: 900 * time.Millisecond, Recheck: time.Second, Fall: 3, Rise: 3}
		list, states[id] = append(list, c), State{Verdict: Up}
	}
	u, _ := url.Parse(fmt.Sprintf("http://www.example.test:%d/", port))
	for i := range 10_000 {
		at := netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)})
		add(fmt.Sprint("http", i), &HTTPProbe{URL: u, Address: at}, 5*time.Second)
		add(fmt.Sprint("tcp", i), &TCPProbe{Address: netip.AddrPortFrom(at, port)}, time.Second)
	}
	s.Set(list, states)
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	<-second.C
	<-second.C
	used, began, before := cpu(b), time.Now(), s.Load()
	for b.Loop() {
		<-second.C
	}
	after := s.Load()
	n := float64(after.Started - before.Started)
	b.ReportMetric(100*float64(cpu(b)-used)/float64(time.Since(began)), "%core")
	b.ReportMetric(n/time.Since(began).Seconds(), "probes/s")
	b.ReportMetric(100*float64(after.LateBuckets[4]-before.LateBuckets[4])/n, "%in50ms")
	b.ReportMetric(float64(after.Shed), "shed")
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys>>20), "MiB")
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
