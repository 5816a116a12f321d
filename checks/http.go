package checks

import (
	"context"
	"fmt"
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
	maxHops = 5        // redirects that are followed
	// userAgent can be replaced by Headers: some firewalls refuse what they don't know.
	userAgent = "dnsfailover/1 (health check)"
)

// HTTPProbe asks a web server, over a connection of its own, and judges the status and body of its answer.
//
// It uses no proxy and decompresses nothing. The context's deadline bounds it all, from dial to last byte.
type HTTPProbe struct {
	// URL is what is asked for; http or https, its host in ASCII. Host header, SNI and the name that the
	// certificate must be valid for come from it. A user in it is sent as basic authentication.
	URL *url.URL
	// Address is what is dialled, at the port of URL or else the scheme's.
	Address netip.Addr
	// HTTP2 speaks HTTP/2 and nothing else: over TLS as agreed on (ALPN), or in the clear from the first byte.
	// Without, it is HTTP/1.1.
	HTTP2 bool
	// Method is GET if empty. Payload is the body of the request.
	Method, Payload string
	// Headers are added to the request and override what the probe would send, Host included.
	Headers http.Header
	// Secrets are texts that must never be shown, besides the values of Headers and what URL has.
	Secrets []string
	// SameHost follows redirects to the same host, dialled at Address: with the same scheme and port, or from http to
	// https. Other redirects, and without it all, are judged like any other answer.
	SameHost bool
	// Statuses are the ranges that count as success; none means 200-299.
	Statuses []StatusRange
	// Notice wants the answer to be the notice of a page host, which names itself and says when to come again.
	Notice bool
	Body   BodyRules
	// DoubtMaintenance takes 503 with Retry-After for a failure like any other, and not for the word of a server that
	// it is in maintenance.
	DoubtMaintenance bool
	TLS
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

// Run asks; ctx bounds it.
func (p *HTTPProbe) Run(ctx context.Context) Result {
	w := newStopwatch(ctx)
	req := p.request()
	for hops := 0; ; hops++ {
		r, location := p.ask(ctx, w, req)
		if location == nil {
			return p.secrets().hide(r.Result)
		}
		if hops == maxHops {
			return p.secrets().hide(w.failed(fmt.Sprintf("redirected more than %d times", maxHops), r.Seen...))
		}
		req = p.redirected(req, location, r.status)
	}
}

// answered is a result and the status that led to it.
type answered struct {
	Result
	status int
}

// ask asks once and judges the answer; location is where it redirects to, if that is to be followed.
func (p *HTTPProbe) ask(ctx context.Context, w *stopwatch, req *http.Request) (a answered, location *url.URL) {
	conn, err := dial(ctx, p.dialled(req.URL))
	w.lap(phaseDial)
	if err != nil {
		return answered{Result: w.undialled(err)}, nil
	}
	// Closing the connection under TLS says no goodbye, which could block on a peer that doesn't read.
	defer conn.Close()
	defer bound(ctx, conn)()
	stream, s, reason := p.secure(conn, w, req.URL)
	if reason != "" {
		return answered{Result: w.failed(reason, s.seen...)}, nil
	}
	resp, done, reason := p.exchange(ctx, stream, w, req)
	defer done()
	if reason != "" {
		return answered{Result: w.failed(reason, s.seen...)}, nil
	}
	if w.detailed {
		s.seen = append(seenHead(resp), s.seen...)
	}
	if location = p.follow(req.URL, resp); location != nil {
		return answered{w.result(true, "redirected", s.seen), resp.StatusCode}, location
	}
	r := p.judge(w, resp)
	r.Seen = s.seen
	if r.OK {
		r.Warning = s.warning
	}
	return answered{r, resp.StatusCode}, nil
}

// secure speaks TLS over conn if the URL says so; reason is why that failed.
func (p *HTTPProbe) secure(conn net.Conn, w *stopwatch, to *url.URL) (stream net.Conn, s secured, reason string) {
	if to.Scheme != "https" {
		return conn, s, ""
	}
	protocol := "http/1.1"
	if p.HTTP2 {
		protocol = "h2"
	}
	s, reason = p.handshake(conn, w, to.Hostname(), protocol)
	if reason == "" && p.HTTP2 && s.ConnectionState().NegotiatedProtocol != protocol {
		reason = "the server does not speak HTTP/2: it ignores the offer in the TLS handshake"
	}
	return s.Conn, s, reason
}

// exchange sends req over conn and reads the head of the answer; reason is why that failed. done releases the answer.
func (p *HTTPProbe) exchange(ctx context.Context, conn net.Conn, w *stopwatch, req *http.Request) (resp *http.Response, done func(), reason string) {
	if p.HTTP2 {
		return exchangeHTTP2(ctx, conn, w, req)
	}
	resp, reason = exchangeHTTP1(conn, w, req)
	return resp, func() {}, reason
}

// judge says whether the answer is a good one.
func (p *HTTPProbe) judge(w *stopwatch, resp *http.Response) Result {
	if after := resp.Header.Get("Retry-After"); after != "" && resp.StatusCode == http.StatusServiceUnavailable && !p.accepts(resp.StatusCode) && !p.DoubtMaintenance {
		r := w.failed("says that it is in maintenance: status 503, Retry-After: " + clean(after))
		r.Maintenance = true
		return r
	}
	if !p.accepts(resp.StatusCode) {
		return w.failed(fmt.Sprintf("status %d, wanted %s", resp.StatusCode, p.statuses()))
	}
	status := fmt.Sprintf("status %d", resp.StatusCode)
	if p.Notice {
		if reason := notNotice(resp.Header); reason != "" {
			return w.failed(status + ", but " + reason)
		}
		status += ", the notice"
	}
	if p.Body.empty() {
		return w.result(true, status, nil)
	}
	ok, reason := p.Body.judge(resp.Body, w)
	if ok {
		reason = status + ", " + reason
	}
	return w.result(ok, reason, nil)
}

// notNotice says why an answer is not the notice of a page host; empty if it is. The notice has a header of its own, so that
// neither the site nor the error page of another server passes for it.
func notNotice(h http.Header) string {
	switch by := h.Get("Dnsfailover-Page"); {
	case by == "":
		return "it isn't the notice of a page host: there is no header Dnsfailover-Page"
	case by != "notice":
		return fmt.Sprintf("it isn't the notice: Dnsfailover-Page is %q", by)
	case h.Get("Retry-After") == "":
		return "it doesn't say when to come again: there is no header Retry-After"
	}
	return ""
}

// dialled returns the address and port that u is asked for at.
func (p *HTTPProbe) dialled(u *url.URL) netip.AddrPort {
	return netip.AddrPortFrom(p.Address, portOf(u))
}

// portOf returns the port of a URL, or else its scheme's.
func portOf(u *url.URL) uint16 {
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		return uint16(n)
	}
	if u.Scheme == "https" {
		return 443
	}
	return 80
}

func (p *HTTPProbe) request() *http.Request {
	req := &http.Request{
		Method: p.method(), URL: p.URL, Host: p.URL.Host, Header: http.Header{"User-Agent": {userAgent}},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Close: !p.HTTP2,
	}
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
	load(req, p.Payload)
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

// plainHeaders carry no secrets.
var plainHeaders = []string{"Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Content-Type", "Host", "Origin", "Pragma", "Referer", "User-Agent"}

// secrets are what an answer could repeat and must not be shown.
func (p *HTTPProbe) secrets() (s secrets) {
	if p.URL.User == nil && p.URL.RawQuery == "" && len(p.Headers) == 0 && len(p.Secrets) == 0 && p.Payload == "" {
		return nil
	}
	if user := p.URL.User; user != nil {
		password, _ := user.Password()
		s.add(password)
		s.addWords(p.request().Header.Get("Authorization"))
	}
	for _, values := range p.URL.Query() {
		s.add(values...)
	}
	for name, values := range p.Headers {
		if !slices.Contains(plainHeaders, http.CanonicalHeaderKey(name)) {
			s.addWords(values...)
		}
	}
	s.addWords(p.Payload)
	s.add(p.Secrets...)
	return s
}

// String describes the probe completely. What may be secret (the URL's user and query, the values of
// headers, the request's body) is in it as a digest only.
func (p *HTTPProbe) String() string { return p.describe(true) }

// describe describes the probe completely, or without the digest of its secrets.
func (p *HTTPProbe) describe(secrets bool) string {
	shown := url.URL{Scheme: p.URL.Scheme, Host: p.URL.Host, Path: p.URL.Path, RawPath: p.URL.RawPath}
	text := fmt.Sprintf("%s %s at %s", p.method(), &shown, p.dialled(p.URL))
	if p.HTTP2 {
		text += " over HTTP/2"
	}
	text += ", status " + p.statuses()
	if p.Notice {
		text += ", the notice of a page host"
	}
	text += p.Body.describe()
	if p.SameHost {
		text += ", follows redirects to the same host"
	}
	if p.DoubtMaintenance {
		text += ", maintenance ignored"
	}
	if names := headerNames(p.Headers); len(names) > 0 {
		text += fmt.Sprintf(", headers %q", names)
	}
	if secrets && (len(p.Headers) > 0 || p.URL.User != nil || p.URL.RawQuery != "" || p.Payload != "") {
		text += ", secrets " + digest(append(headerLines(p.Headers), p.URL.User.String(), p.URL.RawQuery, p.Payload)...)
	}
	return text + p.TLS.describe()
}

func headerNames(h http.Header) (names []string) {
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// headerLines returns the headers as texts, in order.
func headerLines(h http.Header) (lines []string) {
	for _, name := range headerNames(h) {
		lines = append(lines, fmt.Sprintf("%q %q", name, h[name]))
	}
	return lines
}

// follow returns where an answer to a request for from redirects to, if the probe follows there.
func (p *HTTPProbe) follow(from *url.URL, resp *http.Response) *url.URL {
	if !p.SameHost || resp.StatusCode < 300 || resp.StatusCode > 399 {
		return nil
	}
	location := resp.Header.Get("Location")
	if location == "" {
		return nil
	}
	to, err := from.Parse(location)
	if err != nil || !strings.EqualFold(to.Hostname(), from.Hostname()) {
		return nil
	}
	upgrade := from.Scheme == "http" && to.Scheme == "https"
	if !upgrade && (to.Scheme != from.Scheme || portOf(to) != portOf(from)) {
		return nil
	}
	to.User, to.Fragment = nil, ""
	return to
}

// redirected returns the request for to that follows on one that was answered with status (RFC 9110 section 15.4).
func (p *HTTPProbe) redirected(req *http.Request, to *url.URL, status int) *http.Request {
	next := req.Clone(req.Context())
	next.URL = to
	if req.Host == req.URL.Host {
		next.Host = to.Host
	}
	payload := p.Payload
	if req.ContentLength == 0 { // none, or dropped by a redirect before
		payload = ""
	}
	if status == http.StatusSeeOther || req.Method == http.MethodPost && (status == http.StatusMovedPermanently || status == http.StatusFound) {
		if next.Method != http.MethodHead {
			next.Method = http.MethodGet
		}
		payload = ""
	}
	load(next, payload)
	return next
}
