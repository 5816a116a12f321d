package checks

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// TLS says how a probe speaks TLS and what it wants of the certificate. Its zero value verifies the certificate against
// the system's authorities, for the name that the probe asks for.
type TLS struct {
	// Roots are the authorities that certificates are verified against; nil means the system's.
	Roots *x509.CertPool
	// RootsID stands for the content of Roots in String, such as a digest of the file. Without it, two
	// probes are only equal if they share one Roots.
	RootsID string
	// Client is the certificate that is shown to a server that asks for one; nil if there is none. ClientID stands for it.
	Client   *tls.Certificate
	ClientID string
	// MinVersion is the oldest version that is spoken, such as tls.VersionTLS13; 0 means TLS 1.2.
	MinVersion uint16
	// A certificate that is valid for less than WarnDays is a warning, for less than FailDays a failure.
	WarnDays, FailDays int
}

// secured is a connection after the handshake, with what was seen of the certificate.
type secured struct {
	*tls.Conn
	seen    []string
	warning string
}

// handshake speaks TLS for the server name over conn, offers protocols and judges the certificate; reason is why it failed.
func (t *TLS) handshake(conn net.Conn, w *stopwatch, name string, protocols ...string) (s secured, reason string) {
	config := &tls.Config{ServerName: name, RootCAs: t.Roots, NextProtos: protocols, MinVersion: t.MinVersion}
	if t.Client != nil {
		config.Certificates = []tls.Certificate{*t.Client}
	}
	s.Conn = tls.Client(conn, config)
	err := s.Handshake()
	w.lap(phaseTLS)
	if err != nil {
		if w.detailed {
			s.seen = seenCertificate(unverified(err))
		}
		return s, tlsReason(err, name, w.limit)
	}
	state := s.ConnectionState()
	if w.detailed {
		s.seen = append(seenSession(state), seenCertificate(state.PeerCertificates)...)
	}
	end := expiry(state.VerifiedChains)
	switch days := int(end.Sub(w.lapped) / (24 * time.Hour)); {
	case days < t.FailDays:
		return s, fmt.Sprintf("TLS certificate expires in %s, wanted %s: on %s", countOf(days, "day"), countOf(t.FailDays, "day"), instant(end))
	case days < t.WarnDays:
		s.warning = fmt.Sprintf("TLS certificate expires in %s, on %s", countOf(days, "day"), instant(end))
	}
	return s, ""
}

// expiry returns until when one of the chains is valid.
func expiry(chains [][]*x509.Certificate) (latest time.Time) {
	for _, chain := range chains {
		end := chain[0].NotAfter
		for _, cert := range chain[1:] {
			if cert.NotAfter.Before(end) {
				end = cert.NotAfter
			}
		}
		if end.After(latest) {
			latest = end
		}
	}
	return latest
}

// describe describes the settings completely, with a comma before each.
func (t *TLS) describe() string {
	text := ""
	switch {
	case t.Roots == nil:
	case t.RootsID != "":
		text += ", roots " + t.RootsID
	default:
		text += fmt.Sprintf(", roots %p", t.Roots)
	}
	switch {
	case t.Client == nil:
	case t.ClientID != "":
		text += ", client " + t.ClientID
	default:
		text += fmt.Sprintf(", client %p", t.Client)
	}
	if t.MinVersion != 0 {
		text += ", at least " + tls.VersionName(t.MinVersion)
	}
	if t.WarnDays > 0 {
		text += fmt.Sprintf(", warns %s before it expires", countOf(t.WarnDays, "day"))
	}
	if t.FailDays > 0 {
		text += fmt.Sprintf(", fails %s before it expires", countOf(t.FailDays, "day"))
	}
	return text
}

// seenSession says what the two have agreed on.
func seenSession(state tls.ConnectionState) []string {
	text := tls.VersionName(state.Version) + ", " + tls.CipherSuiteName(state.CipherSuite)
	if state.NegotiatedProtocol != "" {
		text += ", " + state.NegotiatedProtocol
	}
	return []string{"TLS: " + text}
}

func seenCertificate(chain []*x509.Certificate) []string {
	if len(chain) == 0 {
		return nil
	}
	cert := chain[0]
	seen := []string{
		"certificate subject: " + clean(cert.Subject.String()),
		"certificate issuer: " + clean(cert.Issuer.String()),
		"certificate names: " + names(cert),
		"certificate expires: " + instant(cert.NotAfter),
	}
	const most = 8
	for i, cert := range chain[1:] {
		if i == most {
			seen = append(seen, fmt.Sprintf("chain: and %d more", len(chain)-1-most))
			break
		}
		seen = append(seen, fmt.Sprintf("chain: %s, of %s, expires %s", clean(cert.Subject.String()), clean(cert.Issuer.String()), instant(cert.NotAfter)))
	}
	return seen
}

// unverified returns the chain that failed to verify, so that it can be shown.
func unverified(err error) []*x509.Certificate {
	var e *tls.CertificateVerificationError
	if errors.As(err, &e) {
		return e.UnverifiedCertificates
	}
	return nil
}

// names lists what a certificate is for.
func names(cert *x509.Certificate) string {
	const most = 8
	all := append([]string(nil), cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		all = append(all, ip.String())
	}
	switch n := len(all); {
	case n == 0:
		return "no name"
	case n > most:
		return clean(strings.Join(all[:most], ", ")) + fmt.Sprintf(" and %d more", n-most)
	}
	return clean(strings.Join(all, ", "))
}
