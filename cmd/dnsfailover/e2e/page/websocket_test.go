package page

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

// sockets is a site that echoes WebSocket messages. Told to "wait" it is silent for longer than the page host lets connections idle; told to "go" it leaves.
func sockets(t *testing.T) (address string, left chan bool) {
	left = make(chan bool, 16)
	handler := websocket.Server{Handler: func(c *websocket.Conn) {
		defer func() { left <- true }()
		for {
			var m string
			if websocket.Message.Receive(c, &m) != nil {
				return
			}
			switch m {
			case "wait":
				time.Sleep(3 * time.Second)
			case "go":
				c.Close()
				return
			}
			if websocket.Message.Send(c, "echo "+m) != nil {
				return
			}
		}
	}}
	return origin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "www.example.com" || r.Header.Get("X-Forwarded-For") == "" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		handler.ServeHTTP(w, r)
	}), left
}

// socket opens a WebSocket through the page host.
func (h *host) socket(w way, secure bool) (*websocket.Conn, error) {
	h.t.Helper()
	scheme := "ws://"
	c, err := h.dialer(w.from, secure)(h.t.Context(), "", "")
	if err != nil {
		h.t.Fatal(err)
	}
	if secure {
		scheme = "wss://"
		trust := h.trust()
		trust.ServerName = "www.example.com"
		c = tls.Client(c, trust)
	}
	h.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	config, err := websocket.NewConfig(scheme+"www.example.com"+w.path, "https://www.example.com/")
	if err != nil {
		h.t.Fatal(err)
	}
	return websocket.NewClient(config, c)
}

func TestWebSockets(t *testing.T) {
	t.Parallel()
	address, left := sockets(t)
	h := passing(t, addressed(address), nil)
	say := func(c *websocket.Conn, m string) {
		t.Helper()
		var got string
		err := websocket.Message.Send(c, m)
		if err == nil {
			err = websocket.Message.Receive(c, &got)
		}
		if err != nil || got != "echo "+m {
			t.Errorf("said %.20q, heard %.20q of %d octets: %v", m, got, len(got), err)
		}
	}
	var open []*websocket.Conn
	for _, w := range ways {
		for _, secure := range []bool{false, true} {
			c, err := h.socket(w, secure)
			if err != nil {
				t.Fatalf("%s, TLS %v: %v", w.name, secure, err)
			}
			open = append(open, c)
			say(c, "hello")
			say(c, strings.Repeat("x", 1<<20))
			_ = websocket.Message.Send(c, "wait")
		}
	}
	for _, c := range open { // silent for longer than any of the limits
		var got string
		if err := websocket.Message.Receive(c, &got); err != nil || got != "echo wait" {
			t.Errorf("after a silence: %q %v", got, err)
		}
		say(c, "still here")
	}
	_ = websocket.Message.Send(open[0], "go")
	if err := websocket.Message.Receive(open[0], new(string)); !errors.Is(err, io.EOF) {
		t.Errorf("the site leaves, and the client sees %v", err)
	}
	open[1].Close()
	for range 2 {
		select {
		case <-left:
		case <-time.After(patience):
			t.Fatal("the client leaves, and the site doesn't see it")
		}
	}
	say(open[2], "others stay")
	eventually(t, "the two that have ended are in the access log", func() bool {
		return strings.Count(strings.Join(append(h.asked("GET /"), h.asked("GET /api/")...), ""), `HTTP/1.1" 101 `) == 2
	})
	if n := h.metric(`dnsfailover_page_requests_total{form="proxy",site="www.example.com",status="1xx"}`); n != "2" {
		t.Errorf("%s WebSockets that have ended are counted, not 2", n)
	}

	if _, err := h.socket(way{from: "127.66.0.9", path: "/"}, false); err == nil {
		t.Error("who isn't staff comes through")
	}
	_ = h.Cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-h.Exit:
	case <-time.After(patience):
		t.Fatal("WebSockets keep the page host from stopping")
	}
	if err := websocket.Message.Receive(open[2], new(string)); err == nil {
		t.Error("after the end the client still hears something")
	}
}

// TestNothingButWebSocketsIsSwitchedTo: in a tunnel of another protocol, such as h2c, a client could ask for any path.
func TestNothingButWebSocketsIsSwitchedTo(t *testing.T) {
	t.Parallel()
	site := origin(t, func(w http.ResponseWriter, r *http.Request) {
		if up := r.Header.Get("Upgrade"); up != "" || r.Header.Get("Http2-Settings") != "" {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", up)
			w.WriteHeader(http.StatusSwitchingProtocols)
			return
		}
		_, _ = io.WriteString(w, "no upgrade")
	})
	h := passing(t, addressed(site), nil)
	for _, w := range ways {
		for _, to := range []string{"h2c", "HTTP/2.0", "TLS/1.0", "websocket, h2c", "connect-udp"} {
			r := curl(t, "--interface", w.from, "-H", "Host: www.example.com", "-H", "Connection: Upgrade, HTTP2-Settings", "-H", "Upgrade: "+to, "-H", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA", "http://"+h.http+w.path)
			if r.status != "200" || r.body != "no upgrade" {
				t.Errorf("%s, %s: %+v", w.name, to, r)
			}
		}
	}
}
