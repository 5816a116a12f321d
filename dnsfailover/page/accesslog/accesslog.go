// Package accesslog writes down who asked for what, in the combined format of Apache and nginx or as JSON, one line each.
//
// Whoever answers never waits for the disk: lines are gathered in memory and written now and then. If the disk is too slow for what is
// asked, lines are lost, and the log says how many.
package accesslog

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	every = time.Second
	soon  = 64 << 10 // octets that are written at once
	most  = 4 << 20  // octets that wait at most
)

// Entry is one request.
type Entry struct {
	Time                  time.Time
	Client                netip.Addr
	Method, Target, Proto string
	Host, Agent, Referer  string
	Status                int
	Bytes                 int64  // of the body
	Form                  string // of the notice, or proxy, file, redirect, …
	Took                  time.Duration
}

// Log is an access log; nil is one that is off.
type Log struct {
	log  *slog.Logger
	path string
	json bool

	mu     sync.Mutex
	lines  []byte
	lost   int
	kick   chan struct{}
	reopen chan struct{}
	done   chan struct{}
	ended  chan struct{}
}

// Open begins to write to the file at path; if that is empty, the log is off.
func Open(path string, asJSON bool, log *slog.Logger) (*Log, error) {
	if path == "" {
		return nil, nil
	}
	f, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("access_log: %w", err)
	}
	l := &Log{
		log: log, path: path, json: asJSON,
		kick: make(chan struct{}, 1), reopen: make(chan struct{}, 1), done: make(chan struct{}), ended: make(chan struct{}),
	}
	go l.run(f)
	return l, nil
}

func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
}

// Reopen opens the file anew, for who has moved it away.
func (l *Log) Reopen() {
	if l == nil {
		return
	}
	select {
	case l.reopen <- struct{}{}:
	default:
	}
}

// Close writes what is left.
func (l *Log) Close() {
	if l == nil {
		return
	}
	close(l.done)
	<-l.ended
}

func (l *Log) run(f *os.File) {
	defer close(l.ended)
	defer func() { f.Close() }()
	tick := time.NewTicker(every)
	defer tick.Stop()
	var spare []byte
	write := func() {
		l.mu.Lock()
		lines, lost := l.lines, l.lost
		l.lines, l.lost = spare[:0], 0
		l.mu.Unlock()
		if len(lines) > 0 {
			if _, err := f.Write(lines); err != nil {
				l.log.Error("access log not written", "error", err)
			}
		}
		if lost > 0 {
			l.log.Warn("access log lines lost: the disk is too slow", "lines", lost)
		}
		spare = lines
	}
	for {
		select {
		case <-tick.C:
		case <-l.kick:
		case <-l.reopen:
			write()
			if next, err := open(l.path); err != nil {
				l.log.Error("access log not opened anew", "error", err)
			} else {
				f.Close()
				f = next
			}
		case <-l.done:
			write()
			return
		}
		write()
	}
}

// Add writes one line, soon.
func (l *Log) Add(e *Entry) {
	if l == nil {
		return
	}
	line := lines.Get().(*[]byte)
	defer lines.Put(line)
	if l.json {
		*line = e.asJSON((*line)[:0])
	} else {
		*line = e.combined((*line)[:0])
	}
	if l.gather(*line) {
		select {
		case l.kick <- struct{}{}:
		default:
		}
	}
}

// lines lends room in which a line is made: that isn't done under the lock, on which all who answer meet.
var lines = sync.Pool{New: func() any { return new([]byte) }}

// gather keeps a line until it is written, and says that there is enough to write.
func (l *Log) gather(line []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) > most {
		l.lost++
		return false
	}
	l.lines = append(l.lines, line...)
	return len(l.lines) > soon
}

// combined appends a line of the combined format, in UTC, with what could break it escaped as Apache does.
func (e *Entry) combined(b []byte) []byte {
	b = e.Client.AppendTo(b)
	b = append(b, " - - ["...)
	b = e.Time.UTC().AppendFormat(b, "02/Jan/2006:15:04:05 -0700")
	b = append(b, `] "`...)
	b = quoted(b, e.Method)
	b = append(b, ' ')
	b = quoted(b, e.Target)
	b = append(b, ' ')
	b = quoted(b, e.Proto)
	b = append(b, `" `...)
	b = strconv.AppendInt(b, int64(e.Status), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, e.Bytes, 10)
	b = append(b, ` "`...)
	b = dashed(b, e.Referer)
	b = append(b, `" "`...)
	b = dashed(b, e.Agent)
	return append(b, "\"\n"...)
}

func dashed(b []byte, s string) []byte {
	if s == "" {
		return append(b, '-')
	}
	return quoted(b, s)
}

const hex = "0123456789abcdef"

func quoted(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"', c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c >= 0x7f:
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}

// asJSON appends a line of JSON.
func (e *Entry) asJSON(b []byte) []byte {
	line, _ := json.Marshal(struct { // strings and numbers can't fail
		Time     time.Time  `json:"time"`
		Client   netip.Addr `json:"client"`
		Method   string     `json:"method"`
		Target   string     `json:"target"`
		Protocol string     `json:"protocol"`
		Host     string     `json:"host"`
		Status   int        `json:"status"`
		Bytes    int64      `json:"bytes"`
		Form     string     `json:"form"`
		Agent    string     `json:"agent"`
		Referer  string     `json:"referer"`
		Took     float64    `json:"took_ms"`
	}{
		e.Time.UTC(), e.Client, valid(e.Method), valid(e.Target), e.Proto, valid(e.Host), e.Status, e.Bytes, e.Form, valid(e.Agent), valid(e.Referer),
		float64(e.Took.Microseconds()) / 1000,
	})
	b = append(b, line...)
	return append(b, '\n')
}

// valid returns s as JSON can say it: with what isn't UTF-8 escaped as in the combined format.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string(quoted(make([]byte, 0, 4*len(s)), s))
}
