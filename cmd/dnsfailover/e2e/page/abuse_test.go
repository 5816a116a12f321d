package page

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// dial connects; from is the client's address, or "".
func dial(t *testing.T, address, from string) net.Conn {
	t.Helper()
	d := net.Dialer{Timeout: patience}
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	c, err := d.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestSlowloris feeds heads and a body an octet at a time: each is left at its time limit, and others are answered meanwhile.
func TestSlowloris(t *testing.T) {
	t.Parallel()
	h := begin(t, listen+"limits: {head: 2s, idle: 2s, body: 2s}\n", nil)
	begun := time.Now()
	var all sync.WaitGroup
	for i := range 50 {
		c := dial(t, h.http, "")
		start := "GET / HTTP/1.1\r\nHost: a\r\nX: "
		if i%2 == 1 {
			start = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
		}
		all.Go(func() {
			_, err := io.WriteString(c, start)
			for err == nil && time.Since(begun) < patience {
				time.Sleep(100 * time.Millisecond)
				_, err = c.Write([]byte("x"))
			}
		})
	}
	if r := curl(t, "http://"+h.http+"/"); r.status != "503" {
		t.Errorf("another client gets %s", r.status)
	}
	all.Wait()
	took := time.Since(begun)
	t.Logf("50 slow clients were all left after %v; heads and bodies have 2 s", took.Round(time.Millisecond))
	if took > 20*time.Second {
		t.Errorf("slow clients are kept for %v", took)
	}
}

// TestTenThousandIdleConnections come from a hundred clients and stay; another client doesn't notice.
func TestTenThousandIdleConnections(t *testing.T) {
	h := begin(t, listen+"limits: {connections: 20000, per_client: 200, idle: 60s}\n", nil)
	before := h.resident(t)
	for i := range 10_000 {
		c := dial(t, h.http, fmt.Sprintf("127.88.0.%d", 1+i%100))
		if i%2 == 0 { // half have asked once
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		}
	}
	eventually(t, "10,000 connections are open", func() bool {
		return strings.Contains(curl(t, "http://"+h.admin+"/metrics").body, "dnsfailover_page_connections 10000\n")
	})
	begun := time.Now()
	if r := curl(t, "http://"+h.http+"/"); r.status != "503" {
		t.Errorf("another client gets %s", r.status)
	}
	grown := h.resident(t) - before
	t.Logf("10,000 idle connections: %d KiB, %.1f KiB each; another client is answered, by a curl that is started for it, in %v", grown, float64(grown)/10_000, time.Since(begun).Round(time.Millisecond))
	if grown > 400<<10 {
		t.Errorf("they take %d KiB", grown)
	}
}

// resident returns the memory of the host, in KiB.
func (h *host) resident(t *testing.T) (kib int) {
	t.Helper()
	return h.memory(t, "VmRSS:")
}

// peak returns the most memory that the host has had, in KiB.
func (h *host) peak(t *testing.T) (kib int) {
	t.Helper()
	return h.memory(t, "VmHWM:")
}

func (h *host) memory(t *testing.T, kind string) (kib int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.Cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), kind)
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib
}

// TestConnectionsOfOneClientAreBounded opens more than one may; another client isn't concerned.
func TestConnectionsOfOneClientAreBounded(t *testing.T) {
	t.Parallel()
	h := begin(t, listen+"limits: {connections: 100, per_client: 10}\n", nil)
	from := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 99, 0, 1)}}
	for range 30 {
		c, err := from.Dial("tcp", h.http)
		switch {
		case err == nil:
			defer c.Close()
		case !errors.Is(err, syscall.ECONNRESET): // refused in the very moment
			t.Fatal(err)
		}
	}
	eventually(t, "20 are refused", func() bool {
		return strings.Contains(curl(t, "http://"+h.admin+"/metrics").body, "dnsfailover_page_connections_refused_total{limit=\"client\"} 20\n")
	})
	if r := curl(t, "http://"+h.http+"/"); r.status != "503" {
		t.Errorf("another client gets %s", r.status)
	}
}

// TestNewConnectionsFindRoom fills all places with connections that begin a head and no more: a new one takes the place of who has waited longest.
func TestNewConnectionsFindRoom(t *testing.T) {
	t.Parallel()
	h := begin(t, listen+"limits: {connections: 100, per_client: 10}\n", nil)
	for i := range 150 {
		_, _ = io.WriteString(dial(t, h.http, fmt.Sprintf("127.98.0.%d", 1+i%50)), "G")
	}
	for range 5 {
		if r := curl(t, "http://"+h.http+"/"); r.status != "503" {
			t.Errorf("when all places are taken, a client gets %s", r.status)
		}
	}
	metrics := curl(t, "http://"+h.admin+"/metrics").body
	var shed int
	_, rest, _ := strings.Cut(metrics, "\ndnsfailover_page_connections_shed_total ")
	if _, err := fmt.Sscan(rest, &shed); err != nil || shed < 51 || !strings.Contains(metrics, "dnsfailover_page_connections_refused_total{limit=\"all\"} 0\n") {
		t.Errorf("%d made room for the 50 and the client, or somebody was refused:\n%s", shed, metrics)
	}
}

// TestMalformedRequests are answered with an error or not at all, never with what isn't the notice's, and the host goes on.
func TestMalformedRequests(t *testing.T) {
	t.Parallel()
	h := begin(t, listen, nil)
	requests := map[string]string{
		"a huge head":         "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n",
		"many fields":         "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: y\r\n", 100_000) + "\r\n",
		"a huge target":       "GET /" + strings.Repeat("x", 1<<20) + " HTTP/1.1\r\nHost: a\r\n\r\n",
		"no head":             "\x00\x01\x02\r\n\r\n",
		"TLS":                 "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
		"two lengths":         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
		"length and chunks":   "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"a negative length":   "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
		"no host":             "GET / HTTP/1.1\r\n\r\n",
		"two hosts":           "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"a space in a field":  "GET / HTTP/1.1\r\nHost: a\r\nX y: z\r\n\r\n",
		"a folded field":      "GET / HTTP/1.1\r\nHost: a\r\n X: z\r\n\r\n",
		"a NUL":               "GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
		"an unknown protocol": "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
	}
	wrong := len(requests) - 1 // what has a length and chunks is answered, and nothing that follows it
	for name, request := range requests {
		c := dial(t, h.http, "")
		_ = c.SetDeadline(time.Now().Add(patience))
		go func() { _, _ = io.WriteString(c, request) }()
		status := "closed"
		if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
			status = resp.Status
			if resp.StatusCode < 400 {
				t.Errorf("%s: %s", name, status)
			}
		} else if e, ok := err.(net.Error); ok && e.Timeout() {
			t.Errorf("%s: the connection is kept", name)
		}
		t.Logf("%s: %s", name, status)
	}
	for _, args := range [][]string{{}, {"-X", "PUT"}, {"-H", "Expect: 100-continue", "--data", "x"}, {"--data", "x", "http://" + h.http + "/again"}} {
		if r := curl(t, append(args, "http://"+h.http+"/")...); r.status != "503" {
			t.Errorf("after all that %q get %s", args, r.status)
		}
	}
	if n := h.metric("dnsfailover_page_malformed_requests_total"); n != fmt.Sprint(wrong) {
		t.Errorf("%s of %d malformed requests are counted", n, wrong)
	}
}
