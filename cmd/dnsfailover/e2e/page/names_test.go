package page

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// TestThePrimaryIsAskedByItsOwnName though it is dialled by its address: Host, the name in the handshake, and the one that its certificate must have are what the client
// asked for. Another certificate is no primary.
func TestThePrimaryIsAskedByItsOwnName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certify(t, dir, "www.example.com", 7)
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "www.example.com.pem"), filepath.Join(dir, "www.example.com.key"))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "www.example.com.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for _, http2 := range []bool{false, true} {
		site := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %s %s", r.Proto, r.Host, r.TLS.ServerName)
		}))
		site.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
		site.EnableHTTP2 = http2
		site.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
		site.StartTLS()
		t.Cleanup(site.Close)
		h := passing(t, `{addresses: ["`+site.Listener.Addr().String()+`"], scheme: https, ca: ca.pem}`, map[string]string{"ca.pem": string(ca)})
		want := map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[http2] + " www.example.com www.example.com"
		h.everyWay(t, func(t *testing.T, client *http.Client, base string) {
			resp, err := client.Get(base)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if body, err := io.ReadAll(resp.Body); err != nil || string(body) != want {
				t.Errorf("%s %q %v, not %q", resp.Status, body, err, want)
			}
		})
		if r := curl(t, "-H", "Host: www.example.net", "http://"+h.http+"/"); r.status != "502" {
			t.Errorf("staff see a primary with a certificate for another name: %+v", r)
		}
		if r := curl(t, "--interface", "127.66.0.9", "-H", "Host: www.example.net", "http://"+h.http+"/api/"); r.status != "503" {
			t.Errorf("visitors see an upstream with a certificate for another name: %+v", r)
		}
	}
}
