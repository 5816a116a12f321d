package limit

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"
)

// begin is some instant, in Unix nanoseconds.
const begin = int64(1_900_000_000_123_456_789)

func defaults() Options {
	return Options{Rate: 200, Slip: 2, IPv4Prefix: 24, IPv6Prefix: 56}
}

// asked counts what becomes of n answers, evenly over d from start on.
func asked(l *Limiter, client netip.Addr, about uint64, n int, start int64, d time.Duration) (got [3]int) {
	for i := range n {
		got[l.Decide(client, about, start+int64(i)*int64(d)/int64(n))]++
	}
	return got
}

var (
	somebody = netip.MustParseAddr("192.0.2.1")
	six      = netip.MustParseAddr("2001:db8:0:100::1")
)

func TestABurstOfASecondsWorthPasses(t *testing.T) {
	for _, rate := range []int{1, 2, 3, 7, 50, 200, 999, 10_000} {
		opt := defaults()
		opt.Rate = rate
		if got := asked(New(opt), somebody, 1, 3*rate, begin, 0); got[Pass] < rate || got[Pass] > rate+rate/500 { // ticks are whole
			t.Errorf("rate %d: %d passed at once", rate, got[Pass])
		}
	}
}

func TestAFloodGetsTheRate(t *testing.T) {
	for _, rate := range []int{1, 5, 200, 5000} {
		opt := defaults()
		opt.Rate = rate
		got := asked(New(opt), somebody, 1, 200_000, begin, 10*time.Second)
		if want := 11 * rate; got[Pass] < want-want/100-1 || got[Pass] > want+want/100 {
			t.Errorf("rate %d: %d passed in 10 s, want %d", rate, got[Pass], want)
		}
	}
}

func TestWhoStaysUnderTheRateIsNeverLimited(t *testing.T) {
	if got := asked(New(defaults()), six, 1, 199*60, begin, time.Minute); got[Pass] != 199*60 {
		t.Errorf("%d of %d passed", got[Pass], 199*60)
	}
}

func TestSlip(t *testing.T) {
	for slip, want := range map[int][3]int{
		0: {Pass: 200, Slip: 0, Drop: 1000},
		1: {Pass: 200, Slip: 1000, Drop: 0},
		2: {Pass: 200, Slip: 500, Drop: 500},
		5: {Pass: 200, Slip: 200, Drop: 800},
	} {
		opt := defaults()
		opt.Slip = slip
		if got := asked(New(opt), somebody, 1, 1200, begin, 0); got != want {
			t.Errorf("slip %d: %v, want %v", slip, got, want)
		}
	}
}

// Whether two clients, or two contents, share a bucket.
func TestWhoSharesABudget(t *testing.T) {
	for name, test := range map[string]struct {
		a, b  string
		about [2]uint64
		share bool
	}{
		"one address":             {"192.0.2.1", "192.0.2.1", [2]uint64{1, 1}, true},
		"one /24":                 {"192.0.2.1", "192.0.2.254", [2]uint64{1, 1}, true},
		"the /24 next to it":      {"192.0.2.1", "192.0.3.1", [2]uint64{1, 1}, false},
		"two contents":            {"192.0.2.1", "192.0.2.1", [2]uint64{1, 2}, false},
		"one /56":                 {"2001:db8:0:100::1", "2001:db8:0:1ff:ffff::9", [2]uint64{1, 1}, true},
		"the /56 next to it":      {"2001:db8:0:100::1", "2001:db8:0:200::1", [2]uint64{1, 1}, false},
		"IPv4 and what maps it":   {"0.0.0.1", "::1", [2]uint64{1, 1}, false},
		"IPv4 and a NAT64 of it":  {"192.0.2.1", "64:ff9b::192.0.2.1", [2]uint64{1, 1}, false},
		"contents that are alike": {"192.0.2.1", "192.0.2.1", [2]uint64{0, 1 << 63}, false},
	} {
		l := New(defaults())
		asked(l, netip.MustParseAddr(test.a), test.about[0], 200, begin, 0)
		shared := l.Decide(netip.MustParseAddr(test.b), test.about[1], begin) != Pass
		if shared != test.share {
			t.Errorf("%s: shared %v, want %v", name, shared, test.share)
		}
	}
}

func TestPrefixLengths(t *testing.T) {
	for _, test := range []struct {
		four, six int
		a, b      string
		share     bool
	}{
		{32, 56, "192.0.2.1", "192.0.2.2", false},
		{0, 56, "192.0.2.1", "198.51.100.1", true},
		{24, 128, "2001:db8::1", "2001:db8::2", false},
		{24, 64, "2001:db8::1", "2001:db8::2", true},
		{24, 64, "2001:db8:0:1::1", "2001:db8:0:2::1", false},
		{24, 96, "2001:db8::1:0:1", "2001:db8::2:0:1", false},
		{24, 0, "2001:db8::1", "fe80::1", true},
	} {
		opt := defaults()
		opt.IPv4Prefix, opt.IPv6Prefix = test.four, test.six
		l := New(opt)
		asked(l, netip.MustParseAddr(test.a), 1, 200, begin, 0)
		if shared := l.Decide(netip.MustParseAddr(test.b), 1, begin) != Pass; shared != test.share {
			t.Errorf("%+v: shared %v", test, shared)
		}
	}
}

func TestExemptPrefixesAreNeverLimited(t *testing.T) {
	opt := defaults()
	opt.Exempt = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/28"), netip.MustParsePrefix("2001:db8::/32")}
	l := New(opt)
	for _, client := range []netip.Addr{somebody, six} {
		if got := asked(l, client, 1, 5000, begin, 0); got[Pass] != 5000 {
			t.Errorf("%s: %d of 5000 passed", client, got[Pass])
		}
	}
	outside := netip.MustParseAddr("192.0.2.16")
	if got := asked(l, outside, 1, 300, begin, 0); got[Pass] != 200 {
		t.Errorf("outside of the exempt prefix, but in its network: %d of 300 passed", got[Pass])
	}
	opt.Exempt = []netip.Prefix{netip.MustParsePrefix("::/0")}
	if got := asked(New(opt), somebody, 1, 300, begin, 0); got[Pass] != 200 {
		t.Errorf("all of IPv6 is exempt, and %d of 300 over IPv4 passed", got[Pass])
	}
}

func TestOffIsNil(t *testing.T) {
	if New(Options{Slip: 2, IPv4Prefix: 24, IPv6Prefix: 56}) != nil {
		t.Error("a limiter without a rate")
	}
}

// Workers read the clock once per batch, so the time may go back a little from one answer to the next.
func TestWorkersWhoseTimesDiffer(t *testing.T) {
	l := New(defaults())
	var got [3]int
	for i := range 100_000 { // 10 s
		got[l.Decide(somebody, 1, begin+int64(i)*100_000-int64(i%7)*int64(100*time.Millisecond))]++
	}
	if got[Pass] > 11*200+10 {
		t.Errorf("%d passed in 10 s, want 2200", got[Pass])
	}
}

// Whatever the clock does, a bucket is full again in two seconds.
func TestClockJumps(t *testing.T) {
	for name, jump := range map[string]time.Duration{
		"a day back": -24 * time.Hour, "five seconds back": -5 * time.Second, "a second back": -time.Second, "a day ahead": 24 * time.Hour,
		"once round": 1 << (32 + tickBits), "half round": 1 << (31 + tickBits),
	} {
		l := New(defaults())
		asked(l, somebody, 1, 1000, begin, 0)
		after := begin + int64(jump) + int64(2*time.Second)
		if got := asked(l, somebody, 1, 200, after, 0); got[Pass] < 199 {
			t.Errorf("%s: %d of 200 passed two seconds later", name, got[Pass])
		}
	}
}

// A table that a flood from everywhere fills keeps limiting who floods most, and lets everybody else through.
func TestAnOverfullTable(t *testing.T) {
	l := New(defaults())
	var got, others [3]int
	for i := range 1 << 19 { // 8 × the buckets, within a second
		now := begin + int64(i)<<10
		others[l.Decide(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), uint64(i), now)]++
		if i%8 == 0 { // 122,000 a second
			got[l.Decide(somebody, 1, now)]++
		}
	}
	if others[Pass] != 1<<19 {
		t.Errorf("%d of %d others passed", others[Pass], 1<<19)
	}
	if got[Pass] > 320 {
		t.Errorf("%d of %d passed, want about 307", got[Pass], got[Pass]+got[Slip]+got[Drop])
	}
}

// TestBudget holds the bound that matters for every pattern in time: in no span of d more than rate × d and one second's worth.
func TestBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		opt := defaults()
		opt.Rate = rapid.IntRange(1, 50).Draw(t, "rate")
		l := New(opt)
		now, passed := begin, []int64{}
		for range rapid.IntRange(1, 400).Draw(t, "answers") {
			now += rapid.Int64Range(0, int64(2*time.Second)/int64(opt.Rate)).Draw(t, "pause")
			full := len(passed) == 0 || now-passed[len(passed)-1] > int64(time.Second)
			action := l.Decide(somebody, 1, now)
			if full && action != Pass {
				t.Fatal("a full bucket let nothing through")
			}
			if action != Pass {
				continue
			}
			passed = append(passed, now)
			for i, from := range passed {
				n := len(passed) - i
				if most := float64(opt.Rate)*(1.001*float64(now-from)/1e9+1) + 1; float64(n) > most {
					t.Fatalf("%d in %s, want at most %.1f", n, time.Duration(now-from), most)
				}
			}
		}
	})
}

func TestWorkersShareABudget(t *testing.T) {
	l := New(defaults())
	var passed atomic.Int64
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for range 10_000 {
				if l.Decide(somebody, 1, begin) == Pass {
					passed.Add(1)
				}
			}
		})
	}
	workers.Wait()
	if n := passed.Load(); n != 200 {
		t.Errorf("%d passed, want 200", n)
	}
}

func TestItDoesNotAllocate(t *testing.T) {
	opt := defaults()
	opt.Exempt = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	l := New(opt)
	about := uint64(0)
	if n := testing.AllocsPerRun(1000, func() {
		about++
		l.Decide(six, about, begin)
		l.Decide(somebody, 1, begin)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTheTableIsAMebibyte(t *testing.T) {
	if size := unsafe.Sizeof([sets][ways]bucket{}); size != 1<<20 {
		t.Errorf("%d octets", size)
	}
}

// Tags and sets come from a secret: what collides in one limiter doesn't in another.
func TestSecretsDiffer(t *testing.T) {
	a, b := New(defaults()), New(defaults())
	same := 0
	for i := range uint64(1000) {
		if a.hash(0, 0, i)%sets == b.hash(0, 0, i)%sets {
			same++
		}
	}
	if same > 10 {
		t.Errorf("%d of 1000 keys lie in the same set of two limiters", same)
	}
}

func BenchmarkDecide(b *testing.B) {
	opt := defaults()
	opt.Exempt = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for name, clients := range map[string]uint32{"one, limited": 1, "1,000 networks": 1000, "everywhere": 1 << 24, "exempt": 0} {
		b.Run(name, func(b *testing.B) {
			l := New(opt)
			b.ReportAllocs()
			i := uint32(0)
			for b.Loop() {
				i++
				a := [4]byte{127, 0, 0, 1}
				if clients > 0 {
					binary.BigEndian.PutUint32(a[:], (i*2654435761%clients)<<8)
				}
				l.Decide(netip.AddrFrom4(a), 1, begin+int64(i)*300)
			}
		})
	}
}
