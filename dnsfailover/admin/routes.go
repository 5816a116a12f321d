package admin

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
)

// route is one thing that can be asked for. Its handler runs only for those who may.
type route struct {
	method, path string
	need         access
	does         string
	handle       func(s *Server, w http.ResponseWriter, r *http.Request, author string) error
}

// routes is the whole API.
func routes() []route {
	return []route{
		{"GET", "/api/v1/status", read, "the state of everything", (*Server).status},
		{"GET", "/api/v1/why", read, "?name=NAME&type=TYPE&client=ADDRESS: why this answer is given now", (*Server).why},
		{"GET", "/api/v1/results", read, "?service=SERVICE&target=TARGET: the latest results of its checks", (*Server).results},
		{"GET", "/api/v1/simulate", read, "?at=TIME&service=&down=SERVICE/TARGET&up=&override=: what would be served then", (*Server).simulate},
		{"GET", "/api/v1/history", read, "?service=&check=&kind=&since=&until=&after=ID&limit=: what has happened", (*Server).history},
		{"POST", "/api/v1/services/{service}/switch", write, "override a service", (*Server).switchService},
		{"DELETE", "/api/v1/services/{service}/override", write, "end its override", (*Server).release},
		{"POST", "/api/v1/push/{service}/{target}", report, "a target with a push check reports that it is up", (*Server).push},
		{"GET", "/api/v1/windows", read, "the planned windows", (*Server).windows},
		{"POST", "/api/v1/windows", write, "plan a window", (*Server).addWindow},
		{"DELETE", "/api/v1/windows/{id}", write, "cancel one", (*Server).cancelWindow},
		{"POST", "/api/v1/reload", write, "read the configuration and the zones again", (*Server).reload},
		{"GET", "/metrics", read, "for Prometheus", (*Server).scrape},
		{"GET", "/healthz", read, "whether the process is alive", (*Server).healthz},
		{"GET", "/readyz", read, "whether DNS is served with current data", (*Server).readyz},
		{"GET", "/{$}", read, "this list", (*Server).index},
	}
}

// handler is the API as it looks through one entrance.
func (s *Server) handler(e entrance) http.Handler {
	mux := http.NewServeMux()
	byPath := map[string][]route{}
	for _, r := range routes() {
		if byPath[r.path] == nil {
			mux.HandleFunc(r.path, func(w http.ResponseWriter, req *http.Request) { s.dispatch(w, req, e, byPath[r.path]) })
		}
		byPath[r.path] = append(byPath[r.path], r)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.refuse(w, r, notFound(r)) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.survive(w, r)
		secure(w.Header())
		if p := checkBrowser(r, e); p != nil {
			s.refuse(w, r, p)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// dispatch finds the route of a path for the request's method, and lets it run if the one who asks may.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request, e entrance, candidates []route) {
	var allowed []string
	for _, c := range candidates {
		if c.method != r.Method && (c.method != http.MethodGet || r.Method != http.MethodHead) {
			allowed = append(allowed, c.method)
			continue
		}
		author, err := s.admit(r, e, c.need)
		if err == nil {
			ctx, cancel := context.WithTimeout(r.Context(), actTimeout)
			defer cancel()
			err = c.handle(s, w, r.WithContext(ctx), author)
		}
		if err != nil {
			s.refuse(w, r, err)
		}
		return
	}
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	list := strings.Join(allowed, ", ")
	w.Header().Set("Allow", list) // RFC 9110 section 15.5.6
	s.refuse(w, r, problem(http.StatusMethodNotAllowed, "%s takes no %s: use %s", r.URL.Path, r.Method, list))
}

func notFound(r *http.Request) error {
	return problem(http.StatusNotFound, "there is nothing at %q: GET / lists what there is", r.URL.Path)
}

// secure sets what tells a browser to do nothing with an answer but show it.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// survive turns a handler's panic into one failed request and one log line.
func (s *Server) survive(w http.ResponseWriter, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler {
		panic(cause) // net/http's own way to hang up
	}
	s.log.Error("panic in a request", "method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
	s.document(w, http.StatusInternalServerError, "application/problem+json",
		map[string]any{"type": "about:blank", "title": "Internal Server Error", "status": 500, "detail": "the server failed at this; its log says why"})
}
