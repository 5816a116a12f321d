package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// site is a plain web host that counts who comes, and can be told to misbehave.
type site struct {
	t    *testing.T
	ip   string
	port int
	host string // the Host that requests must be for

	mu       sync.Mutex
	how      string // up, 503, hang or stopped
	lose     int    // so many of the next requests get a 503
	asked    int    // connections that came
	spoiled  int    // requests that got a 503
	listener net.Listener
	conns    map[net.Conn]bool
}

var nextIP atomic.Uint32

// newIP returns a loopback address that no other test uses.
func newIP() string {
	n := nextIP.Add(1)
	return fmt.Sprintf("127.66.%d.%d", n/200, n%200+1)
}

// newSite listens on an address of its own and is up.
func newSite(t *testing.T) *site {
	t.Helper()
	return newSiteAt(t, newIP(), 0)
}

// newSiteAt listens on ip and port, of which 0 picks one, and is up.
func newSiteAt(t *testing.T, ip string, port int) *site {
	t.Helper()
	s := &site{t: t, ip: ip, port: port, conns: map[net.Conn]bool{}}
	s.becomes("up")
	s.host = fmt.Sprintf("www.example.test:%d", s.port)
	t.Cleanup(func() { s.becomes("stopped") })
	return s
}

// check is the check of a service's target that lies on the site.
func (s *site) check() string {
	return fmt.Sprintf(`{http: "http://www.example.test:%d/health", body: ok}`, s.port)
}

// becomes changes the site's behaviour, and cuts what is under way.
func (s *site) becomes(how string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.how, s.spoiled = how, 0
	for c := range s.conns {
		c.Close()
	}
	switch {
	case how == "stopped" && s.listener != nil:
		s.listener.Close()
		s.listener = nil
	case how != "stopped" && s.listener == nil:
		l, err := net.Listen("tcp", net.JoinHostPort(s.ip, fmt.Sprint(s.port)))
		if err != nil {
			s.t.Fatal(err)
		}
		s.listener, s.port = l, l.Addr().(*net.TCPAddr).Port
		go s.accept(l)
	}
}

// loses has the next n requests fail.
func (s *site) loses(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose, s.spoiled = n, 0
}

// visits returns how many connections have come.
func (s *site) visits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// failures returns how many requests got a 503 since the behaviour changed last.
func (s *site) failures() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spoiled
}

func (s *site) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.asked++
		s.conns[c] = true
		s.mu.Unlock()
		go func() {
			s.serve(c)
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
			c.Close()
		}()
	}
}

func (s *site) serve(c net.Conn) {
	in := bufio.NewReader(c)
	request, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	s.mu.Lock()
	how := s.how
	if s.lose > 0 {
		how = "503"
		s.lose--
	}
	if how == "503" {
		s.spoiled++
	}
	s.mu.Unlock()
	switch {
	case how == "hang":
		_, _ = in.ReadByte() // until somebody gives up
	case how == "503" || request.Host != s.host:
		fmt.Fprint(c, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nok")
	default:
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}
}
