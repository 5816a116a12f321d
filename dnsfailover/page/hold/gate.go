package hold

import (
	"container/list"
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Limits bound what a gate holds.
type Limits struct {
	For time.Duration // how long one request waits at most, counted from its arrival
	Max int           // how many requests wait at once; 0: none ever waits
	// PerClient is how many of them are one client's; 0: all may be.
	PerClient int
	Bytes     int // octets of the heads of all that wait
	// Parallel is how many of those who waited are before the upstream at once when they are let go; 0: 32.
	Parallel int
}

// placeTime is for how long one of those places is kept at most: the upstream may answer late by the nature of the request, and it may
// be the client that takes its time. So there is room for Parallel others each second, whatever they are.
const placeTime = time.Second

// State says what a gate does with who comes.
type State uint8

// Open lets pass, Paused holds by an operator's word, Missing holds since the upstream accepts no connection, Stopped refuses.
const (
	Open State = iota
	Paused
	Missing
	Stopped
)

// String returns the state's name, as the API, metrics and logs have it.
func (s State) String() string { return [...]string{"open", "paused", "missing", "stopped"}[s] }

// Why a request was not let pass.
var (
	ErrFull = errors.New("as many requests wait as may")
	// ErrShare: other clients still find a place.
	ErrShare = errors.New("as many requests of this client wait as may")
	ErrLate  = errors.New("the request has waited for as long as it may")
	// ErrStopped: by an operator's word nobody is let pass.
	ErrStopped = errors.New("stopped")
	// ErrReplaced: another gate stands here now; go to that one, with the time of arrival.
	ErrReplaced = errors.New("the gate was replaced")
)

// Gate lets requests pass, or holds them. It is safe for concurrent use.
type Gate struct {
	limits Limits

	mu       sync.Mutex
	paused   bool
	missing  bool // and a goroutine looks for the upstream
	stopped  bool
	replaced bool
	queue    list.List          // of *ticket, by arrival
	bytes    int                // of queue
	each     map[netip.Addr]int // how many in queue are a client's
	let      int                // of those who waited, with a place before the upstream
	counts   *Counts
}

// Counts are what became of who came to a gate, or to several, and was not let pass at once.
type Counts struct{ Released, Late, Full, Share atomic.Uint64 }

// ticket is one place in the queue.
type ticket struct {
	client  netip.Addr
	arrived time.Time
	size    int
	place   *list.Element // nil once it has left the queue
	turn    chan error    // told once, when it leaves the queue: nil to pass
}

// New returns an open gate that counts into counts.
func New(l Limits, counts *Counts) *Gate {
	if l.Parallel == 0 {
		l.Parallel = 32
	}
	return &Gate{limits: l, counts: counts, each: map[netip.Addr]int{}}
}

// Enter returns when a request of a client, of whose head there are size octets, may go on; it must call leave when the upstream begins
// to answer, or fails. The error is ErrFull, ErrShare, ErrLate, ErrStopped, ErrReplaced, or that of ctx.
func (g *Gate) Enter(ctx context.Context, client netip.Addr, arrived time.Time, size int) (leave func(), err error) {
	g.mu.Lock()
	t, err := g.ask(client, arrived, size)
	g.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case t == nil:
		return func() {}, nil
	}
	timer := time.NewTimer(g.limits.For - time.Since(arrived))
	defer timer.Stop()
	select {
	case err = <-t.turn:
	case <-ctx.Done():
		err = g.giveUp(t, ctx.Err())
	case <-timer.C:
		err = g.giveUp(t, ErrLate)
	}
	if err != nil {
		return nil, err
	}
	return g.leaver(), nil
}

// ask returns a place in the queue, or nil if there is nothing to wait for. The caller holds mu.
func (g *Gate) ask(client netip.Addr, arrived time.Time, size int) (*ticket, error) {
	switch {
	case g.replaced:
		return nil, ErrReplaced
	case g.stopped:
		return nil, ErrStopped
	case g.open() && g.queue.Len() == 0:
		return nil, nil
	case g.queue.Len() >= g.limits.Max || g.bytes+size > g.limits.Bytes:
		g.counts.Full.Add(1)
		return nil, ErrFull
	case g.limits.PerClient > 0 && g.each[client] >= g.limits.PerClient: // else who sends the most takes all places
		g.counts.Share.Add(1)
		return nil, ErrShare
	case time.Since(arrived) >= g.limits.For: // it has waited before
		g.counts.Late.Add(1)
		return nil, ErrLate
	}
	t := &ticket{client: client, arrived: arrived, size: size, turn: make(chan error, 1)}
	// Who comes back because the upstream has gone again is older than the last.
	after := g.queue.Back()
	for after != nil && after.Value.(*ticket).arrived.After(arrived) {
		after = after.Prev()
	}
	if after == nil {
		t.place = g.queue.PushFront(t)
	} else {
		t.place = g.queue.InsertAfter(t, after)
	}
	g.bytes += size
	g.each[client]++
	g.release()
	return t, nil
}

// giveUp takes t out of the queue, unless its turn has come in the very same moment.
func (g *Gate) giveUp(t *ticket, why error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.place == nil {
		return <-t.turn
	}
	g.drop(t)
	if errors.Is(why, ErrLate) {
		g.counts.Late.Add(1)
	}
	return why
}

// drop takes t out of the queue. The caller holds mu.
func (g *Gate) drop(t *ticket) {
	g.queue.Remove(t.place)
	t.place = nil
	g.bytes -= t.size
	if g.each[t.client]--; g.each[t.client] == 0 {
		delete(g.each, t.client)
	}
}

// release lets go who waits, as far as it is their turn. The caller holds mu.
func (g *Gate) release() {
	for g.open() && g.let < g.limits.Parallel && g.queue.Len() > 0 {
		t := g.queue.Front().Value.(*ticket)
		g.drop(t)
		g.let++
		g.counts.Released.Add(1)
		t.turn <- nil
	}
}

// leaver gives back the place of one who waited, for the next one: when it is called, or after placeTime.
func (g *Gate) leaver() func() {
	leave := sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.let--
		g.release()
	})
	late := time.AfterFunc(placeTime, leave)
	return func() {
		late.Stop()
		leave()
	}
}

// open says whether nothing holds requests up. The caller holds mu.
func (g *Gate) open() bool { return !g.paused && !g.missing && !g.stopped }
