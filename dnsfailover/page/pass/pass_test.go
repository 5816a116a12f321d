package pass

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dnsfailover/dnsfailover/page/hold"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// notice is what a client gets when the upstream does not answer: why.
func notice(w http.ResponseWriter, _ *http.Request, err error) {
	why := "unreachable"
	if errors.Is(err, hold.ErrStopped) || errors.Is(err, hold.ErrFull) || errors.Is(err, hold.ErrLate) {
		why = err.Error()
	}
	http.Error(w, why, http.StatusServiceUnavailable)
}

// front serves a proxy, and returns its address.
func front(t *testing.T, opt Options) string {
	t.Helper()
	opt.Failed, opt.Log = notice, slog.New(slog.DiscardHandler)
	p := New(opt)
	s := httptest.NewServer(p)
	t.Cleanup(func() { s.Close(); p.Close() })
	return s.Listener.Addr().String()
}

// client asks the front at address, whatever the URL's host is.
func client(t *testing.T, address string) *http.Client {
	t.Helper()
	trip := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	t.Cleanup(trip.CloseIdleConnections)
	return &http.Client{Transport: trip, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func get(t *testing.T, c *http.Client, url string) (status int, body string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(b))
}

func TestUpstreamSeesWhatTheClientAsked(t *testing.T) {
	up := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s host=%s sni=%s for=%s proto=%s cookie=%q", r.Method, r.RequestURI, r.Host, r.TLS.ServerName,
			r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Proto"), r.Header.Get("Cookie"))
	}))
	defer up.Close()
	roots := x509.NewCertPool()
	roots.AddCert(up.Certificate())
	address := front(t, Options{
		Addresses: []string{up.Listener.Addr().String()}, TLS: &tls.Config{RootCAs: roots},
		Prepare: func(r *http.Request) { r.Header.Del("Cookie") },
	})
	req, err := http.NewRequest(http.MethodPut, "http://www.example.com:8080/a%2Fb/../c?q=1;2", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-For", "203.0.113.9") // nobody may say who he is
	req.Header.Set("Cookie", "secret=1")
	resp, err := client(t, address).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, _ := io.ReadAll(resp.Body)
	want := `PUT /a%2Fb/../c?q=1;2 host=www.example.com:8080 sni=www.example.com for=127.0.0.1 proto=http cookie=""`
	if string(got) != want {
		t.Errorf("the upstream saw\n%s, want\n%s", got, want)
	}
	// The certificate is good for example.com and below, and for nothing else.
	if status, body := get(t, client(t, address), "http://www.example.org/"); status != http.StatusServiceUnavailable {
		t.Errorf("a host that the upstream's certificate isn't for: %d %s", status, body)
	}
}

func TestWebSocketPasses(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" {
			http.Error(w, "no upgrade", http.StatusBadRequest)
			return
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		for {
			line, err := rw.ReadString('\n')
			if err != nil {
				return
			}
			fmt.Fprint(conn, "echo "+line)
		}
	}))
	defer up.Close()
	address := front(t, Options{Addresses: []string{up.Listener.Addr().String()}, Gate: hold.New(hold.Limits{}, &hold.Counts{})})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /socket HTTP/1.1\r\nHost: www.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(resp, err)
	}
	for _, word := range []string{"one", "two"} {
		fmt.Fprintln(conn, word)
		if line, err := r.ReadString('\n'); line != "echo "+word+"\n" {
			t.Fatalf("got %q, %v", line, err)
		}
	}
}

func TestStreamsFlowAtOnce(t *testing.T) {
	next := make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
	}))
	defer up.Close()
	resp, err := client(t, front(t, Options{Addresses: []string{up.Listener.Addr().String()}})).Get("http://www.example.com/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r := bufio.NewReader(resp.Body)
	for i := range 3 {
		line, err := r.ReadString('\n')
		if line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("event %d came as %q, %v", i, line, err)
		}
		_, _ = r.ReadString('\n')
		next <- struct{}{} // the upstream says nothing more until the client has got this
	}
}

// restarting is an upstream that goes and comes back at the same address.
type restarting struct {
	address string
	mu      sync.Mutex
	server  *http.Server
	bodies  []string
}

func (u *restarting) start(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", max(u.address, "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	u.address = l.Addr().String()
	u.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		u.mu.Lock()
		u.bodies = append(u.bodies, string(b))
		u.mu.Unlock()
		fmt.Fprint(w, "the site")
	})}
	go u.server.Serve(l)
}

func TestRequestsWaitForAnUpstreamThatRestarts(t *testing.T) {
	u := &restarting{}
	u.start(t)
	gate := hold.New(hold.Limits{For: 15 * time.Second, Max: 100, Bytes: 1 << 20, Parallel: 2}, &hold.Counts{})
	c := client(t, front(t, Options{Addresses: []string{u.address}, Gate: gate}))
	// No connection is open when the upstream goes: what was sent on one that breaks can't be sent again.
	u.server.Close()

	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			resp, err := c.Post("http://www.example.com/order", "text/plain", strings.NewReader(fmt.Sprint("order ", i)))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if b, _ := io.ReadAll(resp.Body); string(b) != "the site" {
				t.Errorf("order %d got: %d %s", i, resp.StatusCode, b)
			}
		})
	}
	for gate.Status().Waiting < 20 {
		time.Sleep(time.Millisecond) // real clients and a real socket: there is no virtual time for them
	}
	u.start(t)
	all.Wait()
	u.server.Close()
	seen := map[string]int{}
	for _, b := range u.bodies {
		seen[b]++
	}
	for i := range 20 {
		if n := seen[fmt.Sprint("order ", i)]; n != 1 {
			t.Errorf("order %d was received %d times", i, n)
		}
	}
	if s := gate.Status(); s.State != hold.Open || s.Waiting != 0 || s.Bytes != 0 {
		t.Errorf("at the end: %+v", s)
	}
}

// TestAStreamGivesItsPlaceToTheNext when it has begun: one is let go at a time, and none of them ends.
func TestAStreamGivesItsPlaceToTheNext(t *testing.T) {
	const streams = 30
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer up.Close()
	gate := hold.New(hold.Limits{For: 5 * time.Second, Max: streams, Bytes: 1 << 20, Parallel: 1}, &hold.Counts{})
	c := client(t, front(t, Options{Addresses: []string{up.Listener.Addr().String()}, Gate: gate}))
	gate.Pause()
	begun := make(chan *http.Response)
	for range streams {
		go func() {
			resp, err := c.Get("http://www.example.com/events")
			if err != nil {
				t.Error(err)
			}
			begun <- resp
		}()
	}
	for gate.Status().Waiting < streams {
		time.Sleep(time.Millisecond)
	}
	gate.Resume()
	for range streams {
		if resp := <-begun; resp != nil {
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("a stream got %s", resp.Status)
			}
		}
	}
}

func TestNoticeWhereNobodyWaits(t *testing.T) {
	u := &restarting{}
	u.start(t)
	u.server.Close()
	for name, gate := range map[string]*hold.Gate{"no gate": nil, "a gate that holds nobody": hold.New(hold.Limits{}, &hold.Counts{})} {
		if status, body := get(t, client(t, front(t, Options{Addresses: []string{u.address}, Gate: gate})), "http://www.example.com/"); status != 503 || body != "unreachable" {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	gate := hold.New(hold.Limits{For: time.Second, Max: 1, Bytes: 1 << 10}, &hold.Counts{})
	c := client(t, front(t, Options{Addresses: []string{u.address}, Gate: gate}))
	if status, body := get(t, c, "http://www.example.com/"); status != 503 || body != hold.ErrLate.Error() {
		t.Errorf("an upstream that stays away: %d %s", status, body)
	}
	gate.Stop()
	if status, body := get(t, c, "http://www.example.com/"); status != 503 || body != "stopped" {
		t.Errorf("stopped: %d %s", status, body)
	}
}
