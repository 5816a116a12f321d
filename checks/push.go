package checks

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"sync"
	"time"
)

// PushProbe judges what a target has last reported of itself, for hosts that can't be reached and for jobs that run now
// and then. Silence for longer than MaxAge is failure.
//
// It remembers nothing over a restart, and needs not to: until MaxAge has passed since it was first run, silence is
// inconclusive, so that a verdict from before stays what it was.
type PushProbe struct {
	MaxAge time.Duration
	// Token is the hash of the token that reports must bear.
	Token [sha256.Size]byte

	mu    sync.Mutex
	began time.Time // the first run; zero before it
	last  Report    // the latest; its At is zero if there was none
}

// Report is what a target says of itself.
type Report struct {
	At     time.Time
	OK     bool
	Reason string // may be empty
}

// String describes the probe completely; its token as a digest only.
func (p *PushProbe) String() string { return p.describe(true) }

func (p *PushProbe) describe(secrets bool) string {
	text := fmt.Sprintf("push, max age %s", p.MaxAge)
	if secrets {
		text += ", secrets " + digest(hex.EncodeToString(p.Token[:]))
	}
	return text
}

// Lag is how long a target may be silent without a failure.
func (p *PushProbe) Lag() time.Duration { return p.MaxAge }

// Accepts says whether token is the one that reports must bear. It takes as long for any token.
func (p *PushProbe) Accepts(token string) bool {
	hash := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(hash[:], p.Token[:]) == 1
}

// PushProbe returns the probe of the check with that ID, if that is one to which reports are pushed; else nil.
func (s *Scheduler) PushProbe(id string) *PushProbe {
	r := (*s.runners.Load())[id]
	if r == nil {
		return nil
	}
	return Pushed(r.check.Probe)
}

// Pushed returns the probe to which reports are pushed, if that is what p is, or inverts; else nil.
func Pushed(p Probe) *PushProbe {
	if inverted, ok := p.(Inverted); ok {
		p = inverted.Probe
	}
	pushed, _ := p.(*PushProbe)
	return pushed
}

// Report takes a report in. The next run judges it.
func (p *PushProbe) Report(r Report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.Reason = clean(r.Reason)
	p.last = r
}

// Run judges the latest report.
func (p *PushProbe) Run(ctx context.Context) Result {
	w := newStopwatch(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.began.IsZero() {
		p.began = w.start
	}
	ago := func(t time.Time) time.Duration { return w.start.Sub(t).Round(100 * time.Millisecond) }
	said, last := "", " gave no reason"
	if p.last.Reason != "" {
		said = ": " + p.last.Reason
		last = " said" + said
	}
	switch {
	case p.last.At.IsZero() && w.start.Sub(p.began) <= p.MaxAge:
		return w.inconclusive(fmt.Sprintf("no report yet, in the first %s", p.MaxAge))
	case p.last.At.IsZero():
		return w.failed(fmt.Sprintf("no report for %s, wanted one every %s", ago(p.began), p.MaxAge))
	case w.start.Sub(p.last.At) > p.MaxAge:
		return w.failed(fmt.Sprintf("no report for %s, wanted one every %s; the last one%s", ago(p.last.At), p.MaxAge, last))
	case !p.last.OK:
		return w.failed(fmt.Sprintf("reported %s ago that it is down%s", ago(p.last.At), said))
	}
	return w.result(true, fmt.Sprintf("reported %s ago%s", ago(p.last.At), said), nil)
}
