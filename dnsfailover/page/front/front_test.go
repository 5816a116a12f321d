package front

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// limits are for tests that aren't about them.
var limits = Limits{Conns: 1000, PerClient: 1000, Head: time.Minute, Idle: time.Minute, Write: time.Minute, Life: time.Hour, HeadBytes: 8 << 10}

// hurried are for tests that wait for their end.
var hurried = Limits{Conns: 100, PerClient: 100, Head: 300 * time.Millisecond, Idle: 500 * time.Millisecond, Write: 300 * time.Millisecond, Life: time.Hour, HeadBytes: 8 << 10}

// ways are how a server may have its connections.
var ways = map[string]struct{ portable, secure bool }{
	"loops": {}, "streams": {portable: true}, "TLS": {secure: true},
}

// eachWay runs a test over a server per way. It answers plain requests itself with "memory", and leaves to net/http what lies below
// /slow, and whatever isn't plain.
func eachWay(t *testing.T, limits Limits, test func(t *testing.T, s *Server, dial func() net.Conn)) {
	t.Helper()
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			s, address := begin(t, limits, way.portable, way.secure)
			test(t, s, func() net.Conn {
				t.Helper()
				c := dial(t, address)
				if way.secure {
					return tls.Client(c, &tls.Config{InsecureSkipVerify: true})
				}
				return c
			})
		})
	}
}

// certificate is for every secure server here.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

func begin(t testing.TB, limits Limits, portable, secure bool) (*Server, string) {
	t.Helper()
	return beginWith(t, net.ListenConfig{}, limits, portable, secure)
}

func beginWith(t testing.TB, listening net.ListenConfig, limits Limits, portable, secure bool) (*Server, string) {
	t.Helper()
	s := New(Options{
		Limits: limits, Log: quiet, TLS: &tls.Config{Certificates: []tls.Certificate{certificate()}, NextProtos: []string{"h2", "http/1.1"}},
		Answer: func(out []byte, r *Request, end bool) ([]byte, bool, bool) {
			if bytes.HasPrefix(r.Target, []byte("/slow")) {
				return out, false, false
			}
			if bytes.HasPrefix(r.Target, []byte("/panic")) {
				panic("of an answer")
			}
			if bytes.HasPrefix(r.Target, []byte("/big")) {
				out = append(out, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1000000\r\n\r\n"...)
				return append(out, make([]byte, 1_000_000)...), end, true
			}
			return append(out, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 6\r\n\r\nmemory"...), end, true
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/slow/panic":
				panic("of a handler")
			case "/slow/abort":
				panic(http.ErrAbortHandler)
			}
			if OriginOf(r).Old(time.Now()) {
				w.Header().Set("Connection", "close")
			}
			if r.URL.Path == "/slow/slow" {
				<-time.After(2 * hurried.Write)
			}
			fmt.Fprintf(w, "net/http %s %s", r.Method, OriginOf(r).Client)
		}),
	})
	s.portable = portable
	l, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, []Listener{{Listener: l, Secure: secure}}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		until(t, "nothing is open", func() bool { return s.Counters().Open == 0 }) // net/http doesn't wait for the last octet of TLS
	})
	return s, l.Addr().String()
}

func dial(t testing.TB, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// exchange sends something and returns the first answer.
func exchange(t *testing.T, c net.Conn, request string) (int, string) {
	t.Helper()
	go func() { _, _ = io.WriteString(c, request) }() // it may be longer than what is read
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%.60q: %v", request, err)
	}
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

// until waits for what happens elsewhere.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); !done(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
