package admin

import "net/http"

func (s *Server) results(w http.ResponseWriter, r *http.Request, _ string) error {
	query := r.URL.Query()
	service := query.Get("service")
	if service == "" {
		return problem(http.StatusBadRequest, "name a service: /api/v1/results?service=web")
	}
	results, err := s.backend.Results(service, query.Get("target"))
	return s.answer(w, results, err)
}
