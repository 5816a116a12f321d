package vault

import (
	"errors"
	"io/fs"
	"sync"
	"time"
)

// The pause between attempts to write doubles with each that fails.
const (
	minPause = time.Second
	MaxPause = time.Minute
)

// Trouble is what keeps a file from being written, as far as whoever writes tells how each attempt ended. At first there is none.
type Trouble struct {
	mu       sync.Mutex
	reason   string
	failures int // in a row
}

// Ended takes how an attempt ended. It returns why it failed, empty if it didn't, and whether that is news.
func (t *Trouble) Ended(err error) (reason string, news bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.reason
	if err == nil {
		t.reason, t.failures = "", 0
	} else {
		t.reason = plain(err)
		t.failures++
	}
	return t.reason, t.reason != before
}

// Reason is why the latest attempt failed; empty if it didn't.
func (t *Trouble) Reason() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.reason
}

// Pause is how long to wait between the latest attempt and the next one: 0 if it didn't fail.
func (t *Trouble) Pause() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failures == 0 {
		return 0
	}
	return min(minPause<<min(t.failures-1, 10), MaxPause)
}

// plain leaves out of an error which call failed on which file: whoever tells of it names the file.
func plain(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
