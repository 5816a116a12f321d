package page

import (
	"bytes"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"dnsfailover/dnsfailover/page/accesslog"
	"dnsfailover/dnsfailover/page/front"
	"dnsfailover/dnsfailover/page/notice"
	"dnsfailover/dnsfailover/page/staff"
)

// answer is front.Options.Answer: the notice, from memory, for who is to see nothing else.
func (h *Host) answer(out []byte, r *front.Request, end bool) (answer []byte, last, ok bool) {
	w := h.live.Load()
	s, address := w.find(r.Host)
	st := s.stand.Load()
	if st.mode != modeNotice || s.ruled(r.Target) || w.config.Redirect && !r.Secure || bytes.HasPrefix(r.Target, []byte(ownPaths)) ||
		w.staff.MayInclude(r.Client, r.Cookie) || address && bytes.Equal(r.Target, []byte(healthPath)) {
		return out, false, false
	}
	now := r.Now
	form := notice.Negotiate(r.Accept, r.Dest, r.Target)
	a := st.notice.AnswerAtOnce(form, s.Design.Language(r.Language))
	if a == nil {
		return out, false, false
	}
	last = end || r.Poll != nil || st.back

	out = append(out, "HTTP/1.1 503 Service Unavailable\r\nDate: "...)
	out = append(out, date(now)...)
	out = append(out, "\r\nRetry-After: "...)
	out = strconv.AppendInt(out, st.retryAfter(s, now), 10)
	out = append(out, "\r\n"...)
	out = append(out, a.Head...)
	if r.Secure && w.config.HSTS != "" {
		out = append(append(append(out, strictField+": "...), w.config.HSTS...), "\r\n"...)
	}
	if last || r.Close {
		out = append(out, "Connection: close\r\n"...)
	}
	out = append(out, "\r\n"...)
	n := int64(0)
	if !r.Head {
		out = append(out, a.Body...)
		n = int64(len(a.Body))
	}
	s.counters.notices[form].Add(1)
	if h.access != nil {
		method := http.MethodGet
		if r.Head {
			method = http.MethodHead
		}
		h.access.Add(&accesslog.Entry{
			Time: now, Client: r.Client, Method: method, Target: staff.Mask(string(r.Target)), Proto: "HTTP/1.1", Host: string(r.Host),
			Agent: string(r.Agent), Referer: staff.Mask(string(r.Referer)), Status: http.StatusServiceUnavailable, Bytes: n, Form: form.String(),
		})
	}
	return out, last, true
}

// retryAfter returns the seconds after which it is worth to ask again (RFC 9110 section 10.2.3).
func (st *stand) retryAfter(s *site, now time.Time) int64 {
	const soon, far = 5, 1<<31 - 1 // programs have 32 bits for it
	switch left := st.until.Sub(now); {
	case st.back:
		return 1
	case st.until.IsZero():
		return int64(s.RetryAfter / time.Second)
	case left <= soon*time.Second: // or overdue
		return soon
	default:
		return min(int64((left+time.Second-1)/time.Second), far)
	}
}

type dated struct {
	second int64
	text   []byte
}

var today atomic.Pointer[dated]

// date returns the value of a Date header.
func date(now time.Time) []byte {
	if d := today.Load(); d != nil && d.second == now.Unix() {
		return d.text
	}
	d := &dated{now.Unix(), now.UTC().AppendFormat(nil, http.TimeFormat)}
	today.Store(d)
	return d.text
}
