package admin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"dnsfailover/dnsfailover/api"
)

const (
	usualEvents = 100
	maxEvents   = 1000 // of one answer; whoever wants more asks again from the last one on
)

func (s *Server) history(w http.ResponseWriter, r *http.Request, _ string) error {
	query := r.URL.Query()
	q := api.HistoryQuery{Service: query.Get("service"), Check: query.Get("check"), Limit: usualEvents}
	now := time.Now()
	for _, bound := range []struct {
		name string
		into *time.Time
	}{{"since", &q.Since}, {"until", &q.Until}} {
		if text := query.Get(bound.name); text != "" {
			at, ok := parseInstant(text, now)
			if !ok {
				return problem(http.StatusBadRequest, "%s=%q is no time: give one such as 2030-01-31T15:04:05Z, or how long ago, such as 24h", bound.name, text)
			}
			*bound.into = at
		}
	}
	if text := query.Get("kind"); text != "" {
		q.Kinds = strings.Split(text, ",")
		for _, kind := range q.Kinds {
			if !slices.Contains(api.Kinds(), kind) {
				return problem(http.StatusBadRequest, "there are no events of kind %q; there are %s", kind, strings.Join(api.Kinds(), ", "))
			}
		}
	}
	if text := query.Get("after"); text != "" {
		var err error
		if q.After, err = strconv.ParseUint(text, 10, 64); err != nil {
			return problem(http.StatusBadRequest, "after=%q is not the ID of an event", text)
		}
	}
	if text := query.Get("limit"); text != "" {
		var err error
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 || q.Limit > maxEvents {
			return problem(http.StatusBadRequest, "limit=%q must be a number from 1 to %d", text, maxEvents)
		}
	}
	history, err := s.backend.History(q)
	return s.answer(w, history, err)
}

// parseInstant reads a time in RFC 3339, or how long before now it was.
func parseInstant(text string, now time.Time) (time.Time, bool) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, true
	}
	ago, err := time.ParseDuration(text)
	return now.Add(-ago), err == nil && ago >= 0
}
