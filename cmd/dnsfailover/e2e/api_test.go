package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"dnsfailover/dnsfailover/api"
)

// http asks the admin address. Of the headers each is "Name: value".
func (s *server) http(method, path, body string, headers ...string) (status int, media, answer string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.admin+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Content-Type"), string(text)
}

const (
	asJSON = "Content-Type: application/json"
	secret = "0123456789abcdef0123456789abcdef"
	bearer = "Authorization: Bearer " + secret
)

// withToken is the configuration of a server over whose HTTP the token deploy may write.
func withToken(s *server, config string) *server {
	s.t.Helper()
	s.write("deploy.token", secret+"\n")
	s.write("dnsfailover.yaml", listen+"tokens: [{name: deploy, file: deploy.token}]\n"+config)
	return s
}

// Peers' bugs 13 and 25: the API listens on loopback, nobody writes without a token, and there is no password that everybody knows.
func TestPeers13And25NobodyWritesWithoutAToken(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	closed := newServer(t, quick+web(plain, primary, backup), "").start()
	open := withToken(newServer(t, "", ""), quick+web(plain, primary, backup)).start()
	if !strings.HasPrefix(closed.admin, "127.0.0.1:") {
		t.Errorf("the API listens on %s", closed.admin)
	}
	if info, err := os.Stat(closed.path("control.sock")); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the control socket: %v, mode %v", err, info.Mode())
	}
	credentials := []string{
		"Accept: */*", "Authorization: Basic YWRtaW46YWRtaW4=", "Authorization: Bearer admin", "Authorization: Bearer ", "Authorization: Bearer", "Authorization: " + secret,
		bearer + "0", "Authorization: Bearer deploy",
	}
	for _, s := range []*server{closed, open} {
		s.verdict("web", "backup", "up")
		for _, c := range credentials {
			for _, write := range [][3]string{
				{"POST", "/api/v1/services/web/switch", `{"target":"backup","until_released":true}`},
				{"DELETE", "/api/v1/services/web/override", ""},
				{"POST", "/api/v1/reload", ""},
			} {
				status, media, answer := s.http(write[0], write[1], write[2], asJSON, c)
				var p api.Problem
				if err := json.Unmarshal([]byte(answer), &p); err != nil || status != 401 || media != "application/problem+json" || p.Status != 401 || p.Detail == "" {
					t.Errorf("%s %s with %q: %d %s\n%s", write[0], write[1], c, status, media, answer)
				}
			}
		}
		if got := s.service("web"); got.Override != nil {
			t.Errorf("the override is %+v", got.Override)
		}
	}
}

// TestWritesWithAToken switches, releases and reloads over HTTP.
func TestWritesWithAToken(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	backup.becomes("stopped")
	s := withToken(newServer(t, "", ""), quick+web(plain, primary, backup)).start()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "down")
	const path = "/api/v1/services/web/switch"
	refused := []struct {
		path, body string
		status     int
		detail     string
	}{
		{path, `{"target":"backup","for":60}`, 409, `target "backup" of service "web" is down: \S+: connection refused; with force .*`},
		{path, `{"target":"bakcup","for":60}`, 404, `service "web" has no target "bakcup": did you mean "backup"\?`},
		{"/api/v1/services/wbe/switch", `{"target":"backup","for":60}`, 404, `there is no service "wbe": did you mean "web"\?`},
		{path, `{"target":"backup"}`, 422, `say how long with exactly one of "for", "until" and "until_released"`},
		{path, `{"target":"backup","for":60,"until_released":true}`, 422, `say how long with exactly one of .*`},
		{path, `{"target":"backup","for":"1m"}`, 400, `"for" must be a number of seconds`},
		{path, `{"target":"backup","for":720000000}`, 422, `"for" is 720000000 seconds: it must be from 1 second to 10 years`},
		{path, `{"target":"backup","until":"2020-01-01T00:00:00Z"}`, 422, `until 2020-01-01T00:00:00Z is over: it is \S+Z`},
		{path, `{"traget":"backup"}`, 400, `"traget" is not known here; there are target, .*`},
		{path, `{"target":`, 400, `the body ends before its JSON does`},
		{path, strings.Repeat(" ", 1<<20), 413, `the body has more than \d+ bytes`},
		{"/api/v1/services/web/swich", `{}`, 404, `there is nothing at "/api/v1/services/web/swich": GET / lists what there is`},
	}
	for _, r := range refused {
		status, media, answer := s.http("POST", r.path, r.body, asJSON, bearer)
		var p api.Problem
		if err := json.Unmarshal([]byte(answer), &p); err != nil || status != r.status || media != "application/problem+json" || p.Status != status || p.Title == "" || p.Type == "" {
			t.Errorf("%.80s: %v, %d %s\n%s", r.body, err, status, media, answer)
			continue
		}
		matches(t, p.Detail, r.detail)
	}
	if status, _, answer := s.http("POST", path, "target=backup", bearer); status != 415 {
		t.Errorf("a form: %d %s", status, answer)
	}
	if status, _, answer := s.http("GET", path, "", bearer); status != 405 {
		t.Errorf("GET: %d %s", status, answer)
	}

	status, media, answer := s.http("POST", path, `{"target":"backup","for":90.5,"reason":"over HTTP","author":"somebody else","force":true}`, asJSON, bearer)
	var service api.Service
	if err := json.Unmarshal([]byte(answer), &service); err != nil || status != 200 || media != "application/json" {
		t.Fatalf("%v: %d %s\n%s", err, status, media, answer)
	}
	o := service.Override
	if service.Serving != "backup" || o == nil || o.Author != "deploy" || o.Reason != "over HTTP" || o.Until.Sub(o.Since).Seconds() != 90.5 {
		t.Errorf("the answer is %s", answer)
	}
	if got, _ := s.addresses("www.example.test", dns.TypeA); got != backup.ip {
		t.Errorf("when the answer was there, served was %s", got)
	}
	if status, _, answer = s.http("DELETE", "/api/v1/services/web/override", "", bearer); status != 200 || !strings.Contains(answer, `"serving":"primary"`) {
		t.Errorf("released: %d %s", status, answer)
	}
	if status, _, answer = s.http("DELETE", "/api/v1/services/web/override", "", bearer); status != 409 {
		t.Errorf("released again: %d %s", status, answer)
	}
	if status, _, answer = s.http("POST", "/api/v1/reload", "", bearer); status != 200 || !strings.HasPrefix(answer, `{"changed":true,"problems":[],"warnings":["`) || !strings.HasSuffix(answer, `, name canaries"]}`+"\n") {
		t.Errorf("reload: %d %s", status, answer)
	}
	s.wait("the log has it", func() bool { return strings.Contains(s.String(), "override released") })
	matches(t, s.String(), `(.*\n)*.*msg="override set" service=web target=backup until=\S+ author=deploy reason="over HTTP"\n(.*\n)*.*msg="override released" .*released_by=deploy.*\n(.*\n)*`)
}

// TestReadsOverHTTP reads everything on loopback, as the control socket has it.
func TestReadsOverHTTP(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup), "").start()
	s.verdict("web", "backup", "up")
	for path, want := range map[string]string{
		"/": `(?s)text/plain; charset=utf-8 dnsfailover \S+\n\nGET +/api/v1/status +.*/metrics.*`,
		"/api/v1/why?name=www.example.test": `application/json \{"name":"www\.example\.test\.","type":"A","rcode":"NOERROR","answer":\["www\.example\.test\.\\t5\\tIN\\tA\\t\S+"\],` +
			`"authority":\[\],"zone":"example\.test\.","service":"web","next_change":null,"steps":\[\{"rule":"zone","applies":true,.*\]\}\n`,
		"/api/v1/why?name=www.example.test.&type=TYPE28": `application/json \{"name":"www\.example\.test\.","type":"AAAA","rcode":"NOERROR","answer":\[\],.*\n`,
		"/healthz": `text/plain; charset=utf-8 alive\n`,
		"/readyz":  `text/plain; charset=utf-8 ready\n`,
	} {
		status, media, answer := s.http("GET", path, "")
		if status != 200 {
			t.Errorf("%s: %d", path, status)
		}
		matches(t, media+" "+answer, want)
	}
	var over api.Status
	_, _, answer := s.http("GET", "/api/v1/status", "")
	if err := json.Unmarshal([]byte(answer), &over); err != nil {
		t.Fatal(err)
	}
	// What the design promises of each, by name and kind.
	for _, want := range []string{
		`"version":"`, `"started":"20`, `"serving":"primary"`, `"reason":"`, `"rule":"verdicts"`, `"since":"20`, `"ttl":5,`, `"drained_at":null`, `"override":null`,
		`"next_change":null`, `"targets":[{"name":"primary","verdict":"up","addresses":[{"address":"` + primary.ip + `","verdict":"up","since":"20`, `"last_result":"status 200`,
		`"consecutive":`, `"latency_ms":`,
	} {
		if !strings.Contains(answer, want) {
			t.Errorf("status has no %s:\n%s", want, answer)
		}
	}
}

// TestMetricsOfARealServer lints what a scrape gets and compares it with what happened.
func TestMetricsOfARealServer(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup), "").start()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	for range 3 {
		s.dig("www.example.test", "A")
	}
	s.dig("nothing.example.test", "AAAA", "+tcp")
	s.dig("example.org", "TYPE65280")
	primary.becomes("503")
	s.serves("www.example.test", backup.ip)
	s.must("switch", "web", "primary", "--for", "1h", "--force")
	status, media, text := s.http("GET", "/metrics", "")
	if status != 200 || !strings.HasPrefix(media, "text/plain") {
		t.Errorf("%d %s", status, media)
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for _, want := range []string{
		`dnsfailover_build_info\{go="go1\.\S+",version="\S+"\} 1`,
		`dnsfailover_ready 1`,
		`dnsfailover_queries_total\{rcode="NOERROR",transport="udp",type="A",zone="example\.test\."\} \d+`,
		`dnsfailover_queries_total\{rcode="NXDOMAIN",transport="tcp",type="AAAA",zone="example\.test\."\} 1`,
		`dnsfailover_queries_total\{rcode="REFUSED",transport="udp",type="other",zone=""\} 1`,
		`dnsfailover_tcp_connections_accepted_total 1`,
		`dnsfailover_verdict\{address="` + primary.ip + `",service="web",target="primary"\} 0`,
		`dnsfailover_verdict\{address="` + backup.ip + `",service="web",target="backup"\} 1`,
		`dnsfailover_serving\{service="web",target="primary"\} 1`,
		`dnsfailover_serving\{service="web",target="backup"\} 0`,
		`dnsfailover_override\{service="web",target="primary"\} 1`,
		`dnsfailover_override_expires_timestamp_seconds\{service="web"\} 1\.\d+e\+09`,
		`dnsfailover_probes_total\{address="` + primary.ip + `",result="failure",service="web",target="primary"\} [1-9]\d*`,
		`dnsfailover_probe_duration_seconds_count\{service="web",target="primary"\} [1-9]\d*`,
		`dnsfailover_zone_ok\{zone="example\.test\."\} 1`,
		`dnsfailover_zone_serial\{zone="example\.test\."\} 1`,
		`dnsfailover_reload_success 1`,
		`process_open_fds \d+`,
	} {
		if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(text) {
			t.Errorf("there is no %s", want)
		}
	}
	if t.Failed() {
		t.Log(regexp.MustCompile(`(?m)^dnsfailover_.*$`).FindAllString(text, -1))
	}
}

// TestReadyzDuringABadZone starts with one bad zone of two: it alone is answered with SERVFAIL, and everything says so.
func TestReadyzDuringABadZone(t *testing.T) {
	t.Parallel()
	s := newServer(t, "", "www A 192.0.2.1\n")
	s.write("dnsfailover.yaml", strings.Replace(listen, "}]", "}, {name: example.net, file: example.net.zone}]", 1))
	s.write("example.net.zone", zoneHead+"@ NS\n")
	s.start()
	if got, _ := s.addresses("www.example.test", dns.TypeA); got != "192.0.2.1" {
		t.Errorf("the good zone: %s", got)
	}
	if out := s.dig("www.example.net"); !strings.Contains(out, "status: SERVFAIL") || !strings.Contains(out, "EDE: 14") {
		t.Errorf("the bad zone:\n%s", out)
	}
	amiss := `zone example\.net\. is answered with SERVFAIL: ` + regexp.QuoteMeta(s.path("example.net.zone")) + `:7: .*\n`
	status, _, answer := s.http("GET", "/readyz", "")
	if matches(t, answer, `not ready\n`+amiss); status != 503 {
		t.Errorf("readyz: %d", status)
	}
	if status, _, _ := s.http("GET", "/healthz", ""); status != 200 {
		t.Errorf("healthz: %d", status)
	}
	metric := func(line string) {
		t.Helper()
		if _, _, text := s.http("GET", "/metrics", ""); !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("there is no %s", line)
		}
	}
	metric("dnsfailover_ready 0")
	metric(`dnsfailover_zone_ok{zone="example.net."} 0`)
	metric("dnsfailover_reload_success 0")
	matches(t, s.must("status"), `not ready\n! `+amiss+`\nthere are no services: .*\n`)

	s.write("example.net.zone", zoneHead)
	s.must("reload")
	if status, _, answer = s.http("GET", "/readyz", ""); status != 200 || answer != "ready\n" {
		t.Errorf("mended: %d %s", status, answer)
	}
	metric("dnsfailover_reload_success 1")

	// Bad again, but now there is something older: ready, and it says what is not as the files are.
	s.write("example.net.zone", zoneHead+"@ NS\n")
	if _, code := s.cli("reload"); code != 1 {
		t.Errorf("reload of a bad zone: exit %d", code)
	}
	status, _, answer = s.http("GET", "/readyz", "")
	if matches(t, answer, `ready\nzone example\.net\. is served as it was before: .*\n`); status != 200 {
		t.Errorf("readyz: %d", status)
	}
	metric("dnsfailover_ready 1")
	metric(`dnsfailover_zone_ok{zone="example.net."} 0`)
	metric("dnsfailover_reload_success 0")
}
