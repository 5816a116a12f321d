package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// planted are secrets of the configuration, by where they stand.
var planted = map[string]string{
	"query": "qqqq-1f0c2a77", "header": "hhhh-9d3e5b21", "password": "pppp-7c6b4a90", "bearer": "bbbb-0123456789ab", "payload": "yyyy-5e4d3c2b",
	"talk": "tttt-8a7b6c5d", "push": "uuuu-0123456789ab", "argument": "aaaa-3b2c1d0e", "token": "kkkk-0123456789ab", "basic": "cHJvYmU6cHBwcC03YzZiNGE5MA",
}

// parrot is a server that answers with all that it is sent, in the status line, in headers and in the body, over HTTP or not.
func parrot(t *testing.T) (ip, port string) {
	t.Helper()
	l, err := net.Listen("tcp", newIP()+":0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		said := fmt.Sprint(r.URL.RawQuery, " ", r.Header, " ", string(body))
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		if strings.HasPrefix(r.URL.Path, "/junk") {
			fmt.Fprint(c, r.Header.Get("X-Secret"), said)
			return
		}
		fmt.Fprintf(c, "HTTP/1.1 200 %s\r\nServer: %s\r\nX-Echo: %s\r\nContent-Length: %d\r\n\r\n%s", r.Header.Get("X-Secret"), said, r.Header.Get("Authorization"), len(said), said)
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	ip, port, _ = net.SplitHostPort(l.Addr().String())
	return ip, port
}

// echoes is a server of lines that repeats what it hears.
func echoes(t *testing.T) (ip, port string) {
	t.Helper()
	l, err := net.Listen("tcp", newIP()+":0")
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
				io.Copy(c, c)
				c.Close()
			}()
		}
	}()
	ip, port, _ = net.SplitHostPort(l.Addr().String())
	return ip, port
}

// Secrets of the configuration are in none of what the server and the commands tell, though every peer repeats what it is sent.
func TestSecretsAreToldNowhere(t *testing.T) {
	t.Parallel()
	ip, port := parrot(t)
	lineIP, linePort := echoes(t)
	b := newBench(t)
	for name, secret := range planted {
		b.write(name+".token", secret+"\n")
	}
	b.write("check", "#!/bin/sh\necho fine\n")
	if err := os.Chmod(b.path("check"), 0o700); err != nil {
		t.Fatal(err)
	}
	url := func(path string) string {
		return fmt.Sprintf(`http: "http://www.example.test:%s%s?key=%s"`, port, path, planted["query"])
	}
	header := fmt.Sprintf(`headers: {X-Secret: %s}`, planted["header"])
	b.add("body", ip, fmt.Sprintf(`{%s, %s, basic: {user: probe, file: password.token}, body: nothing}`, url("/"), header))
	b.add("junk", ip, fmt.Sprintf(`{%s, %s, bearer: bearer.token}`, url("/junk"), header))
	b.add("json", ip, fmt.Sprintf(`{%s, %s, send: '{"password": "%s"}', json: {$: x}}`, url("/"), header, planted["payload"]))
	b.add("status", ip, fmt.Sprintf(`{%s, %s, status: [404]}`, url("/"), header))
	b.add("good", ip, fmt.Sprintf(`{%s, %s, bearer: bearer.token}`, url("/"), header))
	b.add("grpc", ip, fmt.Sprintf(`{grpc: "http://www.example.test:%s", %s, bearer: bearer.token}`, port, header))
	b.add("talk", lineIP, fmt.Sprintf(`{tcp: ":%s", send: "AUTH %s\r\n", expect: "+OK", timeout: 300ms}`, linePort, planted["talk"]))
	b.add("exec", ip, fmt.Sprintf(`{exec: [./check, -p, %s]}`, planted["argument"]))
	b.add("push", ip, `{push: {file: push.token}, max_age: 1s}`)
	b.write("dnsfailover.yaml", listen+"tokens: [{name: ci, file: token.token}]\ndefaults: {check: {interval: 1s, timeout: 500ms, fall: 1, rise: 1, recheck: 300ms}}\n"+b.config())
	b.start()
	told := map[string]string{}
	b.wait("every check has a result", func() bool {
		results := ""
		for i := range b.names {
			results += b.must("why", fmt.Sprintf("w%d.example.test", i), "--results")
		}
		told["why"] = results
		return !strings.Contains(results, "no result") && strings.Contains(results, "no report for")
	})
	ask := func(method, path, body string, headers ...string) {
		_, _, answer := b.http(method, path, body, headers...)
		told[fmt.Sprintf("%s %s %q", method, path, headers)] += answer
	}
	for i := range b.names {
		ask("GET", fmt.Sprintf("/api/v1/results?service=s%d", i), "")
		told["probe"] += b.probe(fmt.Sprintf("s%d", i))
	}
	for _, secret := range planted {
		ask("POST", "/api/v1/push/s8/only", "{", "Authorization: Bearer "+secret, "Content-Type: application/json")
		ask("POST", "/api/v1/services/s0/switch", "{}", "Authorization: Bearer "+secret, "Content-Type: application/json")
	}
	for _, path := range []string{"/api/v1/status", "/metrics", "/readyz", "/api/v1/why?name=w0.example.test"} {
		ask("GET", path, "")
	}
	told["status"], told["status as JSON"] = b.must("status"), b.must("status", "-o", "json")
	out, _ := exec.Command(binary, "validate", "--config", b.path("dnsfailover.yaml")).CombinedOutput()
	told["validate"] = string(out)
	told["reload"] = b.must("reload")
	// What is wrong with the files is told without them, too.
	b.write("dnsfailover.yaml", listen+strings.ReplaceAll(b.config(), "key="+planted["query"], "key="+planted["query"]+"#x"))
	reload, _ := b.cli("reload")
	told["reload of a bad file"] = reload
	out, _ = exec.Command(binary, "validate", "--config", b.path("dnsfailover.yaml")).CombinedOutput()
	told["validate of a bad file"] = string(out)
	b.stop()
	told["log"] = b.String()
	err := filepath.WalkDir(b.path("state"), func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			content, _ := os.ReadFile(path)
			told[path] = string(content)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	for where, text := range told {
		for name, secret := range planted {
			// A part of it would be bad enough.
			if i := strings.Index(text, secret[:9]); i >= 0 {
				t.Errorf("the %s is told in %s: …%q…", name, where, text[max(0, i-80):min(len(text), i+40)])
			}
		}
	}
	if !strings.Contains(told["probe"], "X-Echo: ") || !strings.Contains(told["probe"], "…") {
		t.Errorf("the peers repeat nothing:\n%s", told["probe"])
	}
}
