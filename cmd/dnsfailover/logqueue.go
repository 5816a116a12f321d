package main

import (
	"io"
	"log/slog"
	"sync/atomic"
	"time"
)

// logQueue passes lines on to a log that may block (a full pipe, a stopped reader), without ever waiting for it: decisions
// and answers must not. Lines that find no room are counted, and the count is written when there is room again.
type logQueue struct {
	lines   chan []byte
	dropped atomic.Uint64
	done    chan struct{}
}

const (
	logRoom     = 4096                   // lines
	logPatience = 500 * time.Millisecond // for the last lines, at the end
)

// newLogQueue begins to pass lines on to w. What was lost is told to direct, which writes to w as well.
func newLogQueue(w io.Writer, direct *slog.Logger) *logQueue {
	q := &logQueue{lines: make(chan []byte, logRoom), done: make(chan struct{})}
	go func() {
		defer close(q.done)
		for line := range q.lines {
			if n := q.dropped.Swap(0); n > 0 {
				direct.Warn("log lines lost: the log was blocked", "lines", n)
			}
			_, _ = w.Write(line)
		}
	}()
	return q
}

// Write takes one line. It never blocks and never fails.
func (q *logQueue) Write(line []byte) (int, error) {
	select {
	case q.lines <- append([]byte(nil), line...):
	default:
		q.dropped.Add(1)
	}
	return len(line), nil
}

// close lets the queue run empty, but waits no longer than a moment for a log that is blocked.
func (q *logQueue) close() {
	close(q.lines)
	select {
	case <-q.done:
	case <-time.After(logPatience):
	}
}
