package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// nobodyExempt has the default rate limit hold for loopback too.
const nobodyExempt = "dns: {rate_limit: {exempt: []}}\n"

// TestFlood58RandomSubdomains (14 too) asks for a million names that don't exist, from 200 networks. Neither memory nor the number of
// metrics grows with them.
func TestFlood58RandomSubdomains(t *testing.T) {
	s := newServer(t, nobodyExempt+twoTargets, "").start()
	f := newFlooder(t, s.dns, networks(200)...)
	next := randomName(t, rand.NewPCG(1, 2))
	f.send(t, 50_000, 60, next) // as warm as it gets
	s.alive()
	before, _ := s.resident()
	series := ours(s.series())
	g := s.newGoodClient("127.99.0.1")
	begin, used := time.Now(), s.processor()
	f.send(t, 1_000_000, 60, next)
	took := time.Since(begin)
	used = s.processor() - used
	g.stop()
	after, most := s.resident()
	got := s.series()
	t.Logf("1,000,000 names in %v, %v of processor time; resident %d → %d KiB, at most %d; %d series before, %d after; %v dropped by the kernel, %v over the rate; a good client: %v",
		took.Round(time.Millisecond), used, before, after, most, len(series), len(ours(got)), got[`dnsfailover_dropped_total{reason="overflow"}`],
		sum(got, "dnsfailover_rate_limited_total"), g)
	if after > before+10<<10 {
		t.Errorf("resident memory has grown from %d to %d KiB", before, after)
	}
	if more := slices.DeleteFunc(ours(got), func(name string) bool { return slices.Contains(series, name) }); len(more) > 0 {
		t.Errorf("new series: %v", more)
	}
	if n := got[`dnsfailover_queries_total{rcode="NXDOMAIN",transport="udp",type="A",zone="example.test."}`]; n == 0 {
		t.Error("nothing was asked: the test has not tested that")
	}
	g.served(t)
	s.alive()
}

// TestFlood55Memory gives the server 64 MiB of memory, and floods it with new names, malformed packets and idle connections at once.
func TestFlood55Memory(t *testing.T) {
	const limit = 64 << 20
	s := newServer(t, twoTargets, "")
	failures := s.confine(limit)
	s.start()
	f := newFlooder(t, s.dns, networks(200)...)
	holdIdle(t, s.dns, 800)
	g := s.newGoodClient("127.99.0.2")
	rnd := rand.NewPCG(3, 4)
	names, junk, n := randomName(t, rnd), malformed(t, rnd), 0
	f.send(t, 300_000*floodFactor(t), 60, func(packet []byte) int {
		if n++; n%2 == 0 {
			return names(packet)
		}
		return junk(packet)
	})
	g.stop()
	now, most := s.resident()
	t.Logf("%d packets and %v connections: resident %d KiB, at most %d; the group reached its limit %s times; a good client: %v",
		f.sent.Load(), s.series()["dnsfailover_tcp_connections"], now, most, failures(), g)
	if most > limit>>10 || s.Ended() {
		t.Errorf("resident memory was %d KiB, and the server has ended: %t", most, s.Ended())
	}
	g.served(t)
	s.alive()
}

// confine runs the server in a control group that may have so many octets of memory, where there are such groups. What it returns tells
// how often that was not enough.
func (s *server) confine(limit int) (failures func() string) {
	s.t.Helper()
	needRoot(s.t)
	for _, kind := range []struct{ root, limit, failures string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.failcnt"},
		{"/sys/fs/cgroup", "memory.max", "memory.events"},
	} {
		group := filepath.Join(kind.root, fmt.Sprintf("dnsfailover-e2e-%d", os.Getpid()))
		if os.Mkdir(group, 0o755) != nil {
			continue
		}
		s.t.Cleanup(func() { _ = os.Remove(group) })
		if os.WriteFile(filepath.Join(group, kind.limit), fmt.Append(nil, limit), 0o600) != nil {
			continue
		}
		s.wrap = []string{"sh", "-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(group, "cgroup.procs")}
		return func() string {
			text, err := os.ReadFile(filepath.Join(group, kind.failures))
			if err != nil {
				s.t.Fatal(err)
			}
			return strings.Join(strings.Fields(string(text)), " ")
		}
	}
	s.t.Log("no control groups for memory here: only what the server takes is looked at")
	return func() string { return "unknown" }
}

// malformed writes packets that are no queries any more: cut, with bits flipped, with counts that lie, with pointers instead of names, random.
func malformed(t *testing.T, rnd *rand.PCG) func([]byte) int {
	m := new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA).SetEdns0(1232, true)
	m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"}, &dns.EDNS0_NSID{Code: dns.EDNS0NSID}}
	query, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return func(packet []byte) int {
		n, bits := copy(packet, query), rnd.Uint64()
		kind := bits % 6
		bits >>= 8
		at := func(most int) int {
			bits = bits>>7 ^ rnd.Uint64()
			return int(bits % uint64(most))
		}
		switch kind {
		case 0:
			n = at(n)
		case 1:
			for range 1 + at(4) {
				packet[at(n)] ^= 1 << at(8)
			}
		case 2: // counts
			packet[4+at(8)] = byte(at(256))
		case 3: // pointers
			packet[12+at(n-13)] = 0xC0 | byte(at(64))
		case 4: // lengths
			packet[12+at(n-12)] = byte(at(256))
		default:
			n = at(600)
			for i := range n {
				if i%8 == 0 {
					bits = rnd.Uint64()
				}
				packet[i] = byte(bits >> (i % 8 * 8))
			}
		}
		return n
	}
}

// TestFlood60Malformed (2, 3 and 5 too) sends 600,000 packets that are no queries, ten million with FLOOD=17. None costs more than itself.
func TestFlood60Malformed(t *testing.T) {
	s := newServer(t, twoTargets, "").start()
	f := newFlooder(t, s.dns, networks(200)...)
	next := malformed(t, rand.NewPCG(5, 6))
	f.send(t, 50_000, 60, next)
	before, _ := s.resident()
	lines := strings.Count(s.String(), "\n")
	g := s.newGoodClient("127.99.0.3")
	used, begin, total := s.processor(), time.Now(), 600_000*floodFactor(t)
	f.send(t, total, 80, next)
	used, took := s.processor()-used, time.Since(begin)
	g.stop()
	after, _ := s.resident()
	more := strings.Count(s.String(), "\n") - lines
	got := s.series()
	t.Logf("%d packets in %v, %v of processor time for one of them; resident %d → %d KiB, %d lines of log; unanswered %v, FORMERR %v; a good client: %v",
		total, took.Round(time.Millisecond), (used / time.Duration(total)).Round(10*time.Nanosecond), before, after, more,
		got[`dnsfailover_dropped_total{reason="unanswered"}`], sumOf(got, "FORMERR"), g)
	if after > before+10<<10 || more > 10 {
		t.Errorf("resident memory %d → %d KiB, %d lines of log", before, after, more)
	}
	if got[`dnsfailover_dropped_total{reason="unanswered"}`] == 0 || sumOf(got, "FORMERR") == 0 {
		t.Error("nothing was malformed: the test has not tested that")
	}
	g.served(t)
	s.alive()
}

// sumOf adds up the answers with an rcode.
func sumOf(series map[string]float64, rcode string) (n float64) {
	for name, value := range series {
		if strings.HasPrefix(name, "dnsfailover_queries_total{") && strings.Contains(name, `rcode="`+rcode+`"`) {
			n += value
		}
	}
	return n
}

// TestFlood68ReceiveBuffer stops the server while packets come in, until the kernel has no more room for them. What it drops is told.
func TestFlood68ReceiveBuffer(t *testing.T) {
	s := newServer(t, twoTargets, "").start()
	const overflow = `dnsfailover_dropped_total{reason="overflow"}`
	if n := s.series()[overflow]; n != 0 {
		t.Fatalf("%v packets were dropped before", n)
	}
	f := newFlooder(t, s.dns, networks(50)...)
	query := packed(t, "www.example.test", dns.TypeA)
	s.Signal(syscall.SIGSTOP)
	f.send(t, 200_000, 2000, func(packet []byte) int { return copy(packet, query) })
	s.Signal(syscall.SIGCONT)
	s.wait("what was queued is answered", func() bool {
		got := s.series()
		return got[overflow]+sumOf(got, "NOERROR")+sum(got, "dnsfailover_rate_limited_total") >= 200_000
	})
	got := s.series()
	t.Logf("of %d packets the kernel dropped %v; %v were answered, %v were over the rate", f.sent.Load(), got[overflow], sumOf(got, "NOERROR"), sum(got, "dnsfailover_rate_limited_total"))
	if got[overflow] == 0 {
		t.Error("none were dropped: the test has not tested that")
	}
	s.alive()
}

// TestFloodClass5Types (5 of the classes: one packet that kills) asks for all 65,536 types in class IN, and for a few in all opcodes and other classes.
func TestFloodClass5Types(t *testing.T) {
	s := newServer(t, twoTargets, "").start()
	f := newFlooder(t, s.dns, networks(100)...)
	g := s.newGoodClient("127.99.0.5")
	query, n := packed(t, "www.example.test", dns.TypeA), 0
	end := len(query)
	classes := []byte{dns.ClassCHAOS, dns.ClassANY, dns.ClassNONE, 0}
	total := 1<<16 + 16*len(classes)*300
	f.send(t, total, 60, func(packet []byte) int {
		copy(packet, query)
		typ := n
		if odd := n - 1<<16; odd >= 0 {
			packet[2] = byte(odd%16) << 3
			packet[end-1] = classes[odd/16%len(classes)]
			typ = odd / 16 / len(classes)
		}
		packet[end-4], packet[end-3] = byte(typ>>8), byte(typ)
		n++
		return end
	})
	g.stop()
	got := s.series()
	t.Logf("%d queries: NOERROR %v, NOTIMP %v, REFUSED %v, FORMERR %v; a good client: %v", total, sumOf(got, "NOERROR"), sumOf(got, "NOTIMP"), sumOf(got, "REFUSED"), sumOf(got, "FORMERR"), g)
	g.served(t)
	s.alive()
}
