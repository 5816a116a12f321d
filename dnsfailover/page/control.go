package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"dnsfailover/dnsfailover/api"
)

// serveSmall serves HTTP for operators and monitors until ctx ends.
func serveSmall(ctx context.Context, l net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
	return group.Wait()
}

// adminHandler answers to monitors.
func (h *Host) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(rw http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(rw, "GET /healthz      alive\nGET /metrics      for Prometheus\nGET /api/v1/page  what each site does now, as JSON\n")
	})
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprintln(rw, "alive") })
	registry := prometheus.NewRegistry()
	registry.MustRegister(h.Collector())
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /api/v1/page", h.tellStatus)
	return mux
}

// controlHandler answers to the operator's commands. Who may use the socket may give them.
func (h *Host) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/page", h.tellStatus)
	mux.HandleFunc("POST /api/v1/page/sites/{site}/{mode}", h.takeOrder)
	mux.HandleFunc("POST /api/v1/reload", h.tellReload)
	return mux
}

func (h *Host) tellStatus(rw http.ResponseWriter, _ *http.Request) {
	writeJSON(rw, h.Status(time.Now()))
}

func writeJSON(rw http.ResponseWriter, v any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(rw).Encode(v)
}

// refuse tells why a command isn't followed.
func refuse(rw http.ResponseWriter, status int, format string, args ...any) {
	rw.Header().Set("Content-Type", "application/problem+json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(api.Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)})
}

// Status tells what each site does now.
func (h *Host) Status(now time.Time) api.Page {
	w := h.live.Load()
	out := api.Page{Version: h.version, Problems: h.Problems(now), Sites: []api.Site{}}
	for _, s := range w.sites {
		out.Sites = append(out.Sites, s.status())
	}
	return out
}

// Problems says what an operator should mend, one sentence each.
func (h *Host) Problems(now time.Time) []string {
	w := h.live.Load()
	out := append(append([]string{}, h.refused()...), h.certs.problems(now)...)
	if problem := h.sourceProblem(w, now); problem != "" {
		out = append(out, problem)
	}
	return append(out, h.orphans(w, now)...)
}

func (s *site) status() api.Site {
	st := s.stand.Load()
	site := api.Site{
		Name: s.label, Names: append([]string{}, s.Names...), Mode: st.mode.String(), Planned: st.notice.Facts.Planned, Reason: st.notice.Facts.Reason,
		Because: st.source, Waiting: s.waiting(),
	}
	if !st.until.IsZero() {
		until := st.until.UTC()
		site.Until = &until
	}
	for i := range s.counters.notices {
		site.Notices += s.counters.notices[i].Load()
	}
	site.Passed = s.counters.passed.Load()
	return site
}

// tellReload reads the configuration again.
func (h *Host) tellReload(rw http.ResponseWriter, _ *http.Request) {
	if h.file == "" {
		refuse(rw, http.StatusConflict, "this page host is part of a server, which has its configuration: dnsfailover reload")
		return
	}
	writeJSON(rw, h.readAgain(time.Now()))
}

// takeOrder takes pause, resume, stop or forget for a site.
func (h *Host) takeOrder(rw http.ResponseWriter, r *http.Request) {
	w, now := h.live.Load(), time.Now()
	if o, ok := h.said.orphan(w, plainName(r.PathValue("site")), now); ok && r.PathValue("mode") == "forget" {
		if err := h.said.say(w, nil, now, o.Names...); err != nil {
			refuse(rw, http.StatusInternalServerError, "it can't be forgotten: %v", err)
			return
		}
		writeJSON(rw, o.site())
		return
	}
	s := w.byName(r.PathValue("site"))
	if s == nil {
		refuse(rw, http.StatusNotFound, "there is no site %q: there are %s", r.PathValue("site"), strings.Join(w.labels(), ", "))
		return
	}
	var body api.PageOrder
	if err := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 64<<10)).Decode(&body); err != nil {
		refuse(rw, http.StatusBadRequest, "the body is not the JSON of an order")
		return
	}
	o := &order{Mode: r.PathValue("mode"), Message: body.Message, Until: body.Until, Author: body.Author, Since: now.UTC()}
	switch o.Mode {
	case "pause", "resume":
		if s.primary == nil {
			refuse(rw, http.StatusConflict, "%s has no primary that requests could be passed on to: add primary to its host", s.label)
			return
		}
		if o.Mode == "pause" && s.Hold.Max == 0 {
			refuse(rw, http.StatusConflict, "%s holds no requests: add hold: {for: 20s} to its host", s.label)
			return
		}
	case "stop":
		if o.Until != nil && !o.holds(now) {
			refuse(rw, http.StatusBadRequest, "that time has passed")
			return
		}
	case "forget":
		o = nil
	default:
		refuse(rw, http.StatusNotFound, "a site can be told to pause, resume, stop or forget")
		return
	}
	if o != nil && !o.holds(now) {
		refuse(rw, http.StatusBadRequest, "that time has passed")
		return
	}
	if err := h.said.say(w, o, now, s.known()...); err != nil {
		refuse(rw, http.StatusInternalServerError, "the order can't be kept, so it isn't taken: %v", err)
		return
	}
	h.settle(nil)
	if live := h.live.Load().byName(r.PathValue("site")); live != nil { // a reload may have come in between
		s = live
	}
	writeJSON(rw, s.status())
}

// plainName returns a name as the configuration has it.
func plainName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// byName returns the site with that label or name.
func (w *world) byName(name string) *site {
	name = plainName(name)
	if s := w.labelled(name); s != nil {
		return s
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return nil
	}
	if s, _ := w.find([]byte(name)); s != w.other {
		return s
	}
	return nil
}

func (w *world) labels() []string {
	var out []string
	for _, s := range w.sites {
		out = append(out, s.label)
	}
	return out
}
