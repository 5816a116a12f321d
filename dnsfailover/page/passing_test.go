package page

import (
	"bufio"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPathRules(t *testing.T) {
	files := map[string]string{
		"public/index.html": "index", "public/a.txt": "text", "public/.hidden": "hidden", "public/.git/config": "config", "public/sub/b.js": "script", "public/deep/index.html": "deep", "secret": "secret",
	}
	h := runWith(t, files, `hosts:
  - names: [www.example.com]
    paths:
      - {path: /files/, dir: public}
      - {path: /files/private/, show: notice}
      - {path: /api/, proxy: {addresses: ["`+origin(t, nil)+`"]}}
`)
	if err := os.Symlink("../secret", filepath.Join(h.dir, "public/out")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/files/": "200 index", "/files/a.txt": "200 text", "/files/sub/b.js": "200 script", "/api/x?y": "200 primary: GET /api/x?y",
		"/": "503", "/files": "503", "/files/sub/": "503", "/files/sub": "503", "/files/deep": "302", "/files/deep/": "200 deep", "/files/none": "503", "/files/.hidden": "503", "/files/.git/config": "503",
		"/files/out": "503", "/files/../secret": "503", "/files/%2e%2e/secret": "503", "/files/..%2fsecret": "503", "/files//a.txt": "503",
		"/files/a%00.txt": "503", "/files/..\\secret": "503", "/files/private/a.txt": "503",
		"/api/../private": "503", "/api/%2e%2e/private": "503", "/%61pi/x": "200 primary: GET /%61pi/x", "/apix": "503",
	} {
		c, err := net.Dial("tcp", strings.TrimPrefix(h.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n", path)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(path, err)
		}
		body, _ := io.ReadAll(resp.Body)
		c.Close()
		got := fmt.Sprint(resp.StatusCode)
		if resp.StatusCode == 200 {
			got += " " + string(body)
		}
		if got != want && !(resp.StatusCode == 200 && strings.HasPrefix(got, want)) {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestStreamsAndWebSocketsPass(t *testing.T) {
	next := make(chan struct{})
	address := origin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "websocket" {
			c, in, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer c.Close()
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
			line, _ := in.ReadString('\n')
			_, _ = io.WriteString(c, "echo "+line)
			return
		}
		for i := range 3 {
			fmt.Fprintf(w, "%d\n", i)
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	})
	h := run(t, `hosts: [{names: [www.example.com], normally: primary, primary: {addresses: ["`+address+`"]}}]`, nil)
	req, _ := http.NewRequest(http.MethodGet, h.base+"/events", nil)
	req.Host = "www.example.com"
	resp, err := h.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(resp.Body)
	for i := range 3 { // each line comes before the next is written
		if line, err := lines.ReadString('\n'); err != nil || line != fmt.Sprintf("%d\n", i) {
			t.Fatalf("%q %v", line, err)
		}
		next <- struct{}{}
	}
	resp.Body.Close()

	c, err := net.Dial("tcp", strings.TrimPrefix(h.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: www.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	in := bufio.NewReader(c)
	resp, err = http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatalf("%v %v", resp, err)
	}
	_, _ = io.WriteString(c, "hello\n")
	if line, _ := in.ReadString('\n'); line != "echo hello\n" {
		t.Errorf("%q", line)
	}
}

// TestThePrimaryIsAskedByItsName over TLS, verified, though it is dialled by its address.
func TestThePrimaryIsAskedByItsName(t *testing.T) {
	names := make(chan string, 1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "over TLS") }))
	s.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		select {
		case names <- hello.ServerName:
		default:
		}
		return nil, nil
	}}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := pemOf(s.Certificate().Raw)
	h := runWith(t, map[string]string{"ca.pem": ca}, `hosts:
  - {names: [example.com], normally: primary, primary: {addresses: ["`+s.Listener.Addr().String()+`"], scheme: https, ca: ca.pem}}
  - {names: [www.example.net], normally: primary, primary: {addresses: ["`+s.Listener.Addr().String()+`"], scheme: https, ca: ca.pem}}
`)
	// The certificate of httptest is for example.com.
	if resp, body := h.get("/", "Host", "example.com"); resp.StatusCode != 200 || body != "over TLS" {
		t.Errorf("%s %q", resp.Status, body)
	}
	if name := <-names; name != "example.com" {
		t.Errorf("SNI %q", name)
	}
	if resp, _ := h.get("/", "Host", "www.example.net"); resp.StatusCode != 503 {
		t.Errorf("a certificate for another name: %s", resp.Status)
	}
}

func TestWithoutHoldAnUnreachablePrimaryIsTheNotice(t *testing.T) {
	h := run(t, `hosts: [{names: [www.example.com], normally: primary, primary: {addresses: ["127.0.0.1:1"]}}]`, nil)
	if resp, _ := h.get("/"); resp.StatusCode != 503 || resp.Header.Get("Dnsfailover-Page") != "notice" {
		t.Errorf("%s", resp.Status)
	}
}

func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
