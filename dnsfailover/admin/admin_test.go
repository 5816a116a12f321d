package admin_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"dnsfailover/dnsfailover/admin"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// backend is a Backend of functions. Those that a test leaves out count that they were called.
type backend struct {
	status   func(now time.Time) api.Status
	why      func(name string, qtype uint16, client netip.Addr, now time.Time) (api.Why, error)
	results  func(service, target string) (api.Results, error)
	reporter func(service, target, token string, trusted bool) (func(api.Push), error)
	override func(ctx context.Context, service string, s api.Switch) (api.Service, error)
	release  func(ctx context.Context, service, author string) (api.Service, error)
	reload   func(ctx context.Context, author string) (api.Reload, error)
	simulate func(s api.Supposition, now time.Time) (api.Simulation, error)
	add      func(ctx context.Context, n api.NewWindow) (api.Window, error)
	cancel   func(ctx context.Context, id, author string) (api.Window, error)
	history  func(q api.HistoryQuery) (api.History, error)

	acts atomic.Int64 // calls of what changes something
}

func (b *backend) Status(now time.Time) api.Status {
	if b.status == nil {
		return api.Status{Version: "1.2.3", Ready: true}
	}
	return b.status(now)
}

func (b *backend) Why(name string, qtype uint16, client netip.Addr, now time.Time) (api.Why, error) {
	if b.why == nil {
		return api.Why{Name: name}, nil
	}
	return b.why(name, qtype, client, now)
}

func (b *backend) Results(service, target string) (api.Results, error) {
	if b.results == nil {
		return api.Results{Service: service}, nil
	}
	return b.results(service, target)
}

func (b *backend) Reporter(service, target, token string, trusted bool) (func(api.Push), error) {
	if b.reporter == nil {
		return nil, &api.Problem{Status: 401, Detail: "no such token"}
	}
	return b.reporter(service, target, token, trusted)
}

func (b *backend) Switch(ctx context.Context, service string, s api.Switch) (api.Service, error) {
	b.acts.Add(1)
	if b.override == nil {
		return api.Service{Name: service, Serving: s.Target}, nil
	}
	return b.override(ctx, service, s)
}

func (b *backend) Release(ctx context.Context, service, author string) (api.Service, error) {
	b.acts.Add(1)
	if b.release == nil {
		return api.Service{Name: service}, nil
	}
	return b.release(ctx, service, author)
}

func (b *backend) Simulate(s api.Supposition, now time.Time) (api.Simulation, error) {
	if b.simulate == nil {
		return api.Simulation{At: s.At, Services: []api.Service{}}, nil
	}
	return b.simulate(s, now)
}

func (b *backend) Windows(time.Time) []api.Window { return []api.Window{{ID: "w1"}} }

func (b *backend) AddWindow(ctx context.Context, n api.NewWindow) (api.Window, error) {
	b.acts.Add(1)
	if b.add == nil {
		return api.Window{Service: n.Service, Target: n.Target}, nil
	}
	return b.add(ctx, n)
}

func (b *backend) CancelWindow(ctx context.Context, id, author string) (api.Window, error) {
	b.acts.Add(1)
	if b.cancel == nil {
		return api.Window{ID: id}, nil
	}
	return b.cancel(ctx, id, author)
}

func (b *backend) History(q api.HistoryQuery) (api.History, error) {
	if b.history == nil {
		return api.History{Events: []api.Event{}}, nil
	}
	return b.history(q)
}

func (b *backend) Reload(ctx context.Context, author string) (api.Reload, error) {
	b.acts.Add(1)
	if b.reload == nil {
		return api.Reload{}, nil
	}
	return b.reload(ctx, author)
}

const secret = "correct horse battery staple"

// running is a server on real listeners.
type running struct {
	server *admin.Server
	url    string // of the TCP listener, through a loopback address
	socket string
	log    *lines
	web    *http.Client
	stop   func() // ends it and waits
}

// start runs a server for b, whose TCP listener is at tcp ("127.0.0.1:0").
func start(t *testing.T, b admin.Backend, tcp string, tokens ...config.Token) *running {
	t.Helper()
	log := new(lines)
	s, err := admin.New(admin.Options{
		Backend: b, Tokens: tokens, Version: "1.2.3",
		Collector: prometheus.NewGauge(prometheus.GaugeOpts{Name: "dnsfailover_test", Help: "It is there."}),
		Log:       slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", tcp)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(shortDir(t), "control.sock")
	control, err := admin.ListenControl(socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listener, control) }()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	r := &running{server: s, url: "http://127.0.0.1:" + port, socket: socket, log: log, web: &http.Client{Transport: &http.Transport{}}}
	r.stop = sync.OnceFunc(func() {
		r.web.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// shortDir returns a directory whose path leaves room for a socket's name.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "admin")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// client returns a client of the control socket.
func (r *running) client(t *testing.T) *api.Client {
	c := api.Dial(r.socket)
	t.Cleanup(c.Close)
	return c
}

// ask sends a request over TCP with the headers ("Name: value") and returns the answer and its body.
func (r *running) ask(t *testing.T, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
		} else {
			req.Header.Set(name, value)
		}
	}
	resp, err := r.web.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(raw)
}

// wantProblem checks that an answer is a problem document with the status, and returns its sentence.
func wantProblem(t *testing.T, resp *http.Response, body string, status int) string {
	t.Helper()
	var p api.Problem
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Errorf("%d %q: %v", resp.StatusCode, body, err)
	}
	if resp.StatusCode != status || p.Status != status || p.Title != http.StatusText(status) || p.Detail == "" || p.Type != "about:blank" {
		t.Errorf("answer %d with %+v, want %d", resp.StatusCode, p, status)
	}
	if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("a problem came as %q", got)
	}
	return p.Detail
}

// lines collects a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
