package page

import (
	"crypto/tls"
	"errors"
	"net/http"
	"strings"
	"time"

	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/page/front"
	"dnsfailover/dnsfailover/page/hold"
	"dnsfailover/dnsfailover/page/notice"
	"dnsfailover/dnsfailover/page/pass"
	"dnsfailover/dnsfailover/page/staff"
)

// via is what we add to Via (RFC 9110 section 7.6.3), and by which a request that comes around in a circle is known.
const via = "dnsfailover-page"

// failingEvery is how often it is logged that an upstream fails.
const failingEvery = 10 * time.Second

// newProxy returns what passes the requests for a site on to an upstream. Without a gate it is for staff, who are told when
// the upstream fails; all others see the notice then.
func (h *Host) newProxy(s *site, c *config.PageUpstream, gate *hold.Gate) *pass.Proxy {
	opt := pass.Options{
		Gate: gate, Log: h.log,
		Prepare: func(r *http.Request) {
			staff.Clean(r)
			r.Header["Via"] = append(r.Header["Via"], "1.1 "+via)
		},
		Failed: func(w http.ResponseWriter, r *http.Request, err error) {
			flow := w.(*flowing)
			out := flow.recorder
			h.strict(out, front.OriginOf(r))
			if errors.Is(err, hold.ErrReplaced) { // by a reload: the live world decides, and what has been waited counts there too
				flow.again = true
				live := h.live.Load()
				site, address := live.find([]byte(r.Host))
				h.route(out, r, live, site, front.OriginOf(r), address)
				return
			}
			if broken := flow.broken.Load(); broken != nil { // by the client: that says nothing about the upstream
				s.counters.malformed.Add(1)
				malformed(out, *broken)
				return
			}
			if gate == nil {
				unreachable(out, pass.Reason(r, err))
				return
			}
			if !errors.Is(err, hold.ErrFull) && !errors.Is(err, hold.ErrShare) && !errors.Is(err, hold.ErrLate) && !errors.Is(err, hold.ErrStopped) {
				if more, due := s.failing.Due(time.Now(), failingEvery); due {
					h.log.Warn("upstream failed", "site", s.label, "error", err, "more", more)
				}
			}
			h.notice(out, r, s, s.stand.Load())
		},
	}
	for _, a := range c.Addresses {
		opt.Addresses = append(opt.Addresses, a.String())
	}
	if c.TLS {
		opt.TLS = &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
	}
	return pass.New(opt)
}

// statusGone is what the access log says of a client that went away before there was an answer, as nginx does.
const statusGone = 499

// unreachable tells staff that the primary fails, and why.
func unreachable(out *recorder, why string) {
	out.Header().Set(notice.Marker, "unreachable")
	out.Header().Set("Cache-Control", "no-store")
	http.Error(out, "The primary can't be reached: "+why+".\n\nYou see this in place of the notice because you are staff; "+staff.Leave+" ends that.", http.StatusBadGateway)
}

// circles says that we have passed r on before: one of those that Via names is us.
func circles(r *http.Request) bool {
	for _, one := range strings.Split(strings.Join(r.Header.Values("Via"), ","), ",") {
		if fields := strings.Fields(one); len(fields) > 1 && fields[1] == via { // the protocol, who received it, and a comment
			return true
		}
	}
	return false
}

// pass passes a request on.
func (h *Host) pass(out *recorder, r *http.Request, s *site, to *pass.Proxy, origin front.Origin) {
	if polls(r) && to.Held() { // open pages by the thousand would take the places of those who have something to do
		h.notice(out, r, s, s.stand.Load())
		return
	}
	if circles(r) {
		out.form = "loop"
		out.Header().Set(notice.Marker, "loop")
		out.Header().Set("Cache-Control", "no-store")
		http.Error(out, "This request has been here before: the primary's address is the page host's own.", http.StatusLoopDetected)
		return
	}
	if origin.Secure && r.TLS == nil { // front has seen the handshake
		r.TLS = &tls.ConnectionState{ServerName: r.Host}
	}
	out.form = "proxy"
	out.Header().Del(strictField)
	_ = out.control.EnableFullDuplex() // the answer may come down while the body still goes up
	flow := &flowing{recorder: out}
	flow.move()
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &flowingBody{ReadCloser: r.Body, flow: flow}
	}
	defer func() { // also when the upstream breaks off, or the client has gone: both unwind the stack
		if out.status == 0 && r.Context().Err() != nil {
			out.status = statusGone
		}
		if out.form == "proxy" && !flow.again {
			s.counters.passed.Add(1)
			s.counters.status[min(out.status/100, 5)].Add(1)
		}
	}()
	to.ServeHTTP(flow, r)
}
