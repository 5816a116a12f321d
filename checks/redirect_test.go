package checks

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Fault 31, peers' bug 6: with redirects to the same host allowed, only those are followed, and only to where the probe
// dials anyway.
func TestRedirectsToTheSameHost(t *testing.T) {
	ca := newAuthority(t, "test CA")
	cert := ca.issue(t, -time.Hour, time.Hour, "www.example.com")
	var lured atomic.Int32
	elsewhere := serve(t, "127.0.0.1", func(net.Conn) { lured.Add(1) })
	var asked atomic.Value
	secure := web(t, &tls.Config{Certificates: []tls.Certificate{cert}}, false, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked.Store(fmt.Sprintf("%s %s %q %q", r.Method, r.URL.Path, body, r.Header.Get("X-Token")))
		if r.URL.Path == "/back" {
			http.Redirect(w, r, "http://"+r.Host+"/", http.StatusFound)
		}
	})
	addr := web(t, nil, false, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked.Store(fmt.Sprintf("%s %s %q %q", r.Method, r.URL.Path, body, r.Header.Get("X-Token")))
		host, port, _ := net.SplitHostPort(r.Host)
		code, to := http.StatusFound, ""
		switch r.URL.Path {
		case "/path":
			to = "/there?x=y"
		case "/keeps":
			code, to = http.StatusTemporaryRedirect, "/there"
		case "/absolute":
			to = "http://" + strings.ToUpper(host) + ":" + port + "/there"
		case "/loop":
			to = "/loop"
		case "/upgrade":
			to = fmt.Sprintf("https://%s:%d/there", host, secure.Port())
		case "/back-and-forth":
			to = fmt.Sprintf("https://%s:%d/back", host, secure.Port())
		case "/other-host":
			to = fmt.Sprintf("http://other.example.com:%s/", port)
		case "/address":
			to = "http://" + elsewhere.String() + "/"
		case "/metadata":
			to = "http://169.254.169.254/latest/meta-data/"
		case "/port":
			to = fmt.Sprintf("http://%s:%d/", host, elsewhere.Port())
		case "/file":
			to = "file:///etc/passwd"
		case "/scheme":
			to = "//other.example.com/"
		case "/nothing":
			w.WriteHeader(http.StatusFound)
			return
		case "/broken":
			to = "http://%zz/"
		default:
			return
		}
		w.Header().Set("Location", to)
		w.WriteHeader(code)
	})
	for _, test := range []struct {
		path string
		ok   bool
		want string // the reason
		last string // the last request
	}{
		{"/path", true, "status 200", `GET /there "" "hunter2hunter2"`},
		{"/keeps", true, "status 200", `POST /there "payload" "hunter2hunter2"`},
		{"/absolute", true, "status 200", `GET /there "" "hunter2hunter2"`},
		{"/upgrade", true, "status 200", `GET /there "" "hunter2hunter2"`},
		{"/back-and-forth", false, "status 302, wanted 200-299", `GET /back "" "hunter2hunter2"`},
		{"/loop", false, "redirected more than 5 times", `GET /loop "" "hunter2hunter2"`},
		{"/other-host", false, "status 302, wanted 200-299", ""},
		{"/address", false, "status 302, wanted 200-299", ""},
		{"/metadata", false, "status 302, wanted 200-299", ""},
		{"/port", false, "status 302, wanted 200-299", ""},
		{"/file", false, "status 302, wanted 200-299", ""},
		{"/scheme", false, "status 302, wanted 200-299", ""},
		{"/nothing", false, "status 302, wanted 200-299", ""},
		{"/broken", false, "status 302, wanted 200-299", ""},
	} {
		t.Run(test.path, func(t *testing.T) {
			r := probe(t, "http://www.example.com:PORT"+test.path, addr, patience, func(p *HTTPProbe) {
				p.SameHost, p.Roots, p.Method, p.Payload = true, ca.pool, "POST", "payload"
				p.Headers = http.Header{"X-Token": {"hunter2hunter2"}}
			})
			if r.OK != test.ok || r.Reason != test.want {
				t.Errorf("got %v, %q, want %v, %q", r.OK, r.Reason, test.ok, test.want)
			}
			if test.last != "" && asked.Load() != test.last {
				t.Errorf("the last request was %s, want %s", asked.Load(), test.last)
			}
		})
	}
	if lured.Load() != 0 {
		t.Error("a redirect elsewhere was followed")
	}
}

// A server that is to be asked over HTTP/2 is asked so behind a redirect too.
func TestARedirectOverHTTP2(t *testing.T) {
	addr := web(t, nil, true, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/there" {
			http.Redirect(w, r, "/there", http.StatusMovedPermanently)
		}
	})
	if r := probe(t, nowhere, addr, patience, func(p *HTTPProbe) { p.HTTP2, p.SameHost = true, true }); !r.OK {
		t.Errorf("%+v", r)
	}
}

// Whatever a server repeats, what was sent in secret is shown nowhere.
func TestWhatIsRepeatedIsHidden(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		everything := fmt.Sprint(r.Header, r.URL.RawQuery, string(body))
		w.Header().Set("Server", everything)
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		w.Header().Set("Location", "https://joe:hunter2hunter2@other.invalid/?"+r.URL.RawQuery)
		switch r.URL.Path {
		case "/json":
			fmt.Fprintf(w, "{%q: %q}", "status", everything)
		case "/junk":
			c, _, _ := w.(http.Hijacker).Hijack()
			fmt.Fprint(c, r.Header.Get("X-Token"), everything)
			c.Close()
		default:
			io.WriteString(w, everything)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(echo))
	defer server.Close()
	addr := netip.MustParseAddrPort(server.Listener.Addr().String())
	planted := []string{"hunter2hunter2", "correcthorse", "batterystaple", "anm9lOmh1", "am9lOmNvcnJlY3Rob3JzZQ", "pay1oadsecret"}
	for _, path := range []string{"/", "/json", "/junk"} {
		r := probe(t, "http://joe:correcthorse@a.invalid:PORT"+path+"?token=batterystaple", addr, patience, func(p *HTTPProbe) {
			p.Method, p.Payload = "POST", `{"password": "pay1oadsecret"}`
			p.Headers = http.Header{"X-Token": {"hunter2hunter2"}, "Accept": {"text/plain"}}
			p.Body.JSON = []JSONRule{{jsonPath(t, "$.status"), "ok"}}
		})
		if r.OK {
			t.Errorf("%s: %+v", path, r)
		}
		text := r.Reason + strings.Join(r.Seen, "\n")
		for _, secret := range planted {
			if strings.Contains(text, secret) || strings.Contains(text, secret[:8]) {
				t.Errorf("%s: %q is shown:\n%s", path, secret, text)
			}
		}
		if path != "/junk" && !strings.Contains(text, "…") {
			t.Errorf("%s: nothing is hidden in:\n%s", path, text)
		}
	}
}

func TestSecretsAreFoundHoweverTheyAreCut(t *testing.T) {
	var s secrets
	s.add(`pass"word with ünicode`, "abc", "wxyz")
	s.addWords("Bearer 0123456789abcdef", "PING")
	for text, want := range map[string]string{
		"nothing here":                   "nothing here",
		"0123456789abcdef":               "…",
		"x0123456789abcdefx":             "x…x",
		"0123456789abcdef0123456789ab":   "……",
		"cut 01234567":                   "cut …",
		"too short 012345":               "too short 012345",
		"Bearer PING abc":                "Bearer PING abc",
		`"pass\"word with ünicode"`:      `"…"`,
		"wxyz":                           "…",
		"pass%22word+with+%C3%BCnicode!": "…!",
	} {
		if got := s.hidden(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
