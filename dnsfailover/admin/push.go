package admin

import (
	"net/http"
	"strings"

	"dnsfailover/dnsfailover/api"
)

// push takes a target's report. The token is the target's own, and opens nothing else; over the control socket, whoever
// asks is known, and needs none.
func (s *Server) push(w http.ResponseWriter, r *http.Request, author string) error {
	token, trusted := bearerOf(r), author != ""
	if token == "" && !trusted {
		return problem(http.StatusUnauthorized, "this needs the target's token: send the header \"Authorization: Bearer TOKEN\"")
	}
	take, err := s.backend.Reporter(r.PathValue("service"), r.PathValue("target"), token, trusted)
	if err != nil {
		return err
	}
	var body api.Push
	if r.ContentLength != 0 {
		if err := decode(w, r, []field{
			{"status", &body.Status, "up or down"},
			{"reason", &body.Reason, "a text"},
		}); err != nil {
			return err
		}
	}
	if body.Status != "" && body.Status != "up" && body.Status != "down" {
		return problem(http.StatusUnprocessableEntity, "\"status\" must be up or down")
	}
	take(body)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// bearerOf returns the token that r bears (RFC 6750 section 2.1), or "".
func bearerOf(r *http.Request) string {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}
