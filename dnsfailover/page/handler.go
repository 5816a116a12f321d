package page

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"dnsfailover/dnsfailover/page/accesslog"
	"dnsfailover/dnsfailover/page/front"
	"dnsfailover/dnsfailover/page/notice"
	"dnsfailover/dnsfailover/page/pass"
	"dnsfailover/dnsfailover/page/staff"
)

const (
	// ownPaths are never passed on: what lies below them is about the page host itself, and links have a secret in them.
	ownPaths = "/.well-known/dnsfailover/"
	// healthPath says that the page host is alive, to who asks for it by its address, as localhost, or by no name at all. Asked for by a
	// site's name it is the notice, like everything: a probe that follows the name must not take us for the site.
	healthPath = ownPaths + "health"
)

// patience is how long a client may take to receive a notice, in all.
const patience = time.Minute

// serve answers whatever isn't a plain request for the notice.
func (h *Host) serve(rw http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	w := h.live.Load()
	origin := front.OriginOf(r)
	s, address := w.find([]byte(r.Host))
	out := &recorder{ResponseWriter: rw, control: http.NewResponseController(rw)}
	_ = out.control.SetReadDeadline(begun.Add(w.config.Limits.Body))
	_ = out.control.SetWriteDeadline(begun.Add(patience))
	h.strict(rw, origin)
	if ambiguous(r) {
		rw.Header().Set("Connection", "close")
	}
	defer func() { // also when an upstream breaks off, which unwinds the stack
		h.access.Add(&accesslog.Entry{
			Time: begun, Client: origin.Client, Method: r.Method, Target: staff.Mask(r.RequestURI), Proto: r.Proto, Host: r.Host,
			Agent: r.UserAgent(), Referer: staff.Mask(r.Referer()), Status: out.status, Bytes: out.bytes, Form: out.form, Took: time.Since(begun),
		})
	}()
	h.route(out, pass.Arrived(r, begun, front.ClientOf(origin.Client)), w, s, origin, address)
}

// strict adds to an answer of ours that the site is to be asked by HTTPS alone (RFC 6797). Those that are passed on say what the site says: of
// two such fields clients take the first (section 8.1).
func (h *Host) strict(rw http.ResponseWriter, origin front.Origin) {
	if value := h.live.Load().config.HSTS; origin.Secure && value != "" {
		rw.Header().Set(strictField, value)
	}
}

const strictField = "Strict-Transport-Security"

// ambiguous says that a proxy between the client and us may take another place for the end of r, and what follows for a part of it: a body in chunks, beside
// which there may have been a Content-Length that net/http doesn't show, and whatever HTTP/1.0 says. Nothing that follows is read then (RFC 9112 section 6.1).
func ambiguous(r *http.Request) bool {
	return r.ProtoMajor == 1 && (r.ProtoMinor == 0 || len(r.TransferEncoding) > 0)
}

// route does the first of these that fits: health, redirect to HTTPS, the link of staff, the notice for other paths of ours, staff, path
// rules, what the site does now.
func (h *Host) route(out *recorder, r *http.Request, w *world, s *site, origin front.Origin, address bool) {
	path := r.URL.Path
	switch {
	case path == healthPath && address:
		health(out)
		return
	case w.config.Redirect && !origin.Secure && r.Host == "": // no name to redirect to: HTTP/1.0
		h.notice(out, r, s, s.stand.Load())
		return
	case w.config.Redirect && !origin.Secure:
		s.counters.redirected.Add(1)
		h.redirect(out, r)
		return
	case s.primary != nil && w.staff.ServeLink(out, r, origin.Secure):
		out.form = "staff"
		return
	case strings.HasPrefix(path, ownPaths):
		h.notice(out, r, s, s.stand.Load())
		return
	case s.primary != nil && w.staff.Includes(r, origin.Client):
		s.counters.staff.Add(1)
		h.pass(out, r, s, s.direct, origin)
		return
	}
	st := s.stand.Load()
	if rule := s.ruleFor(path); rule != nil {
		switch {
		case rule.proxy != nil:
			h.pass(out, r, s, rule.proxy, origin)
		case rule.file(out, r):
			out.form = "file"
			s.counters.files.Add(1)
		default:
			h.notice(out, r, s, st)
		}
		return
	}
	if st.mode == modeNotice {
		h.notice(out, r, s, st)
		return
	}
	h.pass(out, r, s, s.primary, origin)
}

// notice answers with the notice.
func (h *Host) notice(out *recorder, r *http.Request, s *site, st *stand) {
	form := notice.Negotiate([]byte(strings.Join(r.Header.Values("Accept"), ",")), []byte(r.Header.Get("Sec-Fetch-Dest")), []byte(r.URL.Path))
	a := st.notice.Answer(form, s.Design.Language([]byte(strings.Join(r.Header.Values("Accept-Language"), ","))))
	header := out.Header()
	for _, f := range a.Fields {
		header.Set(f[0], f[1])
	}
	header.Set("Retry-After", fmt.Sprint(st.retryAfter(s, time.Now())))
	if st.back || polls(r) || front.OriginOf(r).Old(time.Now()) {
		header.Set("Connection", "close") // over HTTP/2 it is a GOAWAY
	}
	out.WriteHeader(http.StatusServiceUnavailable)
	if r.Method != http.MethodHead {
		_, _ = out.Write(a.Body)
	}
	s.counters.notices[form].Add(1)
	out.form = form.String()
}

// polls says that an open page asks whether the site is back.
func polls(r *http.Request) bool { return r.Header.Get("Dnsfailover-Poll") != "" }

func health(out *recorder) {
	out.form = "health"
	out.Header().Set(notice.Marker, "health")
	out.Header().Set("Cache-Control", "no-store")
	out.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = fmt.Fprintln(out, "The page host is alive. This says nothing about any site.")
}

// redirect sends a client to HTTPS, for now: the same URL will be the site's again.
func (h *Host) redirect(out *recorder, r *http.Request) {
	out.form = "redirect"
	host := r.Host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if port := h.securePort(local); port != 443 {
		host = fmt.Sprintf("%s:%d", host, port)
	}
	header := out.Header()
	header.Set(notice.Marker, "redirect")
	header.Set("Cache-Control", "no-store")
	header.Set("Location", "https://"+host+r.URL.RequestURI())
	out.WriteHeader(http.StatusTemporaryRedirect)
}

// securePort returns the port of HTTPS for a client that has come in at local: that of a listener at the same address, else at any
// address, else the first. Of several that fit, 443 is what clients expect.
func (h *Host) securePort(local *net.TCPAddr) int {
	const same, anywhere, other = 3, 2, 1
	port, best := 443, 0
	for _, l := range h.listeners {
		at, ok := l.Addr().(*net.TCPAddr)
		if !l.Secure || !ok {
			continue
		}
		fit := other
		switch {
		case local != nil && at.IP.Equal(local.IP):
			fit = same
		case at.IP.IsUnspecified():
			fit = anywhere
		}
		if fit > best || fit == best && at.Port == 443 {
			port, best = at.Port, fit
		}
	}
	return port
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int
	bytes   int64
	form    string
}

// Unwrap lets http.ResponseController see what is beneath.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Hijack implements http.Hijacker: the answer is that the protocol is switched.
func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := w.control.Hijack()
	if err == nil {
		w.status = http.StatusSwitchingProtocols
	}
	return conn, buffered, err
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}
