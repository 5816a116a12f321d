package policy

import (
	"time"

	"dnsfailover/zones"
)

// Ledger remembers how long caches may hold what a service served. It is a value: each method returns the next one.
type Ledger struct {
	// Since is the instant from which the present selection is served.
	Since time.Time
	// Present is the latest instant up to which answers with the present selection were promised by
	// timelines that are no longer served, Earlier the same of all selections before. Zero: none was given.
	Present, Earlier time.Time
}

// DrainedAt returns the instant from which no correct cache holds an earlier selection; zero if there was none.
// A cache that counts in whole seconds may hold an answer up to one second longer than its TTL.
func (l Ledger) DrainedAt() time.Time {
	if l.Earlier.IsZero() {
		return time.Time{}
	}
	if drained := l.Earlier.Add(time.Second); drained.After(l.Since) {
		return drained
	}
	return l.Since
}

// Served enters that a was served until the instant end, over as many of its steps as end lies behind.
func (l Ledger) Served(a *Ahead, end time.Time) Ledger {
	for i := range a.Steps {
		stop, last := end, true
		if i+1 < len(a.Steps) && !end.Before(a.Steps[i+1].From) {
			stop, last = a.Steps[i+1].From, false
		}
		if p := promise(&a.Timeline.Segments[i], stop); p.After(l.Present) {
			l.Present = p
		}
		if last {
			return l
		}
		if !a.Steps[i].Selection.Equal(a.Steps[i+1].Selection) {
			l = l.Switched(stop)
		}
	}
	return l
}

// Switched enters that another selection is served from now on.
func (l Ledger) Switched(now time.Time) Ledger {
	if l.Present.After(l.Earlier) {
		l.Earlier = l.Present
	}
	l.Since, l.Present = now, time.Time{}
	return l
}

// Replaced enters that next took the place of a at now.
func (l Ledger) Replaced(a, next *Ahead, now time.Time) Ledger {
	l = l.Served(a, now)
	if a.Steps[a.At(now)].Selection.Equal(next.Steps[0].Selection) {
		return l
	}
	return l.Switched(now)
}

// promise returns the latest instant up to which an answer from s that was given until end may be kept.
// An answer given at t promises t + TTL(t). That can't be read off the TTL at end alone: a TTL that shrinks
// because the selection may change soon follows longer ones. But without rounding each bound of the
// TTL makes t + TTL(t) grow with t or stay: t + Max, max(Change, t + Min), max(Edge - 1 s, t). So the last instant
// promises the most, and rounding down to seconds only takes from it.
func promise(s *zones.Segment, end time.Time) time.Time {
	p := end.Add(time.Duration(s.Max) * time.Second)
	if s.Change != 0 {
		p = earliest(p, latest(time.Unix(0, s.Change), end.Add(time.Duration(s.Min)*time.Second)))
	}
	if s.Edge != 0 {
		p = earliest(p, latest(time.Unix(0, s.Edge).Add(-time.Second), end))
	}
	return p
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
