package checks

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// The names of the phases.
const (
	phaseDial    = "dial"
	phaseTLS     = "tls"
	phaseFirst   = "first byte"
	phaseHeaders = "headers"
	phaseBody    = "body"
	phaseSend    = "send"
	phaseAnswer  = "answer"
	phaseRun     = "run"
	phaseRead    = "read"
)

// dial opens a connection. It is given an address, so no resolver is ever asked.
func dial(ctx context.Context, addr netip.AddrPort) (*net.TCPConn, error) {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	d := dialer(ctx, "tcp")
	conn, err := d.DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return nil, routed(ctx, addr, err)
	}
	return conn.(*net.TCPConn), nil
}

// longAgo is a deadline that ends a wait at once.
var longAgo = time.Unix(1, 0)

// bound makes every wait on conn end with ctx, at its deadline or when it is cancelled; release undoes it.
func bound(ctx context.Context, conn net.Conn) (release func()) {
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(longAgo) })
	return func() { stop() }
}

// A stopwatch takes the times of a probe's phases.
type stopwatch struct {
	start, lapped time.Time
	limit         time.Duration // from start to the deadline; zero if there is none
	detailed      bool          // somebody wants to see what is seen
	phases        []Phase
}

type limitKey struct{}

// WithTimeout is context.WithTimeout for a probe, whose reasons tell the limit as it was given, and not what was left of it
// when a busy machine came to start the clock.
func WithTimeout(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithValue(ctx, limitKey{}, limit), limit)
}

func newStopwatch(ctx context.Context) *stopwatch {
	now := time.Now()
	w := &stopwatch{start: now, lapped: now, detailed: ctx.Value(detailedKey{}) != nil}
	if limit, ok := ctx.Value(limitKey{}).(time.Duration); ok {
		w.limit = limit
	} else if deadline, ok := ctx.Deadline(); ok {
		w.limit = deadline.Sub(now).Round(time.Millisecond)
		if w.limit > 100*time.Millisecond { // on a busy host some of it has passed
			w.limit = w.limit.Round(10 * time.Millisecond)
		}
	}
	return w
}

// lap ends a phase.
func (w *stopwatch) lap(phase string) {
	now := time.Now()
	w.phases = append(w.phases, Phase{phase, now.Sub(w.lapped)})
	w.lapped = now
}

func (w *stopwatch) failed(reason string, seen ...string) Result {
	return w.result(false, reason, seen)
}

// inconclusive is the result of a probe for which this host lacked something.
func (w *stopwatch) inconclusive(reason string) Result {
	r := w.failed(reason)
	r.Inconclusive = true
	return r
}

func (w *stopwatch) result(ok bool, reason string, seen []string) Result {
	return Result{OK: ok, Reason: reason, Start: w.start, Took: w.lapped.Sub(w.start), Phases: w.phases, Seen: seen}
}

// undialled is the result of a probe whose dial failed.
func (w *stopwatch) undialled(err error) Result {
	r := w.result(false, dialReason(err, w.limit), nil)
	r.Inconclusive = ours(err)
	return r
}
