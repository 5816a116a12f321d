// Package seldom lets one of many through from time to time: what strangers can cause, and would fill the log with.
package seldom

import (
	"sync"
	"time"
)

// Thing is one that happens often. The zero value is one that hasn't yet: the first is let through.
type Thing struct {
	mu   sync.Mutex
	next time.Time
	kept int
}

// Due says whether this one is to be told, if one in a period is, and how many before it were not.
func (t *Thing) Due(now time.Time, period time.Duration) (before int, due bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(t.next) {
		t.kept++
		return 0, false
	}
	before = t.kept
	t.next, t.kept = now.Add(period), 0
	return before, true
}
