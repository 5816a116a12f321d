package page

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnsfailover/dnsfailover/api"
)

func TestPauseHoldsAndResumeReleases(t *testing.T) {
	h := run(t, `hosts: [{names: [www.example.com], normally: primary, hold: {for: 30s, max: 3}, primary: {addresses: ["`+origin(t, nil)+`"]}}]`, nil)
	client := api.Dial(filepath.Join(h.dir, "page.sock"))
	defer client.Close()
	if site, err := client.OrderPage(t.Context(), "www.example.com", "pause", api.PageOrder{Author: "ann"}); err != nil || site.Mode != "paused" {
		t.Fatal(site, err)
	}
	type result struct {
		status int
		body   string
	}
	results := make(chan result)
	for range 3 {
		go func() {
			resp, body := h.get("/held")
			results <- result{resp.StatusCode, body}
		}()
	}
	h.waiting(3)
	if resp, _ := h.get("/one"); resp.StatusCode != 503 {
		t.Errorf("one too many: %s", resp.Status)
	}
	if _, err := client.OrderPage(t.Context(), "www.example.com", "resume", api.PageOrder{}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if r := <-results; r.status != 200 || !strings.HasPrefix(r.body, "primary: GET /held") {
			t.Errorf("%+v", r)
		}
	}
	if _, err := client.OrderPage(t.Context(), "www.example.com", "stop", api.PageOrder{Message: "new disks"}); err != nil {
		t.Fatal(err)
	}
	if resp, body := h.get("/"); resp.StatusCode != 503 || !strings.Contains(body, "new disks") {
		t.Errorf("stopped: %s %q", resp.Status, body)
	}
	// It is kept over restarts.
	again, err := recall(filepath.Join(h.dir, "state"), slog.New(slog.DiscardHandler))
	if o, ok := again.of(time.Now(), "www.example.com"); err != nil || !ok || o.Mode != "stop" || o.Message != "new disks" {
		t.Errorf("after a restart: %+v %v", o, err)
	}
	if _, err := client.OrderPage(t.Context(), "nobody.example", "stop", api.PageOrder{}); err == nil || !strings.Contains(err.Error(), `there is no site "nobody.example"`) {
		t.Error(err)
	}
	if _, err := client.OrderPage(t.Context(), "*", "resume", api.PageOrder{}); err == nil || !strings.Contains(err.Error(), "has no primary") {
		t.Error(err)
	}
}

// TestAnUpstreamThatRestarts: nobody sees it.
func TestAnUpstreamThatRestarts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().(*net.TCPAddr).AddrPort()
	l.Close()
	h := run(t, `hosts: [{names: [www.example.com], normally: primary, hold: {for: 30s}, primary: {addresses: ["`+address.String()+`"]}}]`, nil)
	results := make(chan string)
	for i := range 5 {
		go func() {
			req, _ := http.NewRequest(http.MethodPost, h.base+"/", strings.NewReader(fmt.Sprint("body ", i)))
			req.Host = "www.example.com"
			resp, body := h.do(req)
			results <- fmt.Sprint(resp.StatusCode, " ", body)
		}()
	}
	h.waiting(5)
	s := listenAgain(t, address)
	for range 5 {
		if r := <-results; !strings.HasPrefix(r, "200 got body ") {
			t.Error(r)
		}
	}
	s.Close()
}

func listenAgain(t *testing.T, address netip.AddrPort) *http.Server {
	t.Helper()
	l, err := net.Listen("tcp", address.String())
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "got %s", body)
	})}
	go func() { _ = s.Serve(l) }()
	return s
}
