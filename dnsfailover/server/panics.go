package server

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"dnsfailover/zones"
)

// Bounds on what panics write to the log, whatever comes in.
const (
	panicsPerSecond = 3
	panicQuery      = 512  // octets of the query
	panicStack      = 4096 // octets of the stack
)

// panicLog counts the panics of all workers, and logs a few of them per second.
type panicLog struct {
	log   *slog.Logger
	count atomic.Uint64

	mu         sync.Mutex
	second     int64 // in which logged was counted
	logged     int
	suppressed int // since the last line
}

// report is called by the goroutine that recovered, before it unwinds.
func (p *panicLog) report(now int64, value any, query []byte, transport zones.Transport) {
	p.count.Add(1)
	suppressed, ok := p.admit(now / 1e9)
	if !ok {
		return
	}
	stack := debug.Stack()
	p.log.Error("query lost to a panic",
		"panic", fmt.Sprint(value),
		"transport", transportNames[transport],
		"octets", len(query),
		"query", hex.EncodeToString(query[:min(len(query), panicQuery)]),
		"suppressed", suppressed,
		"stack", string(stack[:min(len(stack), panicStack)]))
}

// admit says whether a line may be logged in this second, and how many were not since the last one.
func (p *panicLog) admit(second int64) (suppressed int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if second != p.second {
		p.second, p.logged = second, 0
	}
	if p.logged == panicsPerSecond {
		p.suppressed++
		return 0, false
	}
	p.logged++
	suppressed, p.suppressed = p.suppressed, 0
	return suppressed, true
}
