package page

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a page host on loopback.
type running struct {
	*Host
	t    *testing.T
	dir  string
	base string // http://ADDRESS
	log  *bytes.Buffer
	http *http.Client
}

type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// run starts a page host with hosts, and more, in its configuration. DIR stands for a directory of its own.
func run(t *testing.T, hosts string, services func(time.Time) []api.Service) *running {
	t.Helper()
	return runIn(t, nil, hosts, services)
}

// runWith is run with files beside the configuration.
func runWith(t *testing.T, files map[string]string, hosts string) *running {
	t.Helper()
	return runIn(t, files, hosts, nil)
}

func runIn(t *testing.T, files map[string]string, hosts string, services func(time.Time) []api.Service) *running {
	t.Helper()
	dir, err := os.MkdirTemp("", "page") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := &running{t: t, dir: dir, log: &bytes.Buffer{}}
	cfg := r.config(hosts)
	host, err := Listen(cfg, slog.New(slog.NewTextHandler(&locked{w: r.log}, nil)), "test", services)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- host.Run(ctx) }()
	transport := &http.Transport{}
	r.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: 20 * time.Second}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	r.base = "http://" + host.Addresses()[0]
	return r
}

func (r *running) config(hosts string) *config.Page {
	r.t.Helper()
	cfg, problems := config.ParsePage(filepath.Join(r.dir, "page.yaml"), []byte("listen: {http: [\"127.0.0.1:0\"], admin: \"off\", control: page.sock}\nstate: state\n"+strings.ReplaceAll(hosts, "DIR", r.dir)))
	if cfg == nil {
		r.t.Fatal(problems)
	}
	return cfg
}

// waiting returns when as many requests are held.
func (r *running) waiting(n int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if r.live.Load().labelled("www.example.com").waiting() >= n {
			return
		}
		<-tick.C
	}
}

// get asks for a path of www.example.com, with header fields in pairs.
func (r *running) get(path string, fields ...string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodGet, r.base+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Host = "www.example.com"
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == "Host" {
			req.Host = fields[i+1]
		} else {
			req.Header.Set(fields[i], fields[i+1])
		}
	}
	return r.do(req)
}

func (r *running) do(req *http.Request) (*http.Response, string) {
	r.t.Helper()
	resp, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, string(body)
}

// origin is a primary that tells what it was asked.
func origin(t *testing.T, handler http.HandlerFunc) (address string) {
	t.Helper()
	if handler == nil {
		handler = func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "primary: %s %s for %s, cookie %q, from %s, via %s", r.Method, r.URL, r.Host, r.Header.Get("Cookie"), r.Header.Get("X-Forwarded-For"), r.Header.Get("Via"))
		}
	}
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}
