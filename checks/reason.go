package checks

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// isTimeout says whether err is the end of the probe's deadline.
func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// networkReason says what is the same in every phase; empty if err is something else.
func networkReason(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return ""
	}
	switch errno {
	case syscall.ECONNREFUSED:
		return "connection refused"
	case syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED:
		return "connection reset"
	case syscall.EHOSTUNREACH, syscall.EHOSTDOWN:
		return "no route: host unreachable"
	case syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EAFNOSUPPORT:
		return "no route: network unreachable"
	case syscall.EADDRNOTAVAIL:
		return "no local address or port left to dial from"
	case syscall.EACCES, syscall.EPERM:
		return "not allowed to dial: a firewall on this host"
	case syscall.EMFILE, syscall.ENFILE:
		return "too many open files on this host"
	}
	return errno.Error()
}

// ours says that a connection failed for want of something on this host, which says nothing about the target.
func ours(err error) bool {
	if lost := (unrouted{}); errors.As(err, &lost) {
		return true
	}
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

func dialReason(err error, limit time.Duration) string {
	if isTimeout(err) {
		return fmt.Sprintf("connect timed out after %s", limit)
	}
	if lost := (unrouted{}); errors.As(err, &lost) {
		return "this host has no route there: " + clean(innermost(err))
	}
	if errors.Is(err, syscall.EINVAL) { // what Linux says to a route of the kind blackhole
		return "no route: this host throws away what is for there"
	}
	if reason := networkReason(err); reason != "" {
		return reason
	}
	return "connect: " + clean(innermost(err))
}

func tlsReason(err error, host string, limit time.Duration) string {
	var (
		invalid   x509.CertificateInvalidError
		wrongName x509.HostnameError
		unknown   x509.UnknownAuthorityError
		record    tls.RecordHeaderError
	)
	switch {
	case isTimeout(err):
		return fmt.Sprintf("TLS handshake timed out: not done within %s", limit)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if time.Now().Before(invalid.Cert.NotBefore) {
			return "TLS certificate is not valid before " + instant(invalid.Cert.NotBefore)
		}
		return "TLS certificate expired on " + instant(invalid.Cert.NotAfter)
	case errors.As(err, &wrongName):
		return fmt.Sprintf("TLS certificate is for %s, not for %q", names(wrongName.Certificate), host)
	case errors.As(err, &unknown):
		if cert := unknown.Cert; cert != nil && cert.Issuer.String() != cert.Subject.String() {
			return fmt.Sprintf("TLS certificate is signed by an unknown authority, %q", clean(cert.Issuer.String()))
		}
		return "TLS certificate is signed by an unknown authority: by itself"
	case errors.As(err, &record):
		return "the server does not speak TLS on this port"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed the connection during the TLS handshake"
	}
	if reason := networkReason(err); reason != "" {
		return reason + " during the TLS handshake"
	}
	if reason := refusal(err); reason != "" {
		return reason
	}
	var version uint16
	if n, _ := fmt.Sscanf(innermost(err), "tls: server selected unsupported protocol version %x", &version); n == 1 {
		return fmt.Sprintf("the server speaks %s at most, which is too old", tls.VersionName(version))
	}
	return "TLS: " + clean(strings.TrimPrefix(innermost(err), "tls: "))
}

// refusal says what TLS alert the server has sent; empty if err is something else.
func refusal(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		return "TLS refused by the server: " + strings.TrimPrefix(op.Err.Error(), "tls: ")
	}
	return ""
}

func firstByteReason(err error, limit time.Duration) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "closed the connection without an answer"
	}
	return answerReason(err, "the first byte", limit)
}

// headReason says why the headers could not be read. The answer starts with begin.
func headReason(err error, begin []byte, overflow bool, limit time.Duration) string {
	switch {
	case overflow:
		return fmt.Sprintf("headers larger than %d KiB", maxHead>>10)
	case isTimeout(err):
	case !strings.HasPrefix("HTTP/", string(begin[:min(len(begin), 5)])):
		return fmt.Sprintf("not an HTTP answer, it begins with %q", begin)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed the connection in the middle of the headers"
	}
	return answerReason(err, "the end of the headers", limit)
}

// bodyReason says why text was not found in the n bytes of the body that were read.
func bodyReason(err error, text string, n int, limit time.Duration) string {
	if err == nil || err == io.EOF {
		return fmt.Sprintf("body does not contain %s in its first %d bytes", brief(text), n)
	}
	return unreadReason(err, n, limit)
}

// unreadReason says why no more than n bytes of the body could be read.
func unreadReason(err error, n int, limit time.Duration) string {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Sprintf("closed the connection in the middle of the body, after %d bytes", n)
	}
	return answerReason(err, "the body", limit)
}

func answerReason(err error, awaited string, limit time.Duration) string {
	if isTimeout(err) {
		return fmt.Sprintf("no complete answer within %s (waited for %s)", limit, awaited)
	}
	if reason := networkReason(err); reason != "" {
		return fmt.Sprintf("%s (waited for %s)", reason, awaited)
	}
	if reason := refusal(err); reason != "" {
		return reason
	}
	return "malformed answer: " + clean(strings.TrimPrefix(innermost(err), "malformed "))
}

// innermost returns the text of the error that others wrap: the others name addresses and operations that
// the operator has configured himself.
func innermost(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// instant is a time for people who read a reason.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }

// brief quotes a text that an operator has configured, which may be long.
func brief(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.Quote(strings.ToValidUTF8(s[:most], "")) + "…"
	}
	return strconv.Quote(s)
}

// clean makes what a server sent fit to be shown: printable, and short.
func clean(s string) string {
	const most = 200
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return s
}

// firstLine returns the first line of text that somebody else has written, fit to be shown.
func firstLine(text []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimLeft(text, " \t\r\n"), []byte("\n"))
	return strings.TrimSpace(clean(strings.TrimSpace(string(line))))
}

// countOf is a number of things, in words.
func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// closed says whether err is the end of what the peer sends.
func closed(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
