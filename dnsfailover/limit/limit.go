package limit

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"sync/atomic"
	"time"
)

// Options are what New needs.
type Options struct {
	Rate int // answers a second for one network and content; 0: not limited
	Slip int // every Slip-th answer over the rate is sent truncated; 0: none, 1: all
	// IPv4Prefix and IPv6Prefix are how many bits of an address name its network.
	IPv4Prefix, IPv6Prefix int
	Exempt                 []netip.Prefix // never limited
}

// Action is what to do with an answer.
type Action uint8

// An answer is sent as it is, sent truncated, or not sent.
const (
	Pass Action = iota
	Slip
	Drop
)

const (
	// ways is how many buckets a network and content may lie in: as many as fit a cache line.
	ways = 4
	// sets × ways is 2^16 buckets, 1 MiB.
	sets = 1 << 14

	// Time is counted in ticks of 2^8 ns, modulo 2^32, 18 minutes. A bucket that was left alone for just so long is
	// taken for one in use, and refills in two seconds at most.
	tickBits = 8
	second   = int32(time.Second >> tickBits)
	// skew is how much older than others the time may be that a worker read before a batch: to him a bucket may look
	// emptier than empty, which must not be taken for what a clock leaves behind that was set back.
	skew = second
)

// bucket is the budget of one network and content.
type bucket struct {
	// state is a tag in the upper half, and the tick at which the bucket would be full again in the lower one. It is empty if
	// that is a second ahead.
	state atomic.Uint64
	// over counts the answers over the rate, for slip.
	over atomic.Uint64
}

// Limiter decides which answers are sent. Any number of goroutines may use it.
type Limiter struct {
	seed       maphash.Seed // secret: nobody can aim at the bucket of somebody else
	cost       int32        // of an answer, in ticks
	slip       uint64
	ipv4, ipv6 family
	table      [][ways]bucket
}

// family is what differs between IPv4 and IPv6. Addresses are taken as 128 bits.
type family struct {
	mask   [2]uint64 // of the network
	exempt []network
}

type network struct{ mask, bits [2]uint64 }

func (n network) contains(high, low uint64) bool {
	return high&n.mask[0] == n.bits[0] && low&n.mask[1] == n.bits[1]
}

// New returns a limiter whose buckets are all full; nil if opt says not to limit.
func New(opt Options) *Limiter {
	if opt.Rate == 0 {
		return nil
	}
	l := &Limiter{
		seed:  maphash.MakeSeed(),
		cost:  second / int32(min(opt.Rate, int(second))),
		slip:  uint64(opt.Slip),
		ipv4:  family{mask: mask(mapped + opt.IPv4Prefix)},
		ipv6:  family{mask: mask(opt.IPv6Prefix)},
		table: make([][ways]bucket, sets),
	}
	for _, p := range opt.Exempt {
		f, n := &l.ipv6, network{mask: mask(p.Bits())}
		if p.Addr().Is4() {
			f, n = &l.ipv4, network{mask: mask(mapped + p.Bits())}
		}
		high, low := halves(p.Addr())
		n.bits = [2]uint64{high & n.mask[0], low & n.mask[1]}
		f.exempt = append(f.exempt, n)
	}
	return l
}

// mapped is how many bits IPv6 puts before an address of IPv4.
const mapped = 96

func halves(a netip.Addr) (high, low uint64) {
	octets := a.As16()
	return binary.BigEndian.Uint64(octets[:]), binary.BigEndian.Uint64(octets[8:])
}

// mask returns the first bits of 128.
func mask(bits int) (m [2]uint64) {
	m[0] = ^uint64(0) << max(64-bits, 0)
	m[1] = ^uint64(0) << min(128-bits, 64)
	return m
}

// Decide says what to do with an answer to client, about what the hash about stands for. now is in Unix nanoseconds. It
// does not allocate.
func (l *Limiter) Decide(client netip.Addr, about uint64, now int64) Action {
	f := &l.ipv6
	if client.Is4() {
		f = &l.ipv4
	}
	high, low := halves(client)
	for _, n := range f.exempt {
		if n.contains(high, low) {
			return Pass
		}
	}
	hash := l.hash(high&f.mask[0], low&f.mask[1], about)
	set := &l.table[hash%sets]
	tag := hash &^ 0xFFFF_FFFF
	tick := uint32(now >> tickBits)
	for {
		b, state, spent := find(set, tag, tick)
		if spent+l.cost > second {
			if l.slip > 0 && b.over.Add(1)%l.slip == 0 {
				return Slip
			}
			return Drop
		}
		if b.state.CompareAndSwap(state, tag|uint64(tick+uint32(spent+l.cost))) {
			return Pass
		}
	}
}

// find returns the bucket of tag with its state, and how many ticks' worth of it are spent; if there is none,
// the one to give away, as a full one.
func find(set *[ways]bucket, tag uint64, tick uint32) (b *bucket, state uint64, spent int32) {
	least := second + skew + 1
	for i := range set {
		s := set[i].state.Load()
		// Before tick the bucket was full. Far ahead is what the clock left behind when it was set back, or went round.
		d := int32(uint32(s) - tick)
		if d < 0 || d > second+skew {
			d = 0
		}
		if s&^0xFFFF_FFFF == tag {
			return &set[i], s, d
		}
		if d < least {
			b, state, least = &set[i], s, d
		}
	}
	return b, state, 0
}

// hash mixes network and content under the secret.
func (l *Limiter) hash(high, low, about uint64) uint64 {
	var key [24]byte
	binary.NativeEndian.PutUint64(key[:], high)
	binary.NativeEndian.PutUint64(key[8:], low)
	binary.NativeEndian.PutUint64(key[16:], about)
	return maphash.Bytes(l.seed, key[:])
}
