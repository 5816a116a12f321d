package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"dnsfailover/dnsfailover/api"
)

// problem returns an error that the client gets to read (RFC 9457). Its type is about:blank: the
// status says what kind it is (section 4.2.1).
func problem(status int, format string, args ...any) *api.Problem {
	return &api.Problem{Status: status, Detail: fmt.Sprintf(format, args...)}
}

// refuse answers with err: in its own words if it is a problem; otherwise the log gets to know it and the client does not.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var p *api.Problem
	switch {
	case errors.As(err, &p):
	case errors.Is(err, context.DeadlineExceeded):
		p = problem(http.StatusServiceUnavailable, "this took too long; look at the status to see whether it is done")
	case errors.Is(err, context.Canceled):
		p = problem(http.StatusServiceUnavailable, "the server is stopping, or the client went away")
	default:
		s.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		p = problem(http.StatusInternalServerError, "the server failed at this; its log says why")
	}
	full := *p
	if full.Type == "" {
		full.Type = "about:blank"
	}
	if full.Status < 400 || full.Status > 599 {
		full.Status = http.StatusInternalServerError
	}
	if full.Title == "" {
		full.Title = http.StatusText(full.Status)
	}
	if full.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="dnsfailover"`) // RFC 9110 section 11.6.1
	}
	s.document(w, full.Status, "application/problem+json", full)
}

// answer sends v, unless err says why there is none.
func (s *Server) answer(w http.ResponseWriter, v any, err error) error {
	if err == nil {
		s.document(w, http.StatusOK, "application/json", v)
	}
	return err
}

func (s *Server) document(w http.ResponseWriter, status int, media string, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		s.log.Error("answer can't be encoded", "error", err)
		status, media = http.StatusInternalServerError, "application/problem+json"
		raw = []byte(`{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"the server failed at this; its log says why"}`)
	}
	w.Header().Set("Content-Type", media)
	w.WriteHeader(status)
	_, _ = w.Write(append(raw, '\n')) // the client may have gone; nobody else cares
}
