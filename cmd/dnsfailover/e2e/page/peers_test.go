package page

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// moody is a site that can be told to fail.
func moody(t *testing.T) (address string, down *atomic.Bool) {
	down = new(atomic.Bool)
	return origin(t, func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		fmt.Fprint(w, "site")
	}), down
}

// TestNginxFallsBackToThePage has nginx before a site, and the page host for its backup.
func TestNginxFallsBackToThePage(t *testing.T) {
	t.Parallel()
	nginx := process.Find(t, "nginx", "nginx-light")
	h := begin(t, listen, nil)
	site, down := moody(t)
	address := freeAddress(t)
	file := write(t, h.dir, "nginx.conf", `daemon off; master_process off; pid `+h.dir+`/nginx.pid; error_log stderr; events {}
http {
  access_log off;
  upstream www { server `+site+` max_fails=0; server `+h.http+` backup; }
  server { listen `+address+`; location / { proxy_pass http://www; proxy_next_upstream error http_502; proxy_temp_path `+h.dir+`; proxy_set_header Host $host; } }
}
`)
	process.Start(t, "nginx", exec.Command(nginx, "-p", h.dir, "-c", file))
	ask := func(want string) func() bool {
		return func() bool {
			r, err := tryCurl(t, "http://"+address+"/")
			return err == nil && r.status == want && (want == "200" || r.header.Get("Dnsfailover-Page") == "notice" && r.header.Get("Retry-After") != "")
		}
	}
	eventually(t, "nginx passes the site on", ask("200"))
	down.Store(true)
	eventually(t, "nginx passes the notice on, whole", ask("503"))
	down.Store(false)
	eventually(t, "nginx passes the site on again", ask("200"))
}

// TestHAProxyTellsThePageFromTheSite checks by httpchk: the notice counts as a site that is down, the health path as a page host that is up.
func TestHAProxyTellsThePageFromTheSite(t *testing.T) {
	t.Parallel()
	haproxy := process.Find(t, "haproxy", "haproxy")
	h := begin(t, listen, nil)
	site, down := moody(t)
	address, stats := freeAddress(t), freeAddress(t)
	file := write(t, h.dir, "haproxy.cfg", `defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
  default-server inter 200ms rise 1 fall 1
listen www
  bind `+address+`
  option httpchk
  http-check send meth GET uri / ver HTTP/1.1 hdr Host www.example.com
  server site `+site+` check
  server page `+h.http+` backup
listen pages
  bind `+freeAddress(t)+`
  option httpchk
  http-check send meth GET uri /.well-known/dnsfailover/health ver HTTP/1.1 hdr Host `+h.http+`
  server alive `+h.http+` check
listen unnamed
  bind `+freeAddress(t)+`
  option httpchk GET /.well-known/dnsfailover/health
  server alive `+h.http+` check
listen mistaken
  bind `+freeAddress(t)+`
  option httpchk
  http-check send meth GET uri / ver HTTP/1.1 hdr Host www.example.com
  server notice `+h.http+` check
frontend stats
  bind `+stats+`
  stats enable
  stats uri /
`)
	process.Start(t, "haproxy", exec.Command(haproxy, "-db", "-f", file))
	status := func(proxy, server string) string {
		r, err := tryCurl(t, "http://"+stats+"/;csv")
		if err != nil {
			return ""
		}
		for line := range strings.Lines(r.body) {
			if f := strings.Split(line, ","); len(f) > 17 && f[0] == proxy && f[1] == server {
				return f[17]
			}
		}
		return ""
	}
	asked := func(want string) bool {
		r, err := tryCurl(t, "http://"+address+"/")
		return err == nil && r.status == want
	}
	eventually(t, "the notice is down for HAProxy", func() bool { return status("mistaken", "notice") == "DOWN" })
	eventually(t, "the page host is up for HAProxy", func() bool { return status("pages", "alive") == "UP" })
	eventually(t, "the page host is up for an HAProxy that says no name", func() bool { return status("unnamed", "alive") == "UP" })
	eventually(t, "HAProxy passes the site on", func() bool { return asked("200") })
	down.Store(true)
	eventually(t, "HAProxy passes the notice on", func() bool { return asked("503") && status("www", "site") == "DOWN" })
	down.Store(false)
	eventually(t, "HAProxy passes the site on again", func() bool { return asked("200") })
}
