package checks

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"
)

// ExchangeReason says in a probe's words why an exchange by a transport of net/http failed, for who asks without a probe. Host is the name that the
// server's certificate had to be for; connect and answer are how long a connection and the head of an answer had.
func ExchangeReason(err error, host string, connect, answer time.Duration) string {
	var (
		op          *net.OpError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
	)
	errors.As(err, &op)
	switch {
	case op != nil && op.Op == "dial":
		return dialReason(err, connect)
	case errors.Is(err, http.ErrSchemeMismatch):
		return "the server does not speak TLS on this port"
	case errors.As(err, &certificate), errors.As(err, &record), op != nil && strings.HasSuffix(op.Op, " error"), // remote error, local error: an alert
		strings.Contains(err.Error(), "TLS handshake"): // net/http keeps that error's type to itself
		return tlsReason(err, host, connect)
	}
	return firstByteReason(err, answer)
}
