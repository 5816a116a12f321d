package front

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// full has few places in all, and more than that for one client.
var full = Limits{Conns: 5, PerClient: 100, Head: time.Minute, Idle: time.Minute, Write: time.Minute, Life: time.Hour, HeadBytes: 8 << 10}

// served asks once and leaves the connection open.
func served(t *testing.T, c net.Conn, request, want string) net.Conn {
	t.Helper()
	if _, body := exchange(t, c, request); body != want {
		t.Fatalf("%q", body)
	}
	return c
}

// TestWhoHasWaitedLongestMakesRoom: between requests first, then with a head that has begun.
func TestWhoHasWaitedLongestMakesRoom(t *testing.T) {
	eachWay(t, full, func(t *testing.T, s *Server, dial func() net.Conn) {
		begun := dial()
		if _, err := io.WriteString(begun, "GET / HT"); err != nil {
			t.Fatal(err)
		}
		until(t, "a head has begun", func() bool { return s.census.heads.len(s) == 1 })
		oldest := served(t, dial(), plain, "memory")
		until(t, "it waits", func() bool { return s.census.idle.len(s) == 1 })
		passed := served(t, dial(), "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n", "net/http GET 127.0.0.1")
		until(t, "net/http waits", func() bool { return s.census.idle.len(s) == 2 })
		served(t, dial(), plain, "memory")
		served(t, dial(), plain, "memory")
		for _, c := range []net.Conn{oldest, passed} {
			served(t, dial(), plain, "memory")
			ends(t, c)
		}
		if _, err := io.WriteString(begun, "TP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if resp, err := http.ReadResponse(bufio.NewReader(begun), nil); err != nil || resp.StatusCode != 503 {
			t.Errorf("who has begun had to make room for who is idle: %v", err)
		}
		until(t, "all five wait, and those who made room have gone", func() bool { return s.census.idle.len(s) == 5 && s.Counters().Open == 5 })
		if c := s.Counters(); c.Shed != 2 || c.RefusedInAll != 0 {
			t.Errorf("%+v", c)
		}
		for range 5 {
			if _, err := io.WriteString(dial(), "GET / HT"); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "heads have begun everywhere", func() bool { return s.census.heads.len(s) == 5 })
		served(t, dial(), plain, "memory")
		until(t, "a head made room", func() bool { c := s.Counters(); return c.Open == 5 && c.Shed == 8 && s.census.heads.len(s) == 4 })
	})
}

// len counts who is in a line.
func (l *line) len(s *Server) (n int) {
	s.census.mu.Lock()
	defer s.census.mu.Unlock()
	for x := l.ends.behind; x != &l.ends; x = x.behind {
		n++
	}
	return n
}

// TestWhoIsBeingAnsweredMakesNoRoom: then a new one is refused.
func TestWhoIsBeingAnsweredMakesNoRoom(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			s, address := begin(t, full, way.portable, way.secure)
			var conns []net.Conn
			for range full.Conns {
				c := dial(t, address)
				if way.secure {
					c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
				}
				_, _ = io.WriteString(c, "GET /slow/slow HTTP/1.1\r\nHost: a\r\n\r\n")
				conns = append(conns, c)
			}
			until(t, "all are busy", func() bool { return s.census.busy.len(s) == full.Conns })
			refuses(t, address)
			if n := s.Counters().RefusedInAll; n != 1 {
				t.Errorf("%d were refused", n)
			}
			for _, c := range conns {
				if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != 200 {
					t.Error(err)
				}
			}
		})
	}
}

// refuses wants a new connection to be closed at once, without a word.
func refuses(t *testing.T, address string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil { // it was reset in the very moment
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, "G")
	if n, err := c.Read(make([]byte, 1)); n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection too many was let in: %v", err)
	}
}

func TestTooManyConnectionsOfOneClientAreRefused(t *testing.T) {
	few := full
	few.PerClient = 3
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			s, address := begin(t, few, way.portable, way.secure)
			for range 3 {
				_, _ = io.WriteString(dial(t, address), "G")
			}
			until(t, "three are open", func() bool { return s.Counters().Open == 3 })
			refuses(t, address)
			if c := s.Counters(); c.RefusedOfClient != 1 || c.Open != 3 || c.Shed != 0 {
				t.Errorf("%+v", c)
			}
		})
	}
}
