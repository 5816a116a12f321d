package config

import (
	"encoding/hex"
	"strings"
)

// maxSecrets bounds how many secrets a cookie is tried with: a forged one costs as many hashes.
const maxSecrets = 8

// readSecrets reads the secrets of cookies, one in each line.
func (c *rawCookies) readSecrets(r *report, dir string) {
	if !c.file.ok() {
		return
	}
	path := resolve(dir, c.file.v)
	data, mode, ok := readReferred(r, c.file, path)
	if !ok {
		return
	}
	if mode.Perm()&0o004 != 0 {
		r.problem(c.file.pos, "everybody on this machine can read the secrets in %s: run chmod o-rwx on it, and change them", path)
	}
	lines := map[[16]byte]int{}
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		var secret [16]byte
		if n, err := hex.Decode(secret[:], []byte(line[:min(len(line), 2*len(secret))])); err != nil || len(line) != 2*n || n != len(secret) {
			r.problem(c.file.pos, "line %d of %s is not a secret: write 32 hexadecimal digits, such as openssl rand -hex 16 prints", i+1, path)
			return
		}
		if first := lines[secret]; first != 0 {
			r.problem(c.file.pos, "line %d of %s repeats the secret in line %d: remove one", i+1, path, first)
			return
		}
		lines[secret] = i + 1
		c.secrets = append(c.secrets, secret)
	}
	switch {
	case len(c.secrets) == 0:
		r.problem(c.file.pos, "%s holds no secret: put one in it, such as openssl rand -hex 16 prints", path)
	case len(c.secrets) > maxSecrets:
		r.problem(c.file.pos, "%s holds %d secrets: keep the %d newest at most", path, len(c.secrets), maxSecrets)
	}
}

// readPair sees to it that certificate and key can be used.
func (t *rawTLS) readPair(r *report, dir string) {
	t.certificate.v, t.key.v = resolve(dir, t.certificate.v), resolve(dir, t.key.v)
	if !t.certificate.ok() || !t.key.ok() {
		return
	}
	readKeyPair(r, t.certificate, t.key)
}
