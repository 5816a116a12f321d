package checks

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// shownHeaders are the ones that help to see who has answered. Cookies are not for everybody's eyes.
var shownHeaders = []string{"Server", "Via", "Content-Type", "Content-Length", "Location", "Retry-After"}

func seenHead(resp *http.Response) []string {
	seen := []string{"status line: " + clean(resp.Proto+" "+resp.Status)}
	for _, name := range shownHeaders {
		value := resp.Header.Get(name)
		if name == "Location" {
			value = withoutSecrets(value)
		}
		if value != "" {
			seen = append(seen, name+": "+clean(value))
		}
	}
	return seen
}

// withoutSecrets drops the user and the query of a URL, where a redirect may repeat those of the request.
func withoutSecrets(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery = nil, ""
	return u.String()
}

func seenCertificate(chain []*x509.Certificate) []string {
	if len(chain) == 0 {
		return nil
	}
	cert := chain[0]
	return []string{
		"certificate subject: " + clean(cert.Subject.String()),
		"certificate issuer: " + clean(cert.Issuer.String()),
		"certificate names: " + names(cert),
		"certificate expires: " + instant(cert.NotAfter),
	}
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
