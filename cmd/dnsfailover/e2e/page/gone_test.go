package page

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWhoGoesAwayIsSeen leaves before there is an answer, in the middle of one, and while a request is held.
func TestWhoGoesAwayIsSeen(t *testing.T) {
	t.Parallel()
	asked := make(chan bool)
	site := origin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			fmt.Fprint(w, "event\n")
			_ = http.NewResponseController(w).Flush()
		}
		asked <- true
		<-r.Context().Done()
	})
	h := begin(t, listen+`access_log: {file: access.log}
hosts: [{names: [www.example.com], normally: primary, hold: {for: 25s, max: 3}, primary: {addresses: ["`+site+`"]}}]`, nil)
	leave := func(path string, wait func()) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.http+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "www.example.com"
		answered := make(chan bool)
		go func() {
			defer close(answered)
			if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
				answered <- true
				<-ctx.Done()
				resp.Body.Close()
			}
		}()
		wait()
		if path == "/stream" && !<-answered {
			t.Fatal("the stream didn't begin")
		}
		cancel()
		<-answered
		eventually(t, path+" is in the access log", func() bool {
			text, _ := os.ReadFile(filepath.Join(h.dir, "access.log"))
			return strings.Contains(string(text), path)
		})
	}
	leave("/before", func() { <-asked })
	leave("/stream", func() { <-asked })
	h.tell("pause", "www.example.com")
	leave("/held", func() { h.waiting(1) })

	text, err := os.ReadFile(filepath.Join(h.dir, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	if want := regexp.MustCompile(`(?s)"GET /before HTTP/1\.1" 499 0 .*"GET /stream HTTP/1\.1" 200 6 .*"GET /held HTTP/1\.1" 499 0 `); !want.Match(text) {
		t.Errorf("the access log says\n%s", text)
	}
	metrics := curl(t, "http://"+h.admin+"/metrics").body
	for _, line := range []string{
		`dnsfailover_page_requests_total{form="proxy",site="www.example.com",status="4xx"} 2`, `dnsfailover_page_requests_total{form="proxy",site="www.example.com",status="2xx"} 1`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("%s isn't in\n%s", line, metrics)
		}
	}
}
