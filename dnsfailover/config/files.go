package config

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"os"
	"path/filepath"
)

const (
	maxReferred = 1 << 20 // bytes in a file that the configuration refers to
	minSecret   = 16      // characters in a token
	maxSocket   = 107     // bytes in the path of a Unix socket on Linux
)

// roots are the authorities of a private certificate.
type roots struct {
	pool *x509.CertPool
	id   string // digest of the file
}

// readFiles resolves paths against dir, the directory of the configuration, and reads the files that hold
// tokens, secrets and certificates.
func (c *rawConfig) readFiles(r *report, dir string) {
	c.resolvePaths(r, dir)

	holders := map[string]string{}
	for _, t := range c.tokens.items {
		t.readSecret(r, dir)
		if holder, twice := holders[t.secret]; twice && t.secret != "" {
			r.problem(t.file.pos, "token %q is the same as token %q: give each its own", t.name.v, holder)
		}
		holders[t.secret] = t.name.v
	}

	for _, h := range c.hooks.items {
		h.readFiles(r, dir)
	}
	c.answers.cookies.readSecrets(r, dir)
	if c.tls != nil {
		c.tls.readPair(r, dir)
	}

	c.defaults.readRoots(r, dir)
	c.defaults.readProbe(r, dir)
	for _, check := range c.everyCheck() {
		if check.ca.from == inherited && check.ca.pos == c.defaults.ca.pos {
			check.roots = c.defaults.roots
		} else {
			check.readRoots(r, dir)
		}
		check.readProbe(r, dir)
	}
}

// resolvePaths makes paths absolute, or relative to the working directory, for whoever opens them.
func (c *rawConfig) resolvePaths(r *report, dir string) {
	for _, z := range c.zones.items {
		z.file.v = resolve(dir, z.file.v)
	}
	c.state.v = absolute(resolve(dir, c.state.v))
	if c.control.from == absent {
		c.control = leaf[string]{pos: c.state.pos, v: filepath.Join(c.state.v, "control.sock"), from: builtin, bad: c.state.bad}
	}
	c.control.v = absolute(resolve(dir, c.control.v))
	if c.control.ok() && len(c.control.v) > maxSocket {
		r.problem(c.control.pos, "the path of the control socket has %d bytes, but no socket can have more than %d: set listen.control to a shorter one", len(c.control.v), maxSocket)
	}
}

func (t *rawToken) readSecret(r *report, dir string) { t.secret = readToken(r, t.file, dir) }

func (c *rawCheck) readRoots(r *report, dir string) { c.roots = readAuthorities(r, c.ca, dir) }

// readAuthorities returns the certificates in the file that l names; nil if it names none, or after saying why not.
func readAuthorities(r *report, l leaf[string], dir string) *roots {
	if !l.ok() {
		return nil
	}
	path := resolve(dir, l.v)
	data, _, ok := readReferred(r, l, path)
	if !ok {
		return nil
	}
	digest := sha256.Sum256(data)
	found := &roots{x509.NewCertPool(), hex.EncodeToString(digest[:8])}
	if !found.pool.AppendCertsFromPEM(data) {
		r.problem(l.pos, "%s holds no certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----", path)
	}
	return found
}

// readReferred returns the content and mode of the file that l names.
func readReferred(r *report, l leaf[string], path string) ([]byte, os.FileMode, bool) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		r.problem(l.pos, "%s can't be read: %s", path, reason(err))
		return nil, 0, false
	case !info.Mode().IsRegular(): // to open a pipe could wait for ever
		r.problem(l.pos, "%s is not a plain file", path)
		return nil, 0, false
	case info.Size() > maxReferred:
		r.problem(l.pos, "%s is larger than 1 MiB: it must be another file that is meant", path)
		return nil, 0, false
	}
	data, err := os.ReadFile(path)
	if err != nil {
		r.problem(l.pos, "%s can't be read: %s", path, reason(err))
		return nil, 0, false
	}
	return data, info.Mode(), true
}

// resolve returns path relative to the working directory, given one relative to dir.
func resolve(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// absolute returns path as it is if the working directory is gone.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
