package admin

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/miekg/dns"

	"dnsfailover/dnsfailover/api"
)

func (s *Server) status(w http.ResponseWriter, _ *http.Request, _ string) error {
	return s.answer(w, s.backend.Status(time.Now()), nil)
}

func (s *Server) why(w http.ResponseWriter, r *http.Request, _ string) error {
	query := r.URL.Query()
	name := query.Get("name")
	if _, ok := dns.IsDomainName(name); !ok || name == "" {
		return problem(http.StatusBadRequest, "%q is not a domain name: give one such as www.example.com", name)
	}
	qtype, ok := parseType(query.Get("type"))
	if !ok {
		return problem(http.StatusBadRequest, "%q is not a type of record: give one such as A, AAAA or MX", query.Get("type"))
	}
	var client netip.Addr
	if text := query.Get("client"); text != "" {
		var err error
		if client, err = netip.ParseAddr(text); err != nil || client.Zone() != "" {
			return problem(http.StatusBadRequest, "%q is not the address of a client: give one such as 192.0.2.7", text)
		}
	}
	why, err := s.backend.Why(dns.Fqdn(name), qtype, client, time.Now())
	return s.answer(w, why, err)
}

// parseType reads a type's mnemonic, or TYPE12345 (RFC 3597 section 5). It is A if nothing is said.
func parseType(text string) (uint16, bool) {
	if text == "" {
		return dns.TypeA, true
	}
	text = strings.ToUpper(text)
	if t, ok := dns.StringToType[text]; ok {
		return t, true
	}
	var t uint16
	if _, err := fmt.Sscanf(text, "TYPE%d", &t); err != nil || text != fmt.Sprintf("TYPE%d", t) {
		return 0, false
	}
	return t, true
}

func (s *Server) switchService(w http.ResponseWriter, r *http.Request, author string) error {
	var body api.Switch
	err := decode(w, r, []field{
		{"target", &body.Target, "the name of a target"},
		{"for", &body.For, "a number of seconds"},
		{"until", &body.Until, "a time such as 2030-01-31T15:04:05Z"},
		{"until_released", &body.UntilReleased, "true or false"},
		{"reason", &body.Reason, "a text"},
		{"author", &body.Author, "a name"},
		{"force", &body.Force, "true or false"},
		{"dry_run", &body.DryRun, "true or false"},
	})
	if err != nil {
		return err
	}
	if body.Target == "" { // one that is there the backend checks, and all the rest
		return problem(http.StatusUnprocessableEntity, "\"target\" is missing: name the target to switch to")
	}
	if author != "" {
		body.Author = author
	}
	service, err := s.backend.Switch(r.Context(), r.PathValue("service"), body)
	return s.answer(w, service, err)
}

func (s *Server) release(w http.ResponseWriter, r *http.Request, author string) error {
	service, err := s.backend.Release(r.Context(), r.PathValue("service"), acting(author))
	return s.answer(w, service, err)
}

// acting names who acts, for one who can't say it.
func acting(author string) string {
	if author == "" {
		return "control socket"
	}
	return author
}

func (s *Server) reload(w http.ResponseWriter, r *http.Request, author string) error {
	result, err := s.backend.Reload(r.Context(), acting(author))
	return s.answer(w, result, err)
}

func (s *Server) scrape(w http.ResponseWriter, r *http.Request, _ string) error {
	s.metrics.ServeHTTP(w, r)
	return nil
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request, _ string) error {
	return text(w, http.StatusOK, "alive")
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request, _ string) error {
	status := s.backend.Status(time.Now())
	if !status.Ready {
		return text(w, http.StatusServiceUnavailable, append([]string{"not ready"}, status.Problems...)...)
	}
	return text(w, http.StatusOK, append([]string{"ready"}, status.Problems...)...)
}

func (s *Server) index(w http.ResponseWriter, _ *http.Request, _ string) error {
	var list strings.Builder
	columns := tabwriter.NewWriter(&list, 0, 0, 2, ' ', 0)
	for _, r := range routes() {
		fmt.Fprintf(columns, "%s\t%s\t%s\n", r.method, strings.TrimSuffix(r.path, "{$}"), r.does)
	}
	columns.Flush()
	return text(w, http.StatusOK, "dnsfailover "+s.version, "", strings.TrimSuffix(list.String(), "\n"))
}

func text(w http.ResponseWriter, status int, lines ...string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, strings.Join(lines, "\n")) // the client may have gone; nobody else cares
	return nil
}
