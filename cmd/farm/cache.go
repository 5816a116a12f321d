package main

import (
	"math/rand/v2"
	"sort"
	"time"
)

// manner is how a cache deals with TTLs.
type manner struct {
	name string
	// hold returns until when an answer is used that came at t, for a cache whose clock ticks phase behind each whole second.
	hold func(t, ttl, phase time.Duration) time.Duration
	// prefetch is the last part of an answer's life in which somebody who asks for it has it fetched anew; 0: never.
	prefetch float64
	// stale: what has expired is handed out once more while it is fetched anew (RFC 8767 section 5 allows it for later).
	stale bool
}

func exact(t, ttl, _ time.Duration) time.Duration { return t + ttl }

// manners are how the caches of the farm behave, as many each way.
var manners = []manner{
	{name: "exact", hold: exact},
	{name: "whole seconds", hold: func(t, ttl, phase time.Duration) time.Duration { // as unbound: until the second after the TTL is over
		return (t - phase).Truncate(time.Second) + phase + ttl + time.Second
	}},
	{name: "30 s at least", hold: func(t, ttl, _ time.Duration) time.Duration { return t + max(ttl, 30*time.Second) }},
	{name: "30 s at most", hold: func(t, ttl, _ time.Duration) time.Duration { return t + min(ttl, 30*time.Second) }},
	{name: "prefetching", hold: exact, prefetch: 0.1},
	{name: "serves stale", hold: exact, stale: true},
}

// seen is what became of a cache's clients.
type seen struct {
	dead    time.Duration // for how long somebody who asks is sent to the dead primary
	queries int           // that the server got in the second half of the warm-up, when all caches are at it
}

// live lets a cache live through a scenario. Its clients come at random, so often. The server alone points at the primary in
// the periods alone; pointing is called for every one in which somebody who asks would be sent there.
func (m *manner) live(s *scenario, sv server, alone []span, every time.Duration, r *rand.Rand, pointing func(span)) (out seen) {
	wait := func() time.Duration { return time.Duration(r.ExpFloat64() * float64(every)) }
	phase := time.Duration(r.Int64N(int64(time.Second)))
	point := func(p span) {
		out.dead += s.hurt(p)
		pointing(p)
	}
	// bare: with nothing in the cache, somebody who asks gets what the server says.
	bare := func(empty span) {
		for _, p := range alone {
			if p = (span{max(empty.from, p.from), min(empty.to, p.to)}); p.from < p.to {
				point(p)
			}
		}
	}
	t := time.Duration(r.Int64N(int64(warmUp/2))) + wait() // in step with no other
	bare(span{0, t})
	for t < s.end {
		primary, ttl := sv.answer(t)
		if warmUp/2 <= t && t < warmUp {
			out.queries++
		}
		expires := m.hold(t, ttl, phase)
		next := expires + wait()
		if m.prefetch > 0 {
			begin := t + time.Duration(float64(expires-t)*(1-m.prefetch))
			if early := begin + wait(); early < expires {
				expires, next = early, early
			}
		}
		if m.stale {
			expires = next
		}
		if primary {
			point(span{t, min(expires, s.end)})
		}
		bare(span{expires, next})
		t = next
	}
	return out
}

// points returns when the server itself points at the primary, to a millisecond. It does not change its mind twice in a second.
func points(s *scenario, sv server) (all []span) {
	primary := func(t time.Duration) bool { is, _ := sv.answer(t); return is }
	before := false
	for t := time.Duration(0); t < s.end; t += time.Second {
		is := primary(t)
		if is == before {
			continue
		}
		begin := max(t-time.Second, 0)
		change := begin + time.Duration(sort.Search(int((t-begin)/time.Millisecond), func(i int) bool {
			return primary(begin+time.Duration(i)*time.Millisecond) == is
		}))*time.Millisecond
		if is {
			all = append(all, span{change, s.end})
		} else {
			all[len(all)-1].to = change
		}
		before = is
	}
	return all
}
