package main

import "time"

// span is a period of virtual time, which begins at zero.
type span struct{ from, to time.Duration }

// overlap returns for how long both spans last together.
func (s span) overlap(t span) time.Duration { return max(min(s.to, t.to)-max(s.from, t.from), 0) }

func (s span) empty() bool { return s.from >= s.to }

// scenario is what happens to the primary.
type scenario struct {
	name  string
	text  string // for the table
	dead  []span // when the primary is dead
	known span   // the window that was planned for it; empty: nobody knows before
	end   time.Duration
	tick  time.Duration // of the plot
}

// warmUp is how long caches have been asking before anything happens, more than any of them holds an answer.
const warmUp = 5 * time.Minute

// scenarios returns them.
func scenarios() []scenario {
	planned := scenario{
		name: "planned switch", text: "a window of 10 minutes, announced a day before; the primary is dead for its first 5",
		dead: []span{{warmUp, warmUp + 5*time.Minute}}, known: span{warmUp, warmUp + 10*time.Minute},
		end: warmUp + 5*time.Minute, tick: time.Second,
	}
	failure := scenario{
		name: "unplanned failure", text: "the primary dies, and stays dead for 5 minutes",
		dead: planned.dead, end: planned.end, tick: time.Second,
	}
	flapping := scenario{name: "flapping primary", text: "six times dead for 2 minutes, alive for 3", tick: 10 * time.Second}
	for i := range 6 {
		from := warmUp + time.Duration(i)*5*time.Minute
		flapping.dead = append(flapping.dead, span{from, from + 2*time.Minute})
	}
	flapping.end = warmUp + 30*time.Minute
	return []scenario{planned, failure, flapping}
}

// alive tells whether the primary answers at t.
func (s *scenario) alive(t time.Duration) bool {
	for _, d := range s.dead {
		if d.from <= t && t < d.to {
			return false
		}
	}
	return true
}

// hurt returns for how long the primary is dead within p.
func (s *scenario) hurt(p span) (sum time.Duration) {
	for _, d := range s.dead {
		sum += d.overlap(p)
	}
	return sum
}
