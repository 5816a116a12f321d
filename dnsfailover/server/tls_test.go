package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// startTLS runs a server with TLS; its certificate is for "localhost".
func startTLS(t testing.TB, opt Options, tune tuning) (s *Server, stop func()) {
	t.Helper()
	if opt.TLS == nil {
		opt.TLS = &TLSOptions{}
		opt.TLS.Certificate, opt.TLS.Key = newFiles(t).write(t, 1, time.Now().Add(time.Hour))
	}
	if opt.TLS.Addresses == nil {
		opt.TLS.Addresses = addresses("127.0.0.1:0")
	}
	return start(t, opt, tune)
}

// trusting is a client's configuration that takes any certificate.
func trusting() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

func dialTLS(t testing.TB, s *Server, config *tls.Config) *tls.Conn {
	t.Helper()
	c := tls.Client(dial(t, "tcp", s.TLSAddresses()[0]), config)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c
}

// Conformance 228 and 231.
func TestTLSAnswers(t *testing.T) {
	s, _ := startTLS(t, Options{}, echoing())
	for name, change := range map[string]func(*tls.Config){
		"TLS 1.2":           func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
		"TLS 1.3":           func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 },
		"ALPN dot":          func(c *tls.Config) { c.NextProtos = []string{"dot"} },
		"ALPN dot and more": func(c *tls.Config) { c.NextProtos = []string{"h2", "dot"} },
		"a server's name":   func(c *tls.Config) { c.ServerName = "ns1.example.com" },
	} {
		config := trusting()
		change(config)
		c := dialTLS(t, s, config)
		for range 2 {
			var all []byte
			for i := range uint16(50) {
				all = append(all, framed(ask(i, "hello"))...)
			}
			send(t, c, all)
			for i := range uint16(50) {
				if got := framedAnswer(t, c); id(got) != i || string(got[headerLength:]) != "hello" {
					t.Fatalf("%s: answer %x to query %d", name, got, i)
				}
			}
		}
		if want := len(config.NextProtos) > 0; (c.ConnectionState().NegotiatedProtocol == "dot") != want {
			t.Errorf("%s: protocol %q", name, c.ConnectionState().NegotiatedProtocol)
		}
	}
	if got := s.Counters(); got.TLS.Accepted != 5 || got.TLS.Failed != 0 {
		t.Errorf("%+v, want 5 accepted", got.TLS)
	}
}

func TestTLSRefusesWhatIsOldOrNotDNS(t *testing.T) {
	s, _ := startTLS(t, Options{}, echoing())
	for name, config := range map[string]*tls.Config{
		"TLS 1.1": {InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"ALPN h2": {InsecureSkipVerify: true, NextProtos: []string{"h2"}},
	} {
		c := tls.Client(dial(t, "tcp", s.TLSAddresses()[0]), config)
		if err := c.Handshake(); err == nil {
			t.Errorf("%s is let in", name)
		}
		ended(t, c.NetConn())
	}
	if got := s.Counters(); got.TLS.Failed != 2 {
		t.Errorf("%+v, want 2 failed", got.TLS)
	}
}

// The longest messages go through whole, however they are cut into records, and octet by octet.
func TestTLSLongAndSlowMessages(t *testing.T) {
	s, _ := startTLS(t, Options{}, echoing())
	c := dialTLS(t, s, trusting())
	query := append(ask(7, ""), make([]byte, maxMessage-headerLength)...)
	go func() { _, _ = c.Write(append(framed(query), framed(ask(8, "full"))...)) }()
	if got := framedAnswer(t, c); id(got) != 7 || len(got) != maxMessage {
		t.Fatalf("%d octets came back for %d", len(got), len(query))
	}
	if got := framedAnswer(t, c); id(got) != 8 || len(got) != maxMessage {
		t.Fatalf("%d octets, want %d", len(got), maxMessage)
	}
	for _, octet := range framed(ask(9, "slowly")) {
		send(t, c, []byte{octet})
	}
	if got := framedAnswer(t, c); id(got) != 9 {
		t.Fatalf("answer %x", got)
	}
}

// Every stream goes through the same engine.answer: nonsense ends the connection, a panic costs one query.
func TestTLSIsJudgedAsTCPIs(t *testing.T) {
	s, _ := startTLS(t, Options{}, echoing())
	c := dialTLS(t, s, trusting())
	response := ask(1, "")
	response[2] = 0x80
	send(t, c, append(append(framed(ask(1, "")), framed(ask(2, "panic"))...), framed(response)...))
	framedAnswer(t, c)
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("after a response: %v, want the end", err)
	}
	if got := s.Counters(); got.Panics != 1 || got.Dropped["unanswered"] != 1 {
		t.Errorf("%+v, want a panic and one unanswered", got)
	}
}

// Conformance 229: both sides say that they end. A client that has said so is still answered.
func TestTLSEndsWithCloseNotify(t *testing.T) {
	tune := echoing()
	tune.limits.idle = 50 * time.Millisecond
	impatient, _ := startTLS(t, Options{}, tune)
	patient, _ := startTLS(t, Options{}, echoing())
	idle, half := dialTLS(t, impatient, trusting()), dialTLS(t, patient, trusting())
	send(t, half, framed(ask(1, "")))
	if err := half.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	framedAnswer(t, half)
	for name, c := range map[string]*tls.Conn{"an idle client": idle, "a client that is done": half} {
		if _, err := c.Read(make([]byte, 1)); err != io.EOF { // without close_notify it is io.ErrUnexpectedEOF
			t.Errorf("%s is told %v, want close_notify", name, err)
		}
	}
}

func TestTLSHandshakeHasADeadline(t *testing.T) {
	hello := clientHello(t)
	for name, begin := range map[string][]byte{"nothing": nil, "a type": hello[:1], "half a hello": hello[:len(hello)/2], "a hello": hello} {
		tune := echoing()
		tune.limits.handshake = 50 * time.Millisecond
		s, _ := startTLS(t, Options{}, tune)
		c := dial(t, "tcp", s.TLSAddresses()[0])
		send(t, c, begin)
		if _, err := io.Copy(io.Discard, c); errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
		if got := s.Counters(); got.TLS.Failed != 1 || got.TLS.Accepted != 1 || got.TLS.Open != 0 {
			t.Errorf("%s: %+v, want 1 failed of 1", name, got.TLS)
		}
	}
}

// Fault 8: who doesn't go on with his handshake gives way to who comes after him.
func TestTLSHandshakesInFlightAreCapped(t *testing.T) {
	tune := echoing()
	tune.limits.handshakes, tune.limits.handshake = 3, time.Hour
	s, _ := startTLS(t, Options{}, tune)
	established := dialTLS(t, s, trusting())
	send(t, established, framed(ask(1, "")))
	framedAnswer(t, established)
	var stuck []net.Conn
	for range 20 {
		stuck = append(stuck, dial(t, "tcp", s.TLSAddresses()[0]))
	}
	for range 5 {
		c := dialTLS(t, s, trusting())
		send(t, c, framed(ask(1, "")))
		framedAnswer(t, c)
	}
	for _, c := range stuck[:17] {
		ended(t, c)
	}
	send(t, established, framed(ask(1, "")))
	framedAnswer(t, established)
	if got := s.Counters(); got.TLS.Failed < 17 || got.Open > 9 {
		t.Errorf("%d open, %+v", got.Open, got.TLS)
	}
}

// Connections over TLS and over plain TCP compete for the same places.
// One client can't have the processors busy with handshakes; others don't notice.
func TestTLSHandshakesOfOneClientArePaced(t *testing.T) {
	tune := echoing()
	tune.limits.handshakesPerSecond, tune.limits.unhurried = 10, nil
	certificate, key := newFiles(t).write(t, 1, time.Now().Add(time.Hour))
	s, _ := startTLS(t, Options{TLS: &TLSOptions{Addresses: addresses("0.0.0.0:0"), Certificate: certificate, Key: key}}, tune)
	open := func(from string) bool {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from + ":0"))}
		c, err := d.Dial("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), s.TLSAddresses()[0].Port()).String())
		if err != nil { // the reset may be faster than we are
			return false
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		return tls.Client(c, trusting()).Handshake() == nil
	}
	begin, opened := time.Now(), 0
	for i := range 40 {
		if open(fmt.Sprintf("127.31.0.%d", i+1)) {
			opened++
		}
	}
	if most := 11 + int(10*time.Since(begin).Seconds()); opened < 9 || opened > most {
		t.Errorf("%d of 40 were opened, want at most %d", opened, most)
	}
	if !open("127.32.0.1") {
		t.Error("another client was refused too")
	}
	if got := s.Counters(); int(got.TLS.Refused) != 40-opened || got.TLS.Failed != 0 {
		t.Errorf("%d refused, %d failed, want %d and 0", got.TLS.Refused, got.TLS.Failed, 40-opened)
	}
}

func TestTLSSharesTheCapsOfTCP(t *testing.T) {
	tune := echoing()
	tune.limits.perClient = 2
	s, _ := startTLS(t, Options{}, tune)
	plain := dial(t, "tcp", s.Addresses()[0])
	send(t, plain, framed(ask(1, "")))
	framedAnswer(t, plain)
	for range 2 {
		c := dialTLS(t, s, trusting())
		send(t, c, framed(ask(1, "")))
		framedAnswer(t, c)
	}
	ended(t, plain)
	if got := s.Counters(); got.Open != 2 || got.TLS.Open != 2 || got.Refused != 1 {
		t.Errorf("%d open, %d refused, %+v", got.Open, got.Refused, got.TLS)
	}
}

func TestTLSClientThatNeverReadsIsCut(t *testing.T) {
	tune := echoing()
	tune.limits.write = 50 * time.Millisecond
	s, _ := startTLS(t, Options{}, tune)
	c := dialTLS(t, s, trusting())
	query := framed(ask(1, "full"))
	for {
		if _, err := c.Write(query); err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				t.Fatalf("the client could go on writing until %v", err)
			}
			return
		}
	}
}

func TestTLSStopFinishesWhatIsInHand(t *testing.T) {
	block := make(chan struct{})
	tune := echoing()
	tune.respond = func() responder { return &echo{block: block} }
	tune.limits.idle, tune.limits.grace, tune.limits.handshake = time.Hour, time.Hour, time.Hour
	s, stop := startTLS(t, Options{}, tune)
	idle, busy, opening := dialTLS(t, s, trusting()), dialTLS(t, s, trusting()), dial(t, "tcp", s.TLSAddresses()[0])
	send(t, busy, append(framed(ask(2, "wait")), framed(ask(3, ""))...))
	block <- struct{}{} // it is being answered
	send(t, busy, framed(ask(4, "wait")))
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop()
	}()
	if _, err := idle.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the idle client is told %v, want close_notify", err)
	}
	ended(t, opening)
	close(block)
	for _, want := range []uint16{2, 3, 4} {
		if got := id(framedAnswer(t, busy)); got != want {
			t.Errorf("answer to %d, want %d", got, want)
		}
	}
	if _, err := busy.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the busy client is told %v, want close_notify", err)
	}
	<-stopped
}

// clientHello returns the first record of a client.
func clientHello(t testing.TB) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() { _ = tls.Client(theirs, trusting()).Handshake() }()
	buffer := make([]byte, 1<<14)
	n, err := ours.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return buffer[:n]
}

// Conformance 229, faults 8 and 64: handshakes that are given up cost neither workers nor memory.
func TestTLSAbortedHandshakes(t *testing.T) {
	const clients, each = 4, 2500
	hello := clientHello(t)
	s, _ := startTLS(t, Options{}, echoing())
	works := func() {
		c := dialTLS(t, s, trusting())
		send(t, c, framed(ask(1, "")))
		framedAnswer(t, c)
		c.Close()
	}
	works()
	before, goroutines := heap(), runtime.NumGoroutine()
	kinds := [][]byte{
		nil, hello[:3], hello[:len(hello)-1], hello, framed(ask(1, "plain DNS")), []byte("GET / HTTP/1.1\r\n\r\n"),
		{22, 3, 1, 0xFF, 0xFF, 1},
		append([]byte{23, 3, 3, 0x40, 0}, make([]byte, 1<<14)...), // 64 KB records, data without keys
	}
	begin := time.Now()
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for i := range each {
				c, err := net.Dial("tcp", s.TLSAddresses()[0].String())
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = c.Write(kinds[i%len(kinds)])
				_ = c.(*net.TCPConn).SetLinger(0)
				_ = c.Close()
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	works() // and so all before it were let in
	// What is left in flight goes when others come, at the latest at its deadline. Here it goes now.
	s.streams.mu.Lock()
	for s.streams.opening > 0 {
		s.streams.evict(func(c *stream) bool { return c.opening })
	}
	s.streams.mu.Unlock()
	got, after := s.Counters(), heap()
	if n := got.TLS.Accepted - got.TLS.Failed; n > 4 {
		t.Errorf("%d of %d handshakes neither failed nor were ours", n, got.TLS.Accepted)
	}
	if got.Panics != 0 || after > before+4<<20 {
		t.Errorf("%d panics; the heap grew from %d to %d KiB", got.Panics, before>>10, after>>10)
	}
	t.Logf("%d aborted handshakes in %v: heap %d → %d KiB, goroutines %d → %d, failed %d",
		clients*each, took.Round(time.Millisecond), before>>10, after>>10, goroutines, runtime.NumGoroutine(), got.TLS.Failed)
}

// heap returns the octets in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // pools let go at the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

func TestTLSAddressesThatCannotBe(t *testing.T) {
	options := func() Options {
		opt := prepared(Options{TLS: &TLSOptions{}})
		opt.TLS.Certificate, opt.TLS.Key = newFiles(t).write(t, 1, time.Now().Add(time.Hour))
		return opt
	}
	s, err := listen(prepared(Options{}), echoing())
	if err != nil {
		t.Fatal(err)
	}
	taken := s.Addresses()[0]

	opt := options()
	opt.TLS.Addresses = []netip.AddrPort{taken}
	if _, err := listen(opt, echoing()); err == nil || !strings.Contains(err.Error(), "in use by another program") {
		t.Errorf("a port that is taken: %v", err)
	}
	discard(s)
	opt.Addresses = []netip.AddrPort{taken}
	if _, err := listen(opt, echoing()); err == nil || !strings.Contains(err.Error(), "cannot listen on both") {
		t.Errorf("the port of DNS: %v", err)
	}
	opt.TLS.Certificate = "missing.pem"
	if _, err := listen(opt, echoing()); err == nil || err.Error() != "stat missing.pem: no such file or directory" {
		t.Errorf("a certificate that isn't there: %v", err)
	}
}
