package checks

import (
	"container/heap"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
)

// A start or a tick that is later than this says that the process was stopped or starved.
const lateBy = time.Second

// A lane keeps the checks of one interval in the order in which they are due.
type lane struct {
	interval time.Duration
	epoch    time.Time // where phases are counted from
	members  int       // guarded by Scheduler.mu
	job      uuid.UUID // guarded by Scheduler.mu

	mu     sync.Mutex
	start  func(*runner) // has a probe started when it is due; nil before the lane ticks
	queue  queue         // the runners that have no probe under way
	ticked time.Time     // latest tick
}

// tick is how often a lane of that interval looks for what is due.
func tick(interval time.Duration) time.Duration {
	return min(max(interval/50, 10*time.Millisecond), 100*time.Millisecond)
}

// regular returns when a check is due whose latest probe began at start and found nothing new: at the
// check's own phase of the interval, give or take 5 %, and at most 1.1 intervals after start.
func (l *lane) regular(start time.Time, phase time.Duration) time.Time {
	twentieth := l.interval / 20
	latest := start.Sub(l.epoch) + l.interval + twentieth
	onPhase := latest - (latest-phase)%l.interval
	jitter := rand.N(2*twentieth+1) - twentieth
	return l.epoch.Add(onPhase + jitter)
}

// put queues r, or has its probe started if it is due before the next tick, unless its check has been removed.
func (l *lane) put(r *runner, due time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.ctx.Err() != nil {
		return
	}
	r.due, r.late = due, false
	if l.start != nil && due.Before(l.ticked.Add(tick(l.interval))) { // the latest tick looked for all until the next one
		l.start(r)
		return
	}
	heap.Push(&l.queue, r)
}

// wait queues r again, whose turn has come when there was no room for its probe.
func (l *lane) wait(r *runner) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.ctx.Err() == nil {
		r.waited = true
		heap.Push(&l.queue, r)
	}
}

// take removes r from the queue; false if a probe of it is under way.
func (l *lane) take(r *runner) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.slot < 0 {
		return false
	}
	heap.Remove(&l.queue, r.slot)
	return true
}

// due removes what is due before the tick after now from the queue and returns it.
func (l *lane) due(now time.Time) []*runner {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.ticked) > tick(l.interval)+lateBy {
		l.spread(now)
	}
	l.ticked = now
	return l.overdue(now.Add(tick(l.interval)))
}

// resume begins the ticking of a lane. That nothing ran before makes no probe late.
func (l *lane) resume(now time.Time, start func(*runner)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start = start
	l.spread(now.Add(tick(l.interval))) // when the first tick comes
	for _, r := range l.queue {
		r.late = false
	}
	l.ticked = now
}

// spread makes what has been due for a while (since the machine slept, or before the schedule has begun)
// due over the next moment instead of all at once.
func (l *lane) spread(now time.Time) {
	all := l.overdue(now)
	gap := moment(len(all), l.interval)
	for i, r := range all {
		r.late = r.late || now.Sub(r.due) > lateBy
		r.due = now.Add(time.Duration(i) * gap)
		heap.Push(&l.queue, r)
	}
}

func (l *lane) overdue(now time.Time) []*runner {
	var all []*runner
	for len(l.queue) > 0 && !l.queue[0].due.After(now) {
		r := heap.Pop(&l.queue).(*runner)
		all = append(all, r)
	}
	return all
}

// moment returns the gap at which n first probes follow each other: a millisecond, or less so that the
// last one starts within a second, and within a tenth of the interval.
func moment(n int, interval time.Duration) time.Duration {
	return min(time.Millisecond, min(time.Second, interval/10)/time.Duration(max(n, 1)))
}

// A queue is a heap of runners, the one that is due first on top.
type queue []*runner

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].slot, q[j].slot = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	r := x.(*runner)
	r.slot = len(*q)
	*q = append(*q, r)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	r := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	r.slot = -1
	return r
}
