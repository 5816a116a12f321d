package checks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// FileProbe looks at a file that something else on this host writes: it must be there, be younger than MaxAge, and
// contain Expect. What it says in its first line is the reason.
type FileProbe struct {
	Path   string // absolute
	MaxAge time.Duration
	Expect string // empty: anything

	reading atomic.Bool // a read is under way, perhaps one that hangs on a network's file system
}

// String describes the probe completely.
func (p *FileProbe) String() string {
	text := fmt.Sprintf("file %s, max age %s", p.Path, p.MaxAge)
	if p.Expect != "" {
		text += fmt.Sprintf(", expects %q", p.Expect)
	}
	return text
}

// Lag is how long the file may be old without a failure.
func (p *FileProbe) Lag() time.Duration { return p.MaxAge }

// maxFile is how much of a file is read.
const maxFile = 64 << 10

// contents is what was read of a file.
type contents struct {
	written time.Time
	data    []byte
	err     error
}

// Run reads the file; ctx bounds it, even where reading never returns.
func (p *FileProbe) Run(ctx context.Context) Result {
	w := newStopwatch(ctx)
	if !p.reading.CompareAndSwap(false, true) {
		return w.inconclusive("the file system has not answered the last time either")
	}
	read := make(chan contents, 1)
	go func() {
		c := p.read()
		p.reading.Store(false)
		read <- c
	}()
	select {
	case c := <-read:
		w.lap(phaseRead)
		ok, reason := p.judge(c, w.lapped)
		return w.result(ok, reason, nil)
	case <-ctx.Done():
		w.lap(phaseRead)
		return w.inconclusive(fmt.Sprintf("the file system did not answer within %s", w.limit))
	}
}

// read opens the file so that a pipe in its place doesn't block.
func (p *FileProbe) read() (c contents) {
	f, err := os.OpenFile(p.Path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return contents{err: err}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return contents{err: err}
	}
	if !info.Mode().IsRegular() {
		return contents{err: errors.New("it is not a plain file")}
	}
	c.written = info.ModTime()
	c.data, c.err = io.ReadAll(io.LimitReader(f, maxFile))
	return c
}

// judge says whether what was read at now is good.
func (p *FileProbe) judge(c contents, now time.Time) (ok bool, reason string) {
	if c.err != nil {
		if errors.Is(c.err, fs.ErrNotExist) {
			return false, "there is no file " + p.Path
		}
		return false, fmt.Sprintf("%s can't be read: %s", p.Path, clean(innermost(c.err)))
	}
	age := now.Sub(c.written).Round(100 * time.Millisecond)
	line := firstLine(c.data)
	said := ""
	if line != "" {
		said = ": " + line
	}
	switch {
	case age > p.MaxAge:
		return false, fmt.Sprintf("written %s ago, wanted %s at most%s", age, p.MaxAge, said)
	case -age > p.MaxAge:
		return false, fmt.Sprintf("its time lies %s in the future: a clock is wrong", -age)
	case !bytes.Contains(c.data, []byte(p.Expect)):
		return false, fmt.Sprintf("does not contain %s%s", brief(p.Expect), said)
	}
	return true, fmt.Sprintf("written %s ago%s", max(age, 0), said)
}
