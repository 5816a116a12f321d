package page

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// TestHSTSIsTheSitesOrOurs: never both, of which clients would take ours.
func TestHSTSIsTheSitesOrOurs(t *testing.T) {
	t.Parallel()
	const field, ours = "Strict-Transport-Security", "max-age=600"
	site := origin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/own" {
			w.Header().Set(field, "max-age=1")
		}
		fmt.Fprint(w, "site")
	})
	h := &host{t: t, dir: t.TempDir()}
	certify(t, h.dir, "www.example.com", 1)
	write(t, h.dir, "a.txt", "a file")
	write(t, h.dir, "page.yaml", `listen: {http: ["127.0.0.1:0"], https: ["127.0.0.1:0"], admin: "off"}
state: state
certificates: [{certificate: www.example.com.pem, key: www.example.com.key}]
hsts: `+ours+`
hosts:
  - names: [www.example.com]
    normally: primary
    primary: `+addressed(site)+`
    paths: [{path: /files/, dir: .}, {path: /notice/, show: notice}, {path: /missing/, proxy: `+addressed(freeAddress(t))+`}]
`)
	h.run(h.command("page", "--config", "page.yaml"))
	for _, p := range protocols {
		client, scheme := h.client("127.0.0.1", p.secure, p.http2), "http"
		if p.secure {
			scheme = "https"
		}
		for _, c := range []struct {
			path   string
			status int
			want   []string // over TLS
		}{{"/own", 200, []string{"max-age=1"}}, {"/none", 200, nil}, {"/files/a.txt", 200, []string{ours}}, {"/notice/", 503, []string{ours}}, {"/missing/", 503, []string{ours}}} {
			resp, err := client.Get(scheme + "://www.example.com" + c.path)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if !p.secure && c.path != "/own" {
				c.want = nil
			}
			if got := resp.Header.Values(field); resp.StatusCode != c.status || !slices.Equal(got, c.want) {
				t.Errorf("%s by %s: %s, %q, want %d, %q", c.path, p.name, resp.Status, got, c.status, c.want)
			}
		}
	}
}
