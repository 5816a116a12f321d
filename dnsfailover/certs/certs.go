// Package certs holds a certificate that follows its files: whoever renews them tells nobody.
package certs

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Certificate is what TLS clients are shown. It follows its files: they are looked at before a handshake, if that
// wasn't done just now, and what is wrong with them doesn't touch what is shown.
type Certificate struct {
	log     *slog.Logger
	reread  time.Duration
	current atomic.Pointer[tls.Certificate]
	due     atomic.Int64 // when the files are looked at again, in Unix nanoseconds

	mu      sync.Mutex // of what follows
	files   [2]string  // certificate and key
	seen    [2]os.FileInfo
	problem error // of the files as they were seen
}

// New loads a certificate and its key. The files are looked at again no more often than once in reread.
func New(files [2]string, reread time.Duration, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{log: log, reread: reread}
	return c, c.Use(files)
}

// Use takes the certificate from other files, or from the same once more. If that can't be done, the one before stays.
func (c *Certificate) Use(files [2]string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files = files
	c.load()
	return c.problem
}

// Get is tls.Config.GetCertificate.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.follow()
	return c.current.Load(), nil
}

// follow loads the files if they have changed. It looks at them no more often than once in reread, whoever calls.
func (c *Certificate) follow() {
	now, due := time.Now(), c.due.Load()
	if now.UnixNano() < due || !c.due.CompareAndSwap(due, now.Add(c.reread).UnixNano()) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, file := range c.files {
		info, err := os.Stat(file)
		if err != nil {
			info = nil
		}
		if !same(info, c.seen[i]) {
			c.load()
			return
		}
	}
}

// same says whether a file is as it was; nil is one that isn't there. A renamed or relinked file is another one.
func same(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// load takes the files as they are now. mu is held.
func (c *Certificate) load() {
	var loaded *tls.Certificate
	loaded, c.seen, c.problem = loadCertificate(c.files)
	if c.problem != nil {
		if c.current.Load() != nil {
			c.log.Error("certificate not taken, the one before stays", "error", c.problem)
		}
		return
	}
	c.current.Store(loaded)
	c.log.Info("certificate loaded", "file", c.files[0], "expires", loaded.Leaf.NotAfter)
}

// loadCertificate returns a certificate and the files as they were before they were read.
func loadCertificate(files [2]string) (*tls.Certificate, [2]os.FileInfo, error) {
	var seen [2]os.FileInfo
	var problem error
	for i, file := range files {
		info, err := os.Stat(file)
		if err == nil {
			seen[i] = info
			if !info.Mode().IsRegular() { // opening a pipe would wait for who writes it
				err = fmt.Errorf("%s is not a file", file)
			}
		}
		problem = cmp.Or(problem, err)
	}
	if problem != nil {
		return nil, seen, problem
	}
	loaded, err := tls.LoadX509KeyPair(files[0], files[1])
	if err != nil {
		return nil, seen, fmt.Errorf("certificate %s with key %s: %w", files[0], files[1], err)
	}
	return &loaded, seen, nil
}

// Problems says what an operator should mend, one sentence each, beginning with where.
func (c *Certificate) Problems(where string, now time.Time) []string {
	c.follow()
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	if c.problem != nil {
		out = append(out, fmt.Sprintf("%s: the certificate is served as it was before: %v", where, c.problem))
	}
	if expires := c.current.Load().Leaf.NotAfter; now.After(expires) {
		out = append(out, fmt.Sprintf("%s: the certificate in %s has expired on %s: clients that verify it are turned away until it is renewed",
			where, c.files[0], expires.UTC().Format(time.RFC3339)))
	}
	return out
}

// Leaf is the certificate itself, as it is shown now.
func (c *Certificate) Leaf() *x509.Certificate { return c.current.Load().Leaf }
