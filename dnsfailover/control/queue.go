package control

import (
	"sync"

	"dnsfailover/checks"
)

// queue holds transitions until control takes them: of each check only the latest, so that it never holds more than
// there are checks, and whoever puts never waits.
type queue struct {
	signal chan struct{} // holds one token while there is something to take

	mu     *sync.Mutex
	latest map[string]checks.Transition
	order  []string
}

func newQueue() queue {
	return queue{signal: make(chan struct{}, 1), mu: new(sync.Mutex), latest: map[string]checks.Transition{}}
}

func (q *queue) put(t checks.Transition) {
	q.mu.Lock()
	if _, ok := q.latest[t.Check.ID]; !ok {
		q.order = append(q.order, t.Check.ID)
	}
	q.latest[t.Check.ID] = t
	q.mu.Unlock()
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

// take returns what is queued, in the order in which the checks first reported.
func (q *queue) take() []checks.Transition {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := make([]checks.Transition, len(q.order))
	for i, id := range q.order {
		out[i] = q.latest[id]
	}
	clear(q.latest)
	q.order = q.order[:0]
	return out
}
