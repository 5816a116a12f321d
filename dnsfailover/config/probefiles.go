package config

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
)

// readProbe reads the files that hold what a check must not have in the configuration, and looks whether its program is there.
func (c *rawCheck) readProbe(r *report, dir string) {
	c.bearerToken = readToken(r, c.bearer, dir)
	c.push.token = readToken(r, c.push.file, dir)
	c.basic.password = readPassword(r, c.basic.file, dir)
	c.client.read(r, dir)
	if c.file.ok() {
		c.file.v = absolute(resolve(dir, c.file.v))
	}
	c.findProgram(r, dir)
}

// readToken returns the token that is in a file, or "" after it has said why not.
func readToken(r *report, l leaf[string], dir string) string {
	return readTokenOf(r, l, dir, minSecret)
}

// readTokenOf is readToken for one that needs at least as many characters.
func readTokenOf(r *report, l leaf[string], dir string, least int) string {
	path, secret, ok := readSecret(r, l, dir, "token")
	switch {
	case !ok:
	case secret == "":
		r.problem(l.pos, "%s is empty: put a token in it, such as openssl rand -hex 16 prints", path)
	case len(secret) < least:
		r.problem(l.pos, "the token in %s has %d characters: it needs at least %d", path, len(secret), least)
	case strings.ContainsFunc(secret, func(c rune) bool { return c <= ' ' || c > '~' }):
		r.problem(l.pos, "the token in %s must be one line of ASCII without spaces", path)
	default:
		return secret
	}
	return ""
}

// readPassword is readToken for a password, which others have chosen.
func readPassword(r *report, l leaf[string], dir string) string {
	path, secret, ok := readSecret(r, l, dir, "password")
	if ok && (secret == "" || strings.ContainsFunc(secret, func(c rune) bool { return c < ' ' || c == 0x7f })) {
		r.problem(l.pos, "%s must hold one line, which is the password", path)
		return ""
	}
	return secret
}

// readSecret returns the content of a file that not everybody may read, without the end of its line.
func readSecret(r *report, l leaf[string], dir, what string) (path, secret string, ok bool) {
	if !l.ok() {
		return "", "", false
	}
	path = resolve(dir, l.v)
	data, mode, ok := readReferred(r, l, path)
	if ok && mode.Perm()&0o004 != 0 {
		r.problem(l.pos, "everybody on this machine can read the %s in %s: run chmod o-rwx on it, and change the %s", what, path, what)
		return "", "", false
	}
	return path, strings.TrimRight(string(data), "\r\n"), ok
}

func (p *rawPair) read(r *report, dir string) {
	if !p.certificate.ok() || !p.key.ok() {
		return
	}
	p.certificate.v, p.key.v = resolve(dir, p.certificate.v), resolve(dir, p.key.v)
	pair, files, ok := readKeyPair(r, p.certificate, p.key)
	if !ok {
		return
	}
	digest := sha256.Sum256(files)
	p.pair, p.id = pair, hex.EncodeToString(digest[:8])
}

// readKeyPair returns a certificate and its key, and the content of both files, unless it has said why not.
func readKeyPair(r *report, certificateFile, keyFile leaf[string]) (pair *tls.Certificate, files []byte, ok bool) {
	certificate, _, okCertificate := readReferred(r, certificateFile, certificateFile.v)
	key, mode, okKey := readReferred(r, keyFile, keyFile.v)
	if !okCertificate || !okKey {
		return nil, nil, false
	}
	if mode.Perm()&0o004 != 0 {
		r.warning(keyFile.pos, "everybody on this machine can read the key in %s: run chmod o-rwx on it", keyFile.v)
	}
	both, err := tls.X509KeyPair(certificate, key)
	switch {
	case err == nil:
		return &both, append(append(certificate, 0), key...), true
	case !strings.Contains(string(certificate), "-----BEGIN CERTIFICATE-----"):
		r.problem(certificateFile.pos, "%s holds no certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----", certificateFile.v)
	case !strings.Contains(string(key), "PRIVATE KEY-----"):
		r.problem(keyFile.pos, "%s holds no private key in PEM form, which begins with -----BEGIN PRIVATE KEY-----", keyFile.v)
	case strings.Contains(string(key), "ENCRYPTED"):
		r.problem(keyFile.pos, "the key in %s is encrypted: nobody is there to type its passphrase when the server starts", keyFile.v)
	default:
		r.problem(keyFile.pos, "the key in %s and the certificate in %s can't be used together: %s", keyFile.v, certificateFile.v, strings.TrimPrefix(err.Error(), "tls: "))
	}
	return nil, nil, false
}

// findProgram looks for a check's program. Checks that have inherited the
// program share it with `defaults`, where that is done.
func (c *rawCheck) findProgram(r *report, dir string) {
	if !c.exec.ok() || len(c.exec.items) == 0 || !c.exec.items[0].ok() || c.exec.from != written {
		return
	}
	findProgram(r, &c.exec.items[0], "exec", dir)
}

// findProgram makes the path of a program, which is an item of what, absolute, and looks whether it can be run.
func findProgram(r *report, program *leaf[string], what, dir string) {
	if !program.ok() {
		return
	}
	if !strings.Contains(program.v, string(filepath.Separator)) {
		r.problem(program.pos, "%s: %q is not the path of a program: write all of it, as in /usr/lib/nagios/plugins/check_ssh; no shell looks for it", what, program.v)
		return
	}
	program.v = absolute(resolve(dir, program.v))
	switch info, err := os.Stat(program.v); {
	case err != nil:
		r.problem(program.pos, "%s: %s can't be run: %s", what, program.v, reason(err))
	case !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0:
		r.problem(program.pos, "%s: %s is not a program: it needs the permission to be run (chmod +x)", what, program.v)
	}
}
