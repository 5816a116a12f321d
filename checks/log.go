package checks

import (
	"log/slog"
	"sync"
	"time"
)

// logEvery is how often a limitedLog writes a line at most.
const logEvery = 10 * time.Second

// A limitedLog writes warnings of one kind, of which thousands may come at once.
type limitedLog struct {
	log *slog.Logger

	mu         sync.Mutex
	written    time.Time
	suppressed int
}

// warn writes a line, unless the latest is too recent: then the next line counts it as suppressed.
func (l *limitedLog) warn(msg string, args ...any) {
	l.mu.Lock()
	if !l.written.IsZero() && time.Since(l.written) < logEvery {
		l.suppressed++
		l.mu.Unlock()
		return
	}
	suppressed := l.suppressed
	l.written, l.suppressed = time.Now(), 0
	l.mu.Unlock()
	if suppressed > 0 {
		args = append(args, "suppressed", suppressed)
	}
	l.log.Warn(msg, args...)
}
