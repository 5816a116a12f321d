package page

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// asked returns the access log's lines about a path.
func (h *host) asked(path string) (lines []string) {
	text, _ := os.ReadFile(filepath.Join(h.dir, "access.log"))
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, path+" ") {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestThePassedOnRequest reads what the upstream sees of a request, and the client of an answer: who asks, by what name and protocol, and nothing that is for one
// connection only.
func TestThePassedOnRequest(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]*http.Request{}
	site := origin(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.URL.Query().Get("as")] = r
		mu.Unlock()
		for name, value := range map[string]string{"Connection": "X-Hop", "X-Hop": "1", "Keep-Alive": "timeout=9", "Proxy-Authenticate": "Basic", "X-End": "2", "Server": "site"} {
			w.Header().Set(name, value)
		}
		w.WriteHeader(http.StatusTeapot)
	})
	h := passing(t, addressed(site), nil)
	h.everyWay(t, func(t *testing.T, client *http.Client, base string) {
		req, err := http.NewRequestWithContext(t.Context(), "PATCH", base+"a%2Fb/c;d?x=1;y&as="+strings.ReplaceAll(t.Name(), " ", "_")+"&z=%zz", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{
			"X-Forwarded-For": "192.0.2.66", "X-Forwarded-Proto": "gopher", "X-Forwarded-Host": "evil.example", "Forwarded": "for=192.0.2.66", "Keep-Alive": "timeout=9",
			"Proxy-Authorization": "Basic x", "Proxy-Connection": "keep-alive", "X-End": "1", "Authorization": "Bearer y", "Cookie": "a=b",
		} {
			req.Header.Set(name, value)
		}
		if req.URL.Scheme == "http" {
			req.Header.Set("Connection", "X-Hop, keep-alive")
			req.Header.Set("X-Hop", "1")
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		mu.Lock()
		r := seen[strings.ReplaceAll(t.Name(), " ", "_")]
		mu.Unlock()
		if r == nil {
			t.Fatalf("the upstream wasn't asked: %s", resp.Status)
		}
		from := "127.66.0.9"
		if strings.Contains(t.Name(), "staff") {
			from = "127.0.0.1"
		}
		if r.Method != "PATCH" || r.Host != "www.example.com" || r.RequestURI != req.URL.RequestURI() || r.ContentLength != 4 || r.Proto != "HTTP/1.1" {
			t.Errorf("it sees %s %s of %s, %d octets, %s", r.Method, r.RequestURI, r.Host, r.ContentLength, r.Proto)
		}
		for name, want := range map[string]string{
			"X-Forwarded-For": from, "X-Forwarded-Proto": req.URL.Scheme, "X-Forwarded-Host": "www.example.com", "Forwarded": "", "Keep-Alive": "", "Connection": "", "X-Hop": "",
			"Proxy-Authorization": "", "Proxy-Connection": "", "X-End": "1", "Authorization": "Bearer y", "Cookie": "a=b", "Via": "1.1 dnsfailover-page", "Accept-Encoding": "",
			"User-Agent": "Go-http-client/" + map[bool]string{true: "2.0", false: "1.1"}[resp.ProtoMajor == 2],
		} {
			if got := strings.Join(r.Header.Values(name), ", "); got != want {
				t.Errorf("it sees %s: %q, not %q", name, got, want)
			}
		}
		for name, want := range map[string]string{"X-Hop": "", "Keep-Alive": "", "Proxy-Authenticate": "", "X-End": "2", "Server": "site", "Dnsfailover-Page": ""} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("the client sees %s: %q, not %q", name, got, want)
			}
		}
		if resp.StatusCode != http.StatusTeapot {
			t.Errorf("the client sees %s", resp.Status)
		}
	})
}

// TestExpectations are the upstream's to meet: who expects a 100 is told to go on when it is, and a refusal comes back before the body has gone up.
func TestExpectations(t *testing.T) {
	t.Parallel()
	var read atomic.Int64
	site := origin(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "refused") {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		n, _ := io.Copy(io.Discard, r.Body)
		read.Add(n)
		fmt.Fprint(w, n)
	})
	h := passing(t, addressed(site), nil)
	for _, w := range ways {
		c, err := h.dialer(w.from, false)(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		in := bufio.NewReader(c)
		head := "POST " + w.path + "%s HTTP/1.1\r\nHost: www.example.com\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
		fmt.Fprintf(c, head, "taken")
		if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != 100 {
			t.Fatalf("%s: it isn't told to go on: %+v %v", w.name, resp, err)
		}
		_, _ = io.WriteString(c, "hello")
		resp, err := http.ReadResponse(in, nil)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %+v %v", w.name, resp, err)
		}
		if body, _ := io.ReadAll(resp.Body); string(body) != "5" {
			t.Errorf("%s: the site has read %s octets", w.name, body)
		}
		fmt.Fprintf(c, head, "refused")
		if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: a refusal is %+v %v", w.name, resp, err)
		}
	}
	if n := read.Load(); n != 10 {
		t.Errorf("the site has read %d octets", n)
	}
	// Who sends without asking reads the refusal while the body is still on its way.
	body := filepath.Join(h.dir, "body")
	if err := os.WriteFile(body, make([]byte, 16<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, w := range ways {
		for _, more := range [][]string{{"http://www.example.com" + w.path + "refused", "--connect-to", "::" + h.http}, {"https://www.example.com" + w.path + "refused", "--connect-to", "::" + h.https, "-k", "--http1.1"}} {
			if r, err := tryCurl(t, append(more, "--interface", w.from, "-H", "Expect:", "-T", body)...); err != nil || r.status != "413" {
				t.Errorf("%s, %s: a refusal without a question is %+v %v", w.name, more[0], r, err)
			}
		}
		// Debian's curl takes what any server in Go says by HTTP/2 then for a broken stream.
		resp, err := h.client(w.from, true, true).Post("https://www.example.com"+w.path+"refused", "text/plain", &noise{left: 16 << 20})
		if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s by HTTP/2: a refusal without a question is %+v %v", w.name, resp, err)
		}
		if err == nil {
			resp.Body.Close()
		}
	}
}

// broken is an upstream that reads the head of a request, answers a part, and resets the connection.
func broken(t *testing.T, part string) (address string, asked *atomic.Int64) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	asked = new(atomic.Int64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
					return
				}
				asked.Add(1)
				_, _ = io.WriteString(c, part)
				if part == "" {
					_ = c.(*net.TCPConn).SetLinger(0)
				}
			}()
		}
	}()
	return l.Addr().String(), asked
}

// TestAnUpstreamThatBreaksOff midway: the client can tell that the answer isn't whole, the access log has it, and a request that may have been obeyed isn't sent again.
func TestAnUpstreamThatBreaksOff(t *testing.T) {
	t.Parallel()
	for what, part := range map[string]string{
		"counted":           "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf",
		"chunked":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
		"chunked, mistaken": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
	} {
		address, asked := broken(t, part)
		h := passing(t, addressed(address), nil)
		for n, p := range protocols {
			client, url := h.client("127.66.0.9", p.secure, p.http2), fmt.Sprint("http://www.example.com/api/", n)
			if p.secure {
				url = strings.Replace(url, "http:", "https:", 1)
			}
			before := asked.Load()
			resp, err := client.Post(url, "text/plain", strings.NewReader("an order"))
			if err != nil {
				t.Fatalf("%s by %s: %v", what, p.name, err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err == nil || errors.Is(err, os.ErrDeadlineExceeded) || string(body) != "half" {
				t.Errorf("%s by %s: %q %v", what, p.name, body, err)
			}
			if n := asked.Load() - before; n != 1 {
				t.Errorf("%s by %s: the upstream was asked %d times", what, p.name, n)
			}
		}
		eventually(t, what+": all are in the access log", func() bool { return len(h.asked("/api/0"))+len(h.asked("/api/1"))+len(h.asked("/api/2")) == 3 })
	}
	address, asked := broken(t, "")
	h := passing(t, addressed(address), nil)
	if r := curl(t, "-H", "Host: www.example.com", "--data", "an order", "http://"+h.http+"/"); r.status != "502" || r.header.Get("Dnsfailover-Page") != "unreachable" {
		t.Errorf("staff see %+v", r)
	}
	if r := curl(t, "--interface", "127.66.0.9", "-H", "Host: www.example.com", "--data", "an order", "http://"+h.http+"/api/"); r.status != "503" || r.header.Get("Dnsfailover-Page") != "notice" {
		t.Errorf("visitors see %+v", r)
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("two orders were sent %d times", n)
	}
}
