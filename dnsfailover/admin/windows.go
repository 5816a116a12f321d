package admin

import (
	"net/http"
	"time"

	"dnsfailover/dnsfailover/api"
)

func (s *Server) windows(w http.ResponseWriter, _ *http.Request, _ string) error {
	return s.answer(w, api.Windows{Windows: s.backend.Windows(time.Now())}, nil)
}

func (s *Server) addWindow(w http.ResponseWriter, r *http.Request, author string) error {
	var body api.NewWindow
	err := decode(w, r, []field{
		{"service", &body.Service, "the name of a service"},
		{"target", &body.Target, "the name of a target"},
		{"start", &body.Start, "a time such as 2030-01-31T15:04:05Z"},
		{"for", &body.For, "a number of seconds"},
		{"end", &body.End, "a time such as 2030-01-31T15:04:05Z"},
		{"reason", &body.Reason, "a text"},
		{"author", &body.Author, "a name"},
		{"force", &body.Force, "true or false"},
		{"dry_run", &body.DryRun, "true or false"},
	})
	if err != nil {
		return err
	}
	switch { // what is there the backend checks
	case body.Service == "":
		return problem(http.StatusUnprocessableEntity, "\"service\" is missing: name the service to switch")
	case body.Target == "":
		return problem(http.StatusUnprocessableEntity, "\"target\" is missing: name the target to switch to")
	case body.Start.IsZero():
		return problem(http.StatusUnprocessableEntity, "\"start\" is missing: say when, as in 2030-01-31T15:04:05Z")
	}
	if author != "" {
		body.Author = author
	}
	window, err := s.backend.AddWindow(r.Context(), body)
	return s.answer(w, window, err)
}

func (s *Server) cancelWindow(w http.ResponseWriter, r *http.Request, author string) error {
	window, err := s.backend.CancelWindow(r.Context(), r.PathValue("id"), acting(author))
	return s.answer(w, window, err)
}
