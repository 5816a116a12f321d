package page

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// impostor is a backup that speaks TLS with a certificate in a directory, and answers as it likes.
func impostor(t *testing.T, dir, certificate string, handler http.HandlerFunc) (port string) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, certificate+".pem"), filepath.Join(dir, certificate+".key"))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(handler)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	_, port, _ = net.SplitHostPort(s.Listener.Addr().String())
	return port
}

// answers returns a handler that answers with a status and header fields.
func answers(status int, fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(fields); i += 2 {
			w.Header().Set(fields[i], fields[i+1])
		}
		w.WriteHeader(status)
	}
}

// TestThePageCheck watches a real page host, and backups that are none or not as they should be, by `page: URL` over HTTPS. The server's verdict and what
// `validate --live` says are the same, in words.
func TestThePageCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certify(t, dir, "www.example.test", 1)
	certify(t, dir, "mail.example.test", 2)
	certifyUntil(t, dir, "late", "www.example.test", 3, time.Now().Add(-48*time.Hour))
	files := map[string]string{"ca.pem": ""}
	for _, name := range []string{"www.example.test", "mail.example.test", "late"} {
		pem, err := os.ReadFile(filepath.Join(dir, name+".pem"))
		if err != nil {
			t.Fatal(err)
		}
		files["ca.pem"] += string(pem)
	}
	h := &host{t: t, dir: dir}
	write(t, dir, "page.yaml", `listen: {http: ["127.0.0.1:0"], https: ["127.0.0.1:0"], admin: "127.0.0.1:0"}
state: state
certificates: [{certificate: www.example.test.pem, key: www.example.test.key}]
hosts: [{names: [www.example.test], normally: primary, primary: {addresses: ["`+origin(t, answers(200))+`"]}}]
`)
	h.run(h.command("page", "--config", "page.yaml"))
	h.tell("stop", "www.example.test")
	_, real, _ := net.SplitHostPort(h.https)
	_, plain, _ := net.SplitHostPort(h.http)
	marked := []string{"Dnsfailover-Page", "notice", "Retry-After", "60"}
	cases := []struct{ name, port, want string }{
		{"good", real, "status 503, the notice"},
		{"open", impostor(t, dir, "www.example.test", answers(200)), "status 200, wanted 503"},
		{"endless", impostor(t, dir, "www.example.test", answers(503, marked[:2]...)), "status 503, but it doesn't say when to come again: there is no header Retry-After"},
		{"other", impostor(t, dir, "www.example.test", answers(503, marked[2:]...)), "status 503, but it isn't the notice of a page host: there is no header Dnsfailover-Page"},
		{"elsewhere", impostor(t, dir, "www.example.test", answers(302, "Location", "/")), "status 302, wanted 503"},
		{"mistaken", impostor(t, dir, "mail.example.test", answers(503, marked...)), `TLS certificate is for mail.example.test, not for "www.example.test"`},
		{"late", impostor(t, dir, "late", answers(503, marked...)), "TLS certificate expired on "},
		{"plain", plain, "the server does not speak TLS on this port"},
		{"gone", freePort(t), "connection refused"},
	}
	var services strings.Builder
	services.WriteString("services:\n")
	for _, c := range cases {
		fmt.Fprintf(&services, `  - name: %s
    records: [%s.example.test]
    targets:
      - {name: primary, addresses: [192.0.2.1]}
      - name: backup
        addresses: [127.0.0.1]
        check: {page: "https://www.example.test:%s/", ca: ca.pem, interval: 3s, timeout: 2500ms, fall: 1, rise: 1}
`, c.name, c.name, c.port)
	}
	const other = `  - name: other-kind
    records: ["*.other.example.test"]
    targets: [{name: primary, addresses: [192.0.2.1]}, {name: standby, addresses: [192.0.2.2]}]
`
	s := newServer(t, services.String()+other, files).start()
	for _, c := range cases {
		verdict := map[bool]string{true: "up", false: "down"}[c.name == "good"]
		eventually(t, c.name+" is "+verdict+": "+c.want, func() bool {
			out := s.must("status", c.name, "-o", "json")
			return strings.Contains(out, `"verdict": "`+verdict+`"`) && strings.Contains(strings.ReplaceAll(out, `\"`, `"`), c.want)
		})
	}

	out, code := s.cli("validate", "--config", "dnsfailover.yaml", "--live")
	_, sum, _ := strings.Cut(out, "Seen from here, all in all:\n")
	if code != 1 || sum == "" {
		t.Fatalf("exit %d\n%s", code, out)
	}
	lines := map[string]string{}
	for line := range strings.Lines(sum) {
		if f := strings.Fields(line); len(f) > 3 && f[1] == "backup" {
			lines[f[0]] = strings.Join(f[2:], " ")
		}
	}
	for _, c := range cases {
		want := "127.0.0.1 failed: " + c.want
		if c.name == "good" {
			want = "127.0.0.1 OK: " + c.want
		}
		if !strings.HasPrefix(lines[c.name], want) {
			t.Errorf("of %s validate says %q, not %q", c.name, lines[c.name], want)
		}
		if told := strings.Contains(out, "dnsfailover: "+c.name+": 1 of 1 probe failed") || strings.Contains(out, "\n"+c.name+": 1 of 1 probe failed"); told == (c.name == "good") {
			t.Errorf("of %s the last lines say that it fails: %v", c.name, told)
		}
	}
	const hint = "other-kind: whether standby shows a maintenance page isn't known. If it is a page host, give it\n  check: {page: \"https://other.example.test/\"}\n"
	if !strings.Contains(sum, hint) || strings.Count(sum, "isn't known") != 1 {
		t.Errorf("of a backup without a page check it says\n%s", sum)
	}
	t.Logf("validate --live says\n%s", sum)

	// The page host shows the site: a name that points at it would show visitors what they are not to see.
	h.tell("resume", "www.example.test")
	eventually(t, "an open page host is down", func() bool { return strings.Contains(s.must("status", "good", "-o", "json"), "status 200, wanted 503") })
	h.tell("stop", "www.example.test")
	s.configure(strings.Split(services.String(), "  - name: open")[0])
	if out, code := s.cli("validate", "--config", "dnsfailover.yaml", "--live"); code != 0 || !strings.Contains(out, "OK: status 503, the notice") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

// freePort returns a port at which nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}
