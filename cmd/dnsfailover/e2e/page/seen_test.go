package page

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSeen reads what is left of requests: the access log in both formats, metrics, health.
func TestSeen(t *testing.T) {
	t.Parallel()
	config := listen + `access_log: {file: access.log, format: FORMAT}
hosts: [{names: [www.example.com]}, {}]`
	h := begin(t, strings.Replace(config, "FORMAT", "combined", 1), nil)
	for _, args := range [][]string{{"-H", "Host: www.example.com", "-e", "http://ref/\"x", "http://" + h.http + "/a?b"}, {"-X", "PUT", "http://" + h.http + "/"}} {
		curl(t, args...)
	}
	want := regexp.MustCompile(`^127\.0\.0\.1 - - \[\d\d/\w+/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /a\?b HTTP/1\.1" 503 \d+ "http://ref/\\"x" "curl"\n127\.0\.0\.1 - - \[[^]]+\] "PUT / HTTP/1\.1" 503 \d+ "-" "curl"\n$`)
	eventually(t, "both lines are in the access log", func() bool {
		text, _ := os.ReadFile(filepath.Join(h.dir, "access.log"))
		return want.Match(text)
	})
	metrics := curl(t, "http://"+h.admin+"/metrics").body
	for _, line := range []string{
		`dnsfailover_page_requests_total{form="text",site="www.example.com",status="503"} 1`, `dnsfailover_page_requests_total{form="text",site="*",status="503"} 1`,
		`dnsfailover_page_site_mode{mode="notice",site="www.example.com"} 1`, `dnsfailover_page_connections_accepted_total 2`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("%s isn't in\n%s", line, metrics)
		}
	}
	if r := curl(t, "http://"+h.http+"/.well-known/dnsfailover/health"); r.status != "200" || r.header.Get("Dnsfailover-Page") != "health" {
		t.Errorf("health by address: %+v", r)
	}
	for _, args := range [][]string{{"-0", "-H", "Host:"}, {"-H", "Host: localhost:28080"}, {"-H", "Host: LOCALHOST."}, {"-H", "Host: [::1]:80"}} {
		if r := curl(t, append(args, "http://"+h.http+"/.well-known/dnsfailover/health")...); r.status != "200" || r.header.Get("Dnsfailover-Page") != "health" {
			t.Errorf("health with %q: %+v", args, r)
		}
	}
	if r := curl(t, "-H", "Host: www.example.com", "http://"+h.http+"/.well-known/dnsfailover/health"); r.status != "503" {
		t.Errorf("health by a site's name: %+v", r)
	}
	for _, path := range []string{"/", "/healthz", "/metrics", "/api/v1/page"} {
		if r := curl(t, "http://"+h.admin+path); r.status != "200" {
			t.Errorf("%s: %+v", path, r)
		}
	}

	j := begin(t, strings.Replace(config, "FORMAT", "json", 1), nil)
	curl(t, "-H", "Host: www.example.com", "http://"+j.http+"/x.json")
	eventually(t, "the line is in the JSON access log", func() bool {
		text, _ := os.ReadFile(filepath.Join(j.dir, "access.log"))
		var line struct {
			Client, Method, Target, Host, Form string
			Status                             int
		}
		return json.Unmarshal(text, &line) == nil && line.Client == "127.0.0.1" && line.Method == "GET" && line.Target == "/x.json" && line.Host == "www.example.com" && line.Status == 503
	})
}

// TestSocketsOfSystemd hands over a socket as systemd does: descriptor 3, with LISTEN_PID and LISTEN_FDS.
func TestSocketsOfSystemd(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	h := &host{t: t, dir: t.TempDir()}
	write(t, h.dir, "page.yaml", "listen: {http: [\"127.0.0.1:1\"], admin: \"off\"}\nstate: state\n") // which isn't opened
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=http exec "$0" page --config page.yaml`, binary)
	cmd.Dir, cmd.ExtraFiles = h.dir, []*os.File{file}
	h.run(cmd)
	if h.http != l.Addr().String() {
		t.Errorf("it listens at %s", h.http)
	}
	if r := curl(t, "http://"+l.Addr().String()+"/"); r.status != "503" {
		t.Errorf("%+v", r)
	}
}
