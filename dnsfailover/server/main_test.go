package server

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dnsfailover/zones"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what a test waits for; nothing that works takes that long.
const patience = 10 * time.Second

// echo answers with the query and QR set. What follows the header can ask for more.
type echo struct {
	block chan struct{} // "wait" waits for it
}

func (e *echo) respond(_ *world, p *packet, _ zones.Transport) (int, outcome) {
	n := e.echo(p.query, p.room)
	if n > 0 && string(p.query[headerLength:]) == "who" {
		n = headerLength + copy(p.room[headerLength:], p.client.String())
	}
	return n, outcome{zone: -1, qtype: 1}
}

func (e *echo) expect(*world, []packet) {}
func (e *echo) rest()                   {}

func (e *echo) echo(query, out []byte) int {
	if len(query) < headerLength || query[2]&0x80 != 0 {
		return 0
	}
	n := copy(out, query)
	out[2] |= 0x80
	switch string(query[headerLength:]) {
	case "panic":
		panic("asked for")
	case "bound":
		return len(out) + 1
	case "wait":
		<-e.block
	case "full":
		return len(out)
	}
	return n
}

// ask is a query that echo understands.
func ask(id uint16, what string) []byte {
	q := make([]byte, headerLength, headerLength+len(what))
	binary.BigEndian.PutUint16(q, id)
	return append(q, what...)
}

// framed puts its length before a message.
func framed(message []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}

// lines is a log whose lines a test can wait for.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

func newLog() (lines, *slog.Logger) {
	l := make(lines, 1000)
	return l, slog.New(slog.NewTextHandler(l, nil))
}

// echoing is a tuning in which echo answers.
func echoing() tuning {
	return tuning{respond: func() responder { return new(echo) }, limits: defaultLimits()}
}

// prepared fills in what a test doesn't care about.
func prepared(opt Options) Options {
	if opt.Addresses == nil {
		opt.Addresses = addresses("127.0.0.1:0")
	}
	if opt.Set == nil {
		opt.Set = func() *zones.Set { return nil }
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Workers == 0 {
		opt.Workers = 2
	}
	return opt
}

func addresses(list ...string) (out []netip.AddrPort) {
	for _, a := range list {
		out = append(out, netip.MustParseAddrPort(a))
	}
	return out
}

// start runs a server until stop is called or the test ends.
func start(t testing.TB, opt Options, tune tuning) (s *Server, stop func()) {
	t.Helper()
	s, err := listen(prepared(opt), tune)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return s, stop
}

// discard closes the sockets of a server that was only listening.
func discard(s *Server) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.Run(ctx)
}

// dial connects to address; over UDP such a socket takes answers from there alone.
func dial(t testing.TB, network string, address netip.AddrPort) net.Conn {
	t.Helper()
	c, err := net.Dial(network, address.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

func send(t testing.TB, c net.Conn, data []byte) {
	t.Helper()
	if _, err := c.Write(data); err != nil {
		t.Fatal(err)
	}
}

// datagram returns the next answer over UDP.
func datagram(t testing.TB, c net.Conn) []byte {
	t.Helper()
	buffer := make([]byte, 1<<16)
	n, err := c.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return buffer[:n]
}

// framedAnswer returns the next answer over TCP.
func framedAnswer(t testing.TB, c net.Conn) []byte {
	t.Helper()
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		t.Fatal(err)
	}
	m := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(c, m); err != nil {
		t.Fatal(err)
	}
	return m
}

func id(m []byte) uint16 { return binary.BigEndian.Uint16(m) }
