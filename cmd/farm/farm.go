package main

import (
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// farm is how many caches there are, and in how many runs the server is tried: each has the probes at another phase, and gets
// as many caches as the others.
type farm struct{ caches, runs int }

// contender is a server that is compared, made anew for each run.
type contender struct {
	name string
	make func(s *scenario, phase time.Duration) server
}

var contenders = []contender{
	{"fixed TTL of 60 s", func(s *scenario, phase time.Duration) server { return fixed{newOurs(s, phase)} }},
	{"gdnsd's formula", func(s *scenario, phase time.Duration) server { return newGdnsd(s, phase) }},
	{"dnsfailover", func(s *scenario, phase time.Duration) server { return newOurs(s, phase) }},
}

// outcome is what a contender has done to the clients of the caches in one scenario.
type outcome struct {
	by    []seenBy // by manner
	bare  time.Duration
	curve []float64 // by tick since the first death, the share of all caches whose clients are sent to the dead primary
}

// seenBy sums up the caches of one manner.
type seenBy struct {
	mean, worst time.Duration // for how long clients are sent to the dead primary
	queries     float64       // an hour and cache, while nothing happens
}

// try lets all caches live through s with one contender. Equal farms have equal outcomes.
func (f farm) try(s *scenario, c contender) outcome {
	each := f.caches / len(manners) / f.runs
	sums := make([]sum, f.runs)
	var wait sync.WaitGroup
	for run := range f.runs {
		wait.Go(func() {
			sums[run] = tryOnce(s, c.make(s, interval*time.Duration(run)/time.Duration(f.runs)), each, uint64(run))
		})
	}
	wait.Wait()
	total := sums[0]
	for _, o := range sums[1:] {
		total.add(o)
	}
	return total.outcome(s, each*f.runs, f.runs)
}

// sum is what a run adds up to.
type sum struct {
	dead, worst []time.Duration // by manner
	queries     []int
	bare        time.Duration
	changes     []float64 // by tick, how many caches begin to point at the dead primary, less those that end
}

func tryOnce(s *scenario, sv server, each int, seed uint64) sum {
	n := len(manners)
	o := sum{dead: make([]time.Duration, n), worst: make([]time.Duration, n), queries: make([]int, n), changes: make([]float64, s.ticks()+1)}
	bare := points(s, sv)
	for _, b := range bare {
		o.bare += s.hurt(b)
	}
	for i := range manners {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		for range each {
			every := time.Duration(float64(time.Second) * math.Pow(300, r.Float64())) // from one a second to one in five minutes
			seen := manners[i].live(s, sv, bare, every, r, o.mark(s))
			o.dead[i] += seen.dead
			o.worst[i] = max(o.worst[i], seen.dead)
			o.queries[i] += seen.queries
		}
	}
	return o
}

// ticks is how many points the plot of s has.
func (s *scenario) ticks() int { return int((s.end - warmUp) / s.tick) }

// mark enters in the plot that a cache points at the primary; the fractions of a tick count as such.
func (o *sum) mark(s *scenario) func(span) {
	at := func(t time.Duration, weight float64) {
		i, part := math.Modf(float64(t-warmUp) / float64(s.tick))
		o.changes[int(i)] += weight * (1 - part)
		if part > 0 {
			o.changes[int(i)+1] += weight * part
		}
	}
	return func(p span) {
		for _, d := range s.dead {
			if from, to := max(p.from, d.from), min(p.to, d.to); from < to {
				at(from, 1)
				at(to, -1)
			}
		}
	}
}

func (o *sum) add(p sum) {
	for i := range o.dead {
		o.dead[i] += p.dead[i]
		o.worst[i] = max(o.worst[i], p.worst[i])
		o.queries[i] += p.queries[i]
	}
	for i := range o.changes {
		o.changes[i] += p.changes[i]
	}
	o.bare += p.bare
}

// outcome divides by how many caches of each manner there were, in so many runs.
func (o *sum) outcome(s *scenario, each, runs int) outcome {
	out := outcome{bare: o.bare / time.Duration(runs)}
	for i := range o.dead {
		out.by = append(out.by, seenBy{
			mean: o.dead[i] / time.Duration(each), worst: o.worst[i],
			queries: float64(o.queries[i]) / float64(each) / (warmUp / 2).Hours(),
		})
	}
	now := 0.0
	for _, c := range o.changes[:s.ticks()] {
		now += c
		out.curve = append(out.curve, now/float64(each*len(manners)))
	}
	return out
}

// mean returns the average over all manners.
func (o outcome) mean() (dead time.Duration, queries float64) {
	for _, b := range o.by {
		dead += b.mean
		queries += b.queries
	}
	return dead / time.Duration(len(o.by)), queries / float64(len(o.by))
}
