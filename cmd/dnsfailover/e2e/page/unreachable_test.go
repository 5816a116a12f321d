package page

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestStaffAreToldWhyThePrimaryFails looks, as staff and as a visitor, at primaries of which each fails in its own way. It is staff's business only.
func TestStaffAreToldWhyThePrimaryFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	expired := time.Now().Add(-time.Hour)
	certify(t, dir, "other.example.com", 1)
	certify(t, dir, "unknown.example.com", 3)
	certifyUntil(t, dir, "expired", "expired.example.com", 2, expired)
	secure := func(file string) string {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, file+".pem"), filepath.Join(dir, file+".key"))
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	// says accepts connections and answers the same to whatever comes, or, if that is empty, nothing.
	says := func(answer string) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					_, _ = c.Read(make([]byte, 4096))
					_, _ = c.Write([]byte(answer))
				}()
			}
		}()
		return l.Addr().String()
	}
	trusted := func(address, file string) string {
		return fmt.Sprintf(`{addresses: ["%s"], scheme: https, ca: "%s"}`, address, filepath.Join(dir, file+".pem"))
	}
	wants := map[string]struct{ primary, why string }{
		"name":      {trusted(secure("other.example.com"), "other.example.com"), `TLS certificate is for other.example.com, not for "name.example.com"`},
		"expired":   {trusted(secure("expired"), "expired"), "TLS certificate expired on " + expired.UTC().Format("2006-01-02 15:04:05 MST")},
		"unknown":   {fmt.Sprintf(`{addresses: ["%s"], scheme: https}`, secure("unknown.example.com")), "TLS certificate is signed by an unknown authority: by itself"},
		"plain":     {fmt.Sprintf(`{addresses: ["%s"], scheme: https}`, origin(t, http.NotFound)), "the server does not speak TLS on this port"},
		"hurried":   {fmt.Sprintf(`{addresses: ["%s"], scheme: https}`, says("")), "closed the connection without an answer"},
		"refused":   {addressed(freeAddress(t)), "connection refused"},
		"closed":    {addressed(says("")), "closed the connection without an answer"},
		"malformed": {addressed(says("SSH-2.0-OpenSSH_9.9\r\n\r\n")), `malformed answer: HTTP response "SSH-2.0-OpenSSH_9.9"`},
	}
	var hosts strings.Builder
	for name, w := range wants {
		fmt.Fprintf(&hosts, "  - {names: [%s.example.com], normally: primary, primary: %s}\n", name, w.primary)
	}
	h := begin(t, listen+"staff: {networks: [127.0.0.1/32]}\nhosts:\n"+hosts.String(), nil)
	for name, w := range wants {
		host := "Host: " + name + ".example.com:8080"
		r := curl(t, "-H", host, "http://"+h.http+"/")
		want := "The primary can't be reached: " + w.why + ".\n\nYou see this in place of the notice because you are staff; /"
		if r.status != "502" || r.header.Get("Dnsfailover-Page") != "unreachable" || !strings.HasPrefix(r.body, want) {
			t.Errorf("%s: staff see %s %q, not %q", name, r.status, r.body, want)
		}
		if r := curl(t, "--interface", "127.66.0.9", "-H", host, "http://"+h.http+"/"); r.status != "503" || r.header.Get("Dnsfailover-Page") != "notice" || strings.Contains(r.body, w.why) {
			t.Errorf("%s: visitors see %s %q", name, r.status, r.body)
		}
	}
}
