package page

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// The ways in which a request comes to an upstream: by the address of staff, and below a path that has an upstream of its own for everybody.
var ways = []way{{"staff", "127.0.0.1", "/"}, {"a path rule", "127.66.0.9", "/api/"}}

type way struct{ name, from, path string }

// passing runs a page host that passes requests for www.example.com on to an upstream, described as in the configuration, in both ways.
func passing(t testing.TB, upstream string, files map[string]string) *host {
	t.Helper()
	h := &host{t: t, dir: t.TempDir()}
	certify(t, h.dir, "www.example.com", 1)
	for name, text := range files {
		write(t, h.dir, name, text)
	}
	write(t, h.dir, "page.yaml", `listen: {http: ["127.0.0.1:0"], https: ["127.0.0.1:0"], admin: "127.0.0.1:0"}
state: state
certificates: [{certificate: www.example.com.pem, key: www.example.com.key}]
access_log: {file: access.log}
limits: {head: 1s, idle: 1s, body: 2s}
staff: {networks: [127.0.0.1/32]}
hosts:
  - names: [www.example.com, www.example.net]
    primary: `+upstream+`
    paths: [{path: /api/, proxy: `+upstream+`}, {path: /api/admin/, show: notice}]
`)
	h.run(h.command("page", "--config", "page.yaml"))
	return h
}

// addressed describes an upstream by its address alone.
func addressed(address string) string { return `{addresses: ["` + address + `"]}` }

// dialer connects to the page host, whatever the URL says, from an address.
func (h *host) dialer(from string, secure bool) func(context.Context, string, string) (net.Conn, error) {
	to := h.http
	if secure {
		to = h.https
	}
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "tcp", to) }
}

// trust trusts the certificate of the page host.
func (h *host) trust() *tls.Config {
	h.t.Helper()
	pem, err := os.ReadFile(filepath.Join(h.dir, "www.example.com.pem"))
	if err != nil {
		h.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: roots}
}

// client is a client in Go, for what curl can't do. Of an https URL it asks with HTTP/2 if it may.
func (h *host) client(from string, secure, http2 bool) *http.Client {
	h.t.Helper()
	trip := &http.Transport{
		DialContext: h.dialer(from, secure), TLSClientConfig: h.trust(), ForceAttemptHTTP2: http2, DisableCompression: true,
		ExpectContinueTimeout: patience,
	}
	h.t.Cleanup(trip.CloseIdleConnections)
	return &http.Client{Transport: trip, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// protocols are those that clients speak to the page host.
var protocols = []struct {
	name          string
	secure, http2 bool
}{{"HTTP/1.1", false, false}, {"HTTP/1.1 over TLS", true, false}, {"HTTP/2", true, true}}

// everyWay tries something in both ways and with all protocols; base is where the upstream is.
func (h *host) everyWay(t *testing.T, try func(t *testing.T, client *http.Client, base string)) {
	for _, w := range ways {
		for _, p := range protocols {
			t.Run(w.name+" by "+p.name, func(t *testing.T) {
				t.Parallel()
				scheme := "http"
				if p.secure {
					scheme = "https"
				}
				try(t, h.client(w.from, p.secure, p.http2), scheme+"://www.example.com"+w.path)
			})
		}
	}
}
