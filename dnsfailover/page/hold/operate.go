package hold

import (
	"context"
	"time"
)

// Pause holds who comes from now on. Requests under way finish.
func (g *Gate) Pause() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.paused, g.stopped = true, false
}

// Resume lets pass, those who wait first.
func (g *Gate) Resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.paused, g.stopped = false, false
	g.release()
}

// Stop refuses who comes from now on and who waits. Requests under way finish.
func (g *Gate) Stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.paused, g.stopped = false, true
	g.refuse(ErrStopped)
}

// Replace sends on who waits to whatever has taken this gate's place, where they keep their turn: Enter returns ErrReplaced. Who comes
// from now on is sent on too.
func (g *Gate) Replace() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.replaced = true
	g.refuse(ErrReplaced)
}

// refuse tells all who wait why they aren't let pass. The caller holds mu.
func (g *Gate) refuse(why error) {
	for g.queue.Len() > 0 {
		t := g.queue.Front().Value.(*ticket)
		g.drop(t)
		t.turn <- why
	}
}

// retry is how often a missing upstream is looked for.
const retry = 100 * time.Millisecond

// Missing tells that the upstream accepted no connection for a request that arrived then, which may enter again unless Missing
// returns false: then it has waited for as long as it may, or the gate holds nobody. Requests are held until try, which is called
// again and again, returns nil, or until nobody waits any more: the next request finds out for itself.
func (g *Gate) Missing(arrived time.Time, try func(context.Context) error) (again bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.limits.Max == 0 || time.Since(arrived) >= g.limits.For {
		return false
	}
	if !g.missing {
		g.missing = true
		go g.look(try)
	}
	return true
}

func (g *Gate) look(try func(context.Context) error) {
	for {
		time.Sleep(retry)
		ctx, cancel := context.WithTimeout(context.Background(), 10*retry)
		err := try(ctx)
		cancel()
		g.mu.Lock()
		if err == nil || g.queue.Len() == 0 {
			g.missing = false
			g.release()
			g.mu.Unlock()
			return
		}
		g.mu.Unlock()
	}
}

// Status is what a gate does at an instant.
type Status struct {
	State   State
	Waiting int
	Bytes   int // octets of the heads of those who wait
}

// Status returns what the gate does now.
func (g *Gate) Status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Status{State: g.state(), Waiting: g.queue.Len(), Bytes: g.bytes}
}

// state returns the state; the strongest of several. The caller holds mu.
func (g *Gate) state() State {
	switch {
	case g.stopped:
		return Stopped
	case g.paused:
		return Paused
	case g.missing:
		return Missing
	}
	return Open
}
