package page

import (
	"sync"
	"time"
)

// seldomEvery is how often a thing is logged that strangers can cause: they could fill the log.
const seldomEvery = 10 * time.Second

// seldom lets one of many through, from time to time. The zero value lets the first.
type seldom struct {
	mu   sync.Mutex
	next time.Time
	kept int
}

// due says whether this one is to be told, and how many before it were not.
func (s *seldom) due(now time.Time) (before int, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.next) {
		s.kept++
		return 0, false
	}
	before = s.kept
	s.next, s.kept = now.Add(seldomEvery), 0
	return before, true
}
