package e2e

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
)

// The tests TestFlood… send the real binary more, or worse, than it is made for, while good clients go on asking. They are numbered as
// the fault matrix and its classes of failures are, print what they saw, and hold bounds that don't depend on how fast the machine
// is. They don't run in parallel: what they measure is theirs.

// floodFactor multiplies how much is sent: FLOOD=10 makes of a run in CI the one that the matrix asks for.
func floodFactor(t *testing.T) int {
	t.Helper()
	if testing.Short() {
		return 1
	}
	n, err := strconv.Atoi(cmp.Or(os.Getenv("FLOOD"), "1"))
	if err != nil || n < 1 {
		t.Fatalf("FLOOD is %q, want a number from 1", os.Getenv("FLOOD"))
	}
	return n
}

// series returns all metrics, over the control socket, which is there in any network.
func (s *server) series() map[string]float64 {
	s.t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", s.path("control.sock"))
		},
	}}
	answer, err := client.Get("http://localhost/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		at := strings.LastIndex(line, " ")
		if value, err := strconv.ParseFloat(strings.TrimSpace(line[at+1:]), 64); err == nil && line[0] != '#' {
			out[line[:at]] = value
		}
	}
	if len(out) == 0 {
		s.t.Fatalf("no metrics in %s", text)
	}
	return out
}

// sum adds up all series of a name.
func sum(series map[string]float64, name string) (n float64) {
	for key, value := range series {
		if key == name || strings.HasPrefix(key, name+"{") {
			n += value
		}
	}
	return n
}

// ours returns the names of the series that are not Go's or the process's.
func ours(series map[string]float64) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(series)), func(name string) bool { return !strings.HasPrefix(name, "dnsfailover_") })
}

// resident returns the memory of the server in KiB, now and the most that it ever was.
func (s *server) resident() (now, most int) {
	s.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		switch fields[0] {
		case "VmRSS:":
			now, _ = strconv.Atoi(fields[1])
		case "VmHWM:":
			most, _ = strconv.Atoi(fields[1])
		}
	}
	if now == 0 || most == 0 {
		s.t.Fatalf("no memory in %s", status)
	}
	return now, most
}

// packed is a query as it is sent.
func packed(t *testing.T, name string, qtype uint16) []byte {
	t.Helper()
	query, err := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype).Pack()
	if err != nil {
		t.Fatal(err)
	}
	return query
}

// flooder sends packets from many networks.
type flooder struct {
	conns []*ipv4.PacketConn
	sent  atomic.Int64
}

// newFlooder connects to the server from each of the addresses.
func newFlooder(t *testing.T, to string, from ...string) *flooder {
	t.Helper()
	f := &flooder{}
	for _, address := range from {
		d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 0))}
		c, err := d.Dial("udp", to)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		f.conns = append(f.conns, ipv4.NewPacketConn(c.(*net.UDPConn)))
	}
	return f
}

// networks returns n addresses of as many networks of loopback.
func networks(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("127.%d.%d.9", 100+i/250, i%250))
	}
	return list
}

// send sends total packets, at most each of them in a millisecond; next writes the next packet and returns its length.
func (f *flooder) send(t *testing.T, total, each int, next func(packet []byte) int) {
	t.Helper()
	batch := make([]ipv4.Message, 32)
	for i := range batch {
		batch[i].Buffers = [][]byte{make([]byte, 1500)}
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n, turn := 0, 0; n < total; <-tick.C {
		for left := min(each, total-n); left > 0; turn++ {
			some := batch[:min(left, len(batch))]
			for i := range some {
				some[i].Buffers[0] = some[i].Buffers[0][:1500]
				some[i].Buffers[0] = some[i].Buffers[0][:next(some[i].Buffers[0])]
			}
			for rest := some; len(rest) > 0; {
				sent, err := f.conns[turn%len(f.conns)].WriteBatch(rest, 0)
				if err != nil {
					sent = 1 // what an ICMP error took; an empty packet too
				}
				rest = rest[sent:]
			}
			n, left = n+len(some), left-len(some)
			f.sent.Add(int64(len(some)))
		}
	}
}

// goodClient asks one thing after the other, as a resolver does: again after a second, three times.
type goodClient struct {
	asked, answered, first int // first: at the first try
	took                   []time.Duration
	stop                   func()
}

// newGoodClient asks from an address until stop is called.
func (s *server) newGoodClient(from string) *goodClient {
	s.t.Helper()
	return s.newGoodClientOver(func() (net.Conn, error) {
		d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0))}
		return d.Dial("udp", s.dns)
	})
}

func (s *server) newGoodClientOver(dial func() (net.Conn, error)) *goodClient {
	s.t.Helper()
	c, err := dial()
	if err != nil {
		s.t.Fatal(err)
	}
	query, g, done := packed(s.t, "www.example.test", dns.TypeA), &goodClient{}, make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for ; ; <-tick.C {
			select {
			case <-done:
				return
			default:
			}
			g.asked++
			query[0], query[1] = byte(g.asked>>8), byte(g.asked)
			begin := time.Now()
			for try := range 3 {
				if ask(c, query) {
					g.answered++
					if try == 0 {
						g.first++
					}
					g.took = append(g.took, time.Since(begin))
					break
				}
			}
		}
	})
	g.stop = sync.OnceFunc(func() {
		close(done)
		asking.Wait()
		c.Close()
	})
	s.t.Cleanup(g.stop)
	return g
}

// ask says whether a query is answered with NOERROR and an address within a second.
func ask(c net.Conn, query []byte) bool {
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write(query); err != nil {
		return false
	}
	answer := make([]byte, 1500)
	for {
		n, err := c.Read(answer)
		if err != nil {
			return false
		}
		if n > 12 && answer[0] == query[0] && answer[1] == query[1] {
			return answer[3]&0xF == 0 && answer[7] > 0
		}
	}
}

// String stops it and tells how it fared.
func (g *goodClient) String() string {
	g.stop()
	slices.Sort(g.took)
	at := func(share float64) time.Duration {
		if len(g.took) == 0 {
			return 0
		}
		return g.took[int(share*float64(len(g.took)-1))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("%d of %d answered, %d at the first try, p50 %v, p99 %v, at most %v", g.answered, g.asked, g.first, at(0.5), at(0.99), at(1))
}

// served fails the test unless everything was answered.
func (g *goodClient) served(t *testing.T) {
	t.Helper()
	g.stop()
	if g.answered < g.asked || g.asked < 10 {
		t.Errorf("a good client: %v", g)
	}
}

// alive fails the test unless the server answers and no query was lost to a panic.
func (s *server) alive() {
	s.t.Helper()
	if got, _ := s.addresses("www.example.test", dns.TypeA); got != served["primary"] {
		s.t.Errorf("afterwards www is %q", got)
	}
	if n := sum(s.series(), "dnsfailover_panics_total"); n > 0 {
		s.t.Errorf("%v queries were lost to panics", n)
	}
}

// randomName writes a query for a name below example.test that nobody has asked for yet.
func randomName(t *testing.T, rnd *rand.PCG) func([]byte) int {
	query := packed(t, "abcdefghijklmnop.example.test", dns.TypeA)
	return func(packet []byte) int {
		n := copy(packet, query)
		for i, bits := 0, uint64(0); i < 16; i++ {
			if i%12 == 0 {
				bits = rnd.Uint64()
			}
			packet[13+i] = 'a' + byte(bits%26)
			bits /= 26
		}
		return n
	}
}
