package admin

import (
	"net/http"
	"strings"
	"time"

	"dnsfailover/dnsfailover/api"
)

func (s *Server) simulate(w http.ResponseWriter, r *http.Request, _ string) error {
	query := r.URL.Query()
	now := time.Now()
	asked := api.Supposition{Service: query.Get("service"), At: now}
	if text := query.Get("at"); text != "" {
		if ahead, err := time.ParseDuration(text); err == nil && ahead >= 0 {
			asked.At = now.Add(ahead)
		} else if asked.At, err = time.Parse(time.RFC3339, text); err != nil {
			return problem(http.StatusBadRequest, "at=%q is no time: give one such as 2030-01-31T15:04:05Z, or how far ahead, such as 24h", text)
		}
	}
	for name, into := range map[string]*[]string{"down": &asked.Down, "up": &asked.Up, "override": &asked.Override} {
		for _, list := range query[name] {
			*into = append(*into, strings.Split(list, ",")...)
		}
	}
	simulation, err := s.backend.Simulate(asked, now)
	return s.answer(w, simulation, err)
}
