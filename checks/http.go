package checks

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	maxHead = 64 << 10 // status line and headers, informational answers included
	maxBody = 64 << 10 // what is searched for Body
	// userAgent can be replaced by Headers: some firewalls refuse what they don't know.
	userAgent = "dnsfailover/1 (health check)"
)

// HTTPProbe asks a web server once, over a connection of its own, and judges the status and body of its answer.
//
// It speaks HTTP/1.1, uses no proxy, follows no redirect (a 3xx is judged like any other status) and
// decompresses nothing. The context's deadline bounds it all, from dial to last byte.
type HTTPProbe struct {
	// URL is what is asked for; http or https, its host in ASCII. Host header, SNI and the name that the
	// certificate must be valid for come from it. A user in it is sent as basic authentication.
	URL *url.URL
	// Address is what is dialled, at the port of URL or else the scheme's.
	Address netip.Addr
	// Method is GET if empty.
	Method string
	// Headers are added to the request and override what the probe would send, Host included.
	Headers http.Header
	// Statuses are the ranges that count as success; none means 200-299.
	Statuses []StatusRange
	// Body must occur in the first 64 KiB of the body; if it is empty, the body isn't read.
	Body string
	// Roots are the authorities that certificates are verified against; nil means the system's.
	Roots *x509.CertPool
	// RootsID stands for the content of Roots in String, such as a digest of the file. Without it, two
	// probes are only equal if they share one Roots.
	RootsID string
}

// StatusRange is a range of HTTP status codes, both ends included.
type StatusRange struct{ From, To int }

// String returns "200-299", or "204" for a range of one.
func (r StatusRange) String() string {
	if r.From == r.To {
		return strconv.Itoa(r.From)
	}
	return fmt.Sprintf("%d-%d", r.From, r.To)
}

// Run asks once; ctx bounds it.
func (p *HTTPProbe) Run(ctx context.Context) Result {
	w := newStopwatch(ctx)
	conn, err := dial(ctx, p.dialled())
	w.lap(phaseDial)
	if err != nil {
		return w.undialled(err)
	}
	// Closing the connection under TLS says no goodbye, which could block on a peer that doesn't read.
	defer conn.Close()
	defer bound(ctx, conn)()
	if p.URL.Scheme != "https" {
		return p.ask(conn, w, nil)
	}
	stream := tls.Client(conn, &tls.Config{ServerName: p.URL.Hostname(), RootCAs: p.Roots, NextProtos: []string{"http/1.1"}})
	err = stream.Handshake()
	w.lap(phaseTLS)
	if err != nil {
		return w.result(false, tlsReason(err, p.URL.Hostname(), w.limit), seenCertificate(unverified(err)))
	}
	return p.ask(stream, w, seenCertificate(stream.ConnectionState().PeerCertificates))
}

// dialled returns the address and port that Run dials.
func (p *HTTPProbe) dialled() netip.AddrPort {
	port := uint16(80)
	if p.URL.Scheme == "https" {
		port = 443
	}
	if n, err := strconv.ParseUint(p.URL.Port(), 10, 16); err == nil {
		port = uint16(n)
	}
	return netip.AddrPortFrom(p.Address, port)
}

// ask sends the request over conn and judges the answer.
func (p *HTTPProbe) ask(conn net.Conn, w *stopwatch, seen []string) Result {
	req := p.request()
	if err := req.Write(conn); err != nil && !isTimeout(err) && networkReason(err) == "" {
		return w.result(false, "the request cannot be sent: "+clean(strings.TrimPrefix(innermost(err), "net/http: ")), seen)
	}
	// When writing fails for the network's sake, there may still be an answer: not every server reads the
	// request before it refuses.

	limited := &io.LimitedReader{R: conn, N: maxHead}
	from := bufio.NewReader(limited)
	_, err := from.Peek(1)
	w.lap(phaseFirst)
	if err != nil {
		return w.result(false, firstByteReason(err, w.limit), seen)
	}
	begin, _ := from.Peek(min(from.Buffered(), 32))
	begin = bytes.Clone(begin)

	resp, err := readHead(from, req)
	w.lap(phaseHeaders)
	if err != nil {
		return w.result(false, headReason(err, begin, limited.N == 0, w.limit), seen)
	}
	seen = append(seenHead(resp), seen...)
	if !p.accepts(resp.StatusCode) {
		return w.result(false, fmt.Sprintf("status %d, wanted %s", resp.StatusCode, p.statuses()), seen)
	}
	if p.Body == "" {
		return w.result(true, fmt.Sprintf("status %d", resp.StatusCode), seen)
	}
	limited.N = math.MaxInt64 // from here on the body is counted, not its chunks' framing
	found, n, err := search(resp.Body, p.Body)
	w.lap(phaseBody)
	if !found {
		return w.result(false, bodyReason(err, p.Body, n, w.limit), seen)
	}
	return w.result(true, fmt.Sprintf("status %d, body contains %q", resp.StatusCode, p.Body), seen)
}

func (p *HTTPProbe) request() *http.Request {
	req := &http.Request{Method: p.method(), URL: p.URL, Host: p.URL.Host, Header: http.Header{"User-Agent": {userAgent}}, Close: true}
	if user := p.URL.User; user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	for name, values := range p.Headers {
		if name = http.CanonicalHeaderKey(name); name == "Host" && len(values) > 0 {
			req.Host = values[0]
			continue
		}
		req.Header[name] = values
	}
	return req
}

func (p *HTTPProbe) method() string {
	if p.Method == "" {
		return http.MethodGet
	}
	return p.Method
}

func (p *HTTPProbe) statuses() string {
	if len(p.Statuses) == 0 {
		return "200-299"
	}
	text := p.Statuses[0].String()
	for _, r := range p.Statuses[1:] {
		text += ", " + r.String()
	}
	return text
}

func (p *HTTPProbe) accepts(status int) bool {
	if len(p.Statuses) == 0 {
		return status >= 200 && status <= 299
	}
	return slices.ContainsFunc(p.Statuses, func(r StatusRange) bool { return r.From <= status && status <= r.To })
}

// readHead reads up to the end of the final answer's headers, past informational ones (RFC 9110 section 15.2).
func readHead(from *bufio.Reader, req *http.Request) (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(from, req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, nil
		}
	}
}

// search reads at most maxBody bytes, and not on when it has found text. It returns how many it has read.
func search(body io.Reader, text string) (found bool, n int, err error) {
	buf := make([]byte, 0, 4<<10)
	for len(buf) < maxBody {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, min(cap(buf), maxBody-len(buf)))
		}
		var more int
		more, err = body.Read(buf[len(buf):min(cap(buf), maxBody)])
		// The text may have begun in what was read before.
		unsearched := max(0, len(buf)-len(text)+1)
		buf = buf[:len(buf)+more]
		if bytes.Contains(buf[unsearched:], []byte(text)) {
			return true, len(buf), nil
		}
		if err != nil {
			break
		}
	}
	return false, len(buf), err
}

// String describes the probe completely. What may be secret (the URL's user and query, the values of
// headers) is in it as a digest only.
func (p *HTTPProbe) String() string { return p.describe(true) }

// describe describes the probe completely, or without the digest of its secrets.
func (p *HTTPProbe) describe(secrets bool) string {
	shown := url.URL{Scheme: p.URL.Scheme, Host: p.URL.Host, Path: p.URL.Path, RawPath: p.URL.RawPath}
	text := fmt.Sprintf("%s %s at %s, status %s", p.method(), &shown, p.dialled(), p.statuses())
	if p.Body != "" {
		text += fmt.Sprintf(", body %q", p.Body)
	}
	if names := slices.Sorted(maps.Keys(p.Headers)); len(names) > 0 {
		text += fmt.Sprintf(", headers %q", names)
	}
	if secrets && (len(p.Headers) > 0 || p.URL.User != nil || p.URL.RawQuery != "") {
		text += ", secrets " + p.digest()
	}
	switch {
	case p.Roots == nil:
	case p.RootsID != "":
		text += ", roots " + p.RootsID
	default:
		text += fmt.Sprintf(", roots %p", p.Roots)
	}
	return text
}
