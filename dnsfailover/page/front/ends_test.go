package front

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// ends waits until the server closes the connection.
func ends(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
}

func TestWhoSaysNothingOrIsSlowIsLeft(t *testing.T) {
	eachWay(t, hurried, func(t *testing.T, _ *Server, dial func() net.Conn) {
		idle, slow, served, passed, deaf := dial(), dial(), dial(), dial(), dial()
		_, _ = io.WriteString(slow, "GET / HTTP/1.1\r\nHost: a")
		_, _ = io.WriteString(served, plain) // after the answer it is idle
		_, _ = io.WriteString(passed, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
		_, _ = io.WriteString(deaf, strings.Repeat("GET /big HTTP/1.1\r\nHost: a\r\n\r\n", 20))
		ends(t, slow)
		ends(t, idle)
		ends(t, served)
		ends(t, passed)
		_, _ = io.ReadFull(deaf, make([]byte, 100))
	})
}

// TestWhoIsServedIsKept, however long in all, up to the end of its life; one for whom a handler takes its time, too.
func TestWhoIsServedIsKept(t *testing.T) {
	eachWay(t, hurried, func(t *testing.T, s *Server, dial func() net.Conn) {
		c := dial()
		in := bufio.NewReader(c)
		for begun := time.Now(); time.Since(begun) < 3*hurried.Idle; {
			_, _ = io.WriteString(c, plain)
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
		}
		served(t, c, "GET /slow/slow HTTP/1.1\r\nHost: a\r\n\r\n", "net/http GET 127.0.0.1")
		if n := s.Counters().Open; n != 1 {
			t.Errorf("%d are open", n)
		}
	})
}

// TestTheOldAreAskedToLeave: a connection that is always busy would never see that the name points elsewhere.
func TestTheOldAreAskedToLeave(t *testing.T) {
	short := limits
	short.Life = -time.Nanosecond // already over
	eachWay(t, short, func(t *testing.T, _ *Server, dial func() net.Conn) {
		for _, request := range []string{plain, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"} {
			c := dial()
			_, _ = io.WriteString(c, request)
			if got, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 ") {
				t.Errorf("%q: %v", got, err)
			}
		}
	})
}

// TestTheEnd closes who waits at once, and lets who is being answered have it.
func TestTheEnd(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			var conns []net.Conn
			t.Run("", func(t *testing.T) { // its end is that of the server
				_, address := begin(t, full, way.portable, way.secure)
				for range 3 {
					c, err := net.Dial("tcp", address)
					if err != nil {
						t.Fatal(err)
					}
					_, _ = io.WriteString(c, "G") // who says nothing is let in later
					conns = append(conns, c)
				}
			})
			for _, c := range conns {
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				ends(t, c)
				c.Close()
			}
		})
	}
}
