package page

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/page/staff"
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
		if _, waiting := r.live.Load().labelled("www.example.com").held(); waiting >= n {
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

func TestBothWaysOfAnsweringSayTheSame(t *testing.T) {
	h := run(t, `hosts: [{names: [www.example.com], planned: {reason: new disks, until: "2100-01-01T00:00:00Z"}}]`, nil)
	for _, accept := range []string{"text/html", "application/json", "image/png", "*/*"} {
		plain, plainBody := h.get("/", "Accept", accept, "Accept-Language", "de")
		// What net/http answers, since there are two of the fields.
		req, _ := http.NewRequest(http.MethodGet, h.base+"/", nil)
		req.Host = "www.example.com"
		req.Header = http.Header{"Accept": {accept}, "Accept-Language": {"de", "xx"}}
		full, fullBody := h.do(req)
		if plainBody != fullBody || plain.StatusCode != 503 || full.StatusCode != 503 {
			t.Errorf("%s: %d %q, %d %q", accept, plain.StatusCode, plainBody, full.StatusCode, fullBody)
		}
		for name := range plain.Header {
			if name != "Date" && name != "Retry-After" && plain.Header.Get(name) != full.Header.Get(name) {
				t.Errorf("%s: %s is %q and %q", accept, name, plain.Header.Get(name), full.Header.Get(name))
			}
		}
		if len(plain.Header) != len(full.Header) {
			t.Errorf("%s: %v and %v", accept, plain.Header, full.Header)
		}
	}
}

func TestEveryMethodAndPathGetsTheNotice(t *testing.T) {
	h := run(t, `hosts: [{names: [www.example.com]}]`, nil)
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"} {
		for _, path := range []string{"/", "/a/b?c=d", "/%2e%2e/%00", "/.git/config", healthPath, staff.Path + "x", staff.Leave} {
			req, err := http.NewRequest(method, h.base+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if method == "POST" {
				req.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", 1<<20)))
			}
			req.Host = "www.example.com"
			resp, body := h.do(req)
			if resp.StatusCode != 503 || resp.Header.Get("Dnsfailover-Page") != "notice" || resp.Header.Get("Retry-After") == "" || resp.Header.Get("Cache-Control") != "no-store" || (body == "") != (method == "HEAD") {
				t.Errorf("%s %s: %s %v %.40q", method, path, resp.Status, resp.Header, body)
			}
		}
	}
}

func TestSitesAreFoundByName(t *testing.T) {
	h := run(t, `hosts:
  - {names: [www.example.com], site: first}
  - {names: ["*.example.com"], site: second}
  - {site: third}
`, nil)
	for host, want := range map[string]string{
		"www.example.com": "first", "WWW.Example.COM:8080": "first", "www.example.com.": "first", "x.example.com": "second", "a.b.example.com": "second",
		"example.com": "third", "192.0.2.1": "third", "[2001:db8::1]:80": "third", "": "third",
	} {
		if host == "" {
			continue
		}
		if _, body := h.get("/", "Host", host); !strings.HasPrefix(body, want+":") {
			t.Errorf("%s: %q, want that of %s", host, body, want)
		}
	}
}

func TestHealthIsNeverMistakenForTheSite(t *testing.T) {
	h := run(t, `hosts: [{names: [www.example.com]}]`, nil)
	if resp, _ := h.get(healthPath, "Host", strings.TrimPrefix(h.base, "http://")); resp.StatusCode != 200 || resp.Header.Get("Dnsfailover-Page") != "health" {
		t.Errorf("by address: %s", resp.Status)
	}
	for _, host := range []string{"www.example.com", "other.example"} {
		if resp, _ := h.get(healthPath, "Host", host); resp.StatusCode != 503 {
			t.Errorf("as %s: %s", host, resp.Status)
		}
	}
}

func TestWhatIsPlannedIsShown(t *testing.T) {
	var mu sync.Mutex
	service := api.Service{Name: "web", Records: []string{"www.example.com."}, Serving: "backup", Rule: "verdicts", Targets: []api.Target{{Name: "primary"}, {Name: "backup"}}}
	h := run(t, `hosts: [{names: [www.example.com], file: DIR/switch}]`, func(time.Time) []api.Service {
		mu.Lock()
		defer mu.Unlock()
		return []api.Service{service}
	})
	set := func(change func(*api.Service)) {
		mu.Lock()
		change(&service)
		mu.Unlock()
		h.decide(h.live.Load(), time.Now())
	}
	if _, body := h.get("/"); !strings.Contains(body, "Back in a moment") {
		t.Errorf("nothing is planned: %q", body)
	}
	until := time.Now().Add(90 * time.Second)
	set(func(s *api.Service) {
		s.Rule, s.Override = "override", &api.Override{Target: "backup", Reason: "kernel update", Until: &until}
	})
	resp, body := h.get("/")
	if !strings.Contains(body, "kernel update") || resp.Header.Get("Retry-After") != "90" && resp.Header.Get("Retry-After") != "89" {
		t.Errorf("override: %v %q", resp.Header, body)
	}
	set(func(s *api.Service) {
		s.Rule, s.Override, s.Window = "window", nil, &api.Window{End: until, Reason: "weekly patches", Author: "root"}
	})
	if _, body := h.get("/"); !strings.Contains(body, "weekly patches") {
		t.Errorf("window: %q", body)
	}
	if err := os.WriteFile(filepath.Join(h.dir, "switch"), []byte("by \n hand"), 0o600); err != nil {
		t.Fatal(err)
	}
	set(func(*api.Service) {})
	if _, body := h.get("/"); !strings.Contains(body, "by hand") {
		t.Errorf("file: %q", body)
	}
	os.Remove(filepath.Join(h.dir, "switch"))
	set(func(s *api.Service) { s.Rule, s.Serving, s.Window = "verdicts", "primary", nil })
	if resp, _ := h.get("/"); !resp.Close || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("the site is back, but connections are kept: %v", resp.Header)
	}
}

func TestPollsGetAConnectionOfTheirOwn(t *testing.T) {
	h := run(t, ``, nil)
	if resp, _ := h.get("/", "Dnsfailover-Poll", "1"); !resp.Close {
		t.Error("a client that polls would never look the name up again")
	}
	if resp, _ := h.get("/"); resp.Close {
		t.Error("others lose their connection")
	}
}

func TestStaffSeeTheSite(t *testing.T) {
	const secret = "0123456789abcdef/+0123456789"
	h := runWith(t, map[string]string{"secret": secret}, `staff: {secret: secret, for: 1h}
hosts:
  - {names: [www.example.com], primary: {addresses: ["`+origin(t, nil)+`"]}}
  - {names: [other.example.com], primary: {addresses: ["`+origin(t, nil)+`"]}}
  - {names: [none.example.com]}
`)
	link := staff.Link(secret)
	resp, _ := h.get(link)
	if resp.StatusCode != 303 || len(resp.Cookies()) != 1 {
		t.Fatalf("the link gives %s", resp.Status)
	}
	c := resp.Cookies()[0]
	cookie := c.Name + "=" + c.Value
	want := `primary: GET /x?y for www.example.com, cookie "a=b; c=d", from 127.0.0.1, via 1.1 dnsfailover-page`
	if resp, body := h.get("/x?y", "Cookie", "a=b; "+cookie+"; c=d", "X-Forwarded-For", "198.51.100.1"); resp.StatusCode != 200 || body != want {
		t.Errorf("staff see %s %q", resp.Status, body)
	}
	for what, fields := range map[string][]string{
		"nobody":                 {"/"},
		"a bad cookie":           {"/", "Cookie", cookie[:len(cookie)-2] + "AA"},
		"another site":           {"/", "Cookie", cookie, "Host", "other.example.com"},
		"a bad link":             {link + "x"},
		"no link":                {staff.Path},
		"who has nothing to see": {link, "Host", "none.example.com"},
	} {
		if resp, _ := h.get(fields[0], fields[1:]...); resp.StatusCode != 503 || len(resp.Cookies()) != 0 {
			t.Errorf("%s gets %s", what, resp.Status)
		}
	}
}

func TestStaffAreToldThatThePrimaryFails(t *testing.T) {
	h := run(t, `staff: {networks: [127.0.0.0/8]}
hosts: [{names: [www.example.com], hold: {for: 20s}, primary: {addresses: ["127.0.0.1:1"]}}]
`, nil)
	if resp, body := h.get("/"); resp.StatusCode != 502 || !strings.Contains(body, "because you are staff") || resp.Header.Get("Dnsfailover-Page") == "" {
		t.Errorf("%s %q", resp.Status, body)
	}
}

func TestNetworksOfStaff(t *testing.T) {
	h := run(t, `staff: {networks: [127.0.0.0/8]}
hosts: [{names: [www.example.com], primary: {addresses: ["`+origin(t, nil)+`"]}}]
`, nil)
	if resp, body := h.get("/"); resp.StatusCode != 200 || !strings.HasPrefix(body, "primary:") {
		t.Errorf("%s %q", resp.Status, body)
	}
	if resp, _ := h.get("/", "Via", "1.1 dnsfailover-page"); resp.StatusCode != http.StatusLoopDetected {
		t.Errorf("a circle ends with %s", resp.Status)
	}
}

func TestPathRules(t *testing.T) {
	files := map[string]string{
		"public/index.html": "index", "public/a.txt": "text", "public/.hidden": "hidden", "public/.git/config": "config", "public/sub/b.js": "script", "public/deep/index.html": "deep", "secret": "secret",
	}
	h := runWith(t, files, `hosts:
  - names: [www.example.com]
    paths:
      - {path: /files/, dir: public}
      - {path: /files/private/, show: notice}
      - {path: /api/, proxy: {addresses: ["`+origin(t, nil)+`"]}}
`)
	if err := os.Symlink("../secret", filepath.Join(h.dir, "public/out")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/files/": "200 index", "/files/a.txt": "200 text", "/files/sub/b.js": "200 script", "/api/x?y": "200 primary: GET /api/x?y",
		"/": "503", "/files": "503", "/files/sub/": "503", "/files/sub": "503", "/files/deep": "302", "/files/deep/": "200 deep", "/files/none": "503", "/files/.hidden": "503", "/files/.git/config": "503",
		"/files/out": "503", "/files/../secret": "503", "/files/%2e%2e/secret": "503", "/files/..%2fsecret": "503", "/files//a.txt": "503",
		"/files/a%00.txt": "503", "/files/..\\secret": "503", "/files/private/a.txt": "503",
		"/api/../private": "503", "/api/%2e%2e/private": "503", "/%61pi/x": "200 primary: GET /%61pi/x", "/apix": "503",
	} {
		c, err := net.Dial("tcp", strings.TrimPrefix(h.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n", path)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(path, err)
		}
		body, _ := io.ReadAll(resp.Body)
		c.Close()
		got := fmt.Sprint(resp.StatusCode)
		if resp.StatusCode == 200 {
			got += " " + string(body)
		}
		if got != want && !(resp.StatusCode == 200 && strings.HasPrefix(got, want)) {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestStreamsAndWebSocketsPass(t *testing.T) {
	next := make(chan struct{})
	address := origin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "websocket" {
			c, in, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer c.Close()
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
			line, _ := in.ReadString('\n')
			_, _ = io.WriteString(c, "echo "+line)
			return
		}
		for i := range 3 {
			fmt.Fprintf(w, "%d\n", i)
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	})
	h := run(t, `hosts: [{names: [www.example.com], normally: primary, primary: {addresses: ["`+address+`"]}}]`, nil)
	req, _ := http.NewRequest(http.MethodGet, h.base+"/events", nil)
	req.Host = "www.example.com"
	resp, err := h.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(resp.Body)
	for i := range 3 { // each line comes before the next is written
		if line, err := lines.ReadString('\n'); err != nil || line != fmt.Sprintf("%d\n", i) {
			t.Fatalf("%q %v", line, err)
		}
		next <- struct{}{}
	}
	resp.Body.Close()

	c, err := net.Dial("tcp", strings.TrimPrefix(h.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: www.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	in := bufio.NewReader(c)
	resp, err = http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatalf("%v %v", resp, err)
	}
	_, _ = io.WriteString(c, "hello\n")
	if line, _ := in.ReadString('\n'); line != "echo hello\n" {
		t.Errorf("%q", line)
	}
}

// TestThePrimaryIsAskedByItsName over TLS, verified, though it is dialled by its address.
func TestThePrimaryIsAskedByItsName(t *testing.T) {
	names := make(chan string, 1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "over TLS") }))
	s.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		select {
		case names <- hello.ServerName:
		default:
		}
		return nil, nil
	}}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := pemOf(s.Certificate().Raw)
	h := runWith(t, map[string]string{"ca.pem": ca}, `hosts:
  - {names: [example.com], normally: primary, primary: {addresses: ["`+s.Listener.Addr().String()+`"], scheme: https, ca: ca.pem}}
  - {names: [www.example.net], normally: primary, primary: {addresses: ["`+s.Listener.Addr().String()+`"], scheme: https, ca: ca.pem}}
`)
	// The certificate of httptest is for example.com.
	if resp, body := h.get("/", "Host", "example.com"); resp.StatusCode != 200 || body != "over TLS" {
		t.Errorf("%s %q", resp.Status, body)
	}
	if name := <-names; name != "example.com" {
		t.Errorf("SNI %q", name)
	}
	if resp, _ := h.get("/", "Host", "www.example.net"); resp.StatusCode != 503 {
		t.Errorf("a certificate for another name: %s", resp.Status)
	}
}

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
	if o, ok := again.of("www.example.com"); err != nil || !ok || o.Mode != "stop" || o.Message != "new disks" {
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

func TestWithoutHoldAnUnreachablePrimaryIsTheNotice(t *testing.T) {
	h := run(t, `hosts: [{names: [www.example.com], normally: primary, primary: {addresses: ["127.0.0.1:1"]}}]`, nil)
	if resp, _ := h.get("/"); resp.StatusCode != 503 || resp.Header.Get("Dnsfailover-Page") != "notice" {
		t.Errorf("%s", resp.Status)
	}
}

func TestReloadKeepsWhatWasCounted(t *testing.T) {
	h := run(t, `hosts: [{names: [www.example.com], site: before}]`, nil)
	if _, body := h.get("/"); !strings.HasPrefix(body, "before:") {
		t.Error(body)
	}
	h.Reload(h.config(`hosts: [{names: [www.example.com], site: after}]`))
	if _, body := h.get("/"); !strings.HasPrefix(body, "after:") {
		t.Error(body)
	}
	if n := h.Status(time.Now()).Sites[0].Notices; n != 2 {
		t.Errorf("%d notices", n)
	}
	if w := h.Reload(h.config("limits: {idle: 9s}\n")); len(w) != 1 || !strings.Contains(w[0], "limits has changed: restart") {
		t.Errorf("%q", w)
	}
}

// TestWhoWaitsGoesToThePrimaryOfTheLiveConfiguration pauses a site, and moves it to another primary.
func TestWhoWaitsGoesToThePrimaryOfTheLiveConfiguration(t *testing.T) {
	hosts := `hosts: [{names: [www.example.com], normally: primary, hold: {for: 30s, max: 3}, primary: {addresses: ["ADDRESS"]}}]`
	h := run(t, strings.Replace(hosts, "ADDRESS", "127.0.0.1:1", 1), nil)
	client := api.Dial(filepath.Join(h.dir, "page.sock"))
	defer client.Close()
	order := func(mode string) {
		t.Helper()
		if _, err := client.OrderPage(t.Context(), "www.example.com", mode, api.PageOrder{}); err != nil {
			t.Fatal(err)
		}
	}
	got := make(chan int)
	ask := func() {
		resp, _ := h.get("/")
		got <- resp.StatusCode
	}
	go ask() // the primary is missing
	h.waiting(1)
	order("pause")
	go ask()
	h.waiting(2)
	h.Reload(h.config(strings.Replace(hosts, "ADDRESS", origin(t, nil), 1)))
	h.waiting(2)
	order("resume")
	for range 2 {
		if status := <-got; status != 200 {
			t.Errorf("who waited got %d", status)
		}
	}
	if n := h.Status(time.Now()).Sites[0].Passed; n != 2 {
		t.Errorf("%d were passed on, not 2", n)
	}
}

func TestDamagedStateIsMovedAside(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, stateName), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := recall(dir, slog.New(slog.DiscardHandler))
	if err != nil || len(s.orders) != 0 {
		t.Fatal(err)
	}
	if err := s.say("*", &order{Mode: "stop"}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, stateName+".damaged")); err != nil {
		t.Error(err)
	}
}

func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
