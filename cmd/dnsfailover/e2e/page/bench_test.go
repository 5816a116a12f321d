package page

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// BenchmarkNotice compares what a CPU second answers, here and by nginx with the same page as a static 503: over connections that
// stay, and over one for each request.
func BenchmarkNotice(b *testing.B) {
	wrk, nginx := process.Find(b, "wrk", "wrk"), process.Find(b, "nginx", "nginx-light")
	h := begin(b, listen+"hosts: [{names: [www.example.com]}]\n", nil)
	page := curl(b, "-H", "Host: www.example.com", "-H", "Accept: text/html", "http://"+h.http+"/")
	write(b, h.dir, "html/503.html", page.body)
	address := freeAddress(b)
	file := write(b, h.dir, "nginx.conf", `user root; daemon off; master_process off; pid `+h.dir+`/nginx.pid; error_log stderr; events {}
http { access_log off; keepalive_requests 1000000000; open_file_cache max=10; server { listen `+address+`; root `+h.dir+`/html;
  error_page 503 /503.html; location = /503.html { internal; add_header Retry-After 120 always; add_header Cache-Control no-store always; } location / { return 503; } } }
`)
	other := process.Start(b, "nginx", exec.Command(nginx, "-p", h.dir, "-c", file))
	eventually(b, "nginx answers", func() bool {
		r, err := tryCurl(b, "http://"+address+"/")
		return err == nil && r.status == "503" && r.body == page.body
	})
	for _, one := range []struct {
		name, address, connection string
		process                   *process.Process
	}{
		{"kept/dnsfailover", h.http, "keep-alive", h.Process},
		{"kept/nginx", address, "keep-alive", other},
		{"closed/dnsfailover", h.http, "close", h.Process},
		{"closed/nginx", address, "close", other},
	} {
		b.Run(one.name, func(b *testing.B) {
			answers, used := 0, 0.0
			for b.Loop() {
				before := cpu(b, one.process)
				out, err := exec.Command(wrk, "-t1", "-c32", "-d3s", "-H", "Host: www.example.com", "-H", "Accept: text/html",
					"-H", "Connection: "+one.connection, "http://"+one.address+"/").Output()
				if err != nil {
					b.Fatal(err)
				}
				found := regexp.MustCompile(`(\d+) requests in`).FindSubmatch(out)
				if found == nil {
					b.Fatalf("%s", out)
				}
				n, _ := strconv.Atoi(string(found[1]))
				answers, used = answers+n, used+cpu(b, one.process)-before
			}
			b.ReportMetric(float64(answers)/used, "answers/cpu-s")
		})
	}
}

// cpu returns the CPU seconds that a process has used.
func cpu(b *testing.B, p *process.Process) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return float64(user+system) / 100
}
