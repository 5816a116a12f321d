package server

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// ended expects that the server closes the connection without another answer.
func ended(t *testing.T, c net.Conn) {
	t.Helper()
	n, err := c.Read(make([]byte, 1))
	if errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
	var timeout net.Error
	if n > 0 || errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatalf("%d octets, %v; want the end of the connection", n, err)
	}
}

func TestTCPPipelining(t *testing.T) {
	s, _ := start(t, Options{}, echoing())
	c := dial(t, "tcp", s.Addresses()[0])
	for range 3 { // and the connection stays
		var all []byte
		for i := range uint16(100) {
			all = append(all, framed(ask(i, "hello"))...)
		}
		send(t, c, all)
		for i := range uint16(100) {
			if got := framedAnswer(t, c); id(got) != i || string(got[headerLength:]) != "hello" {
				t.Fatalf("answer %x to query %d", got, i)
			}
		}
	}
}

func TestTCPByteAtATime(t *testing.T) {
	s, _ := start(t, Options{}, echoing())
	c := dial(t, "tcp", s.Addresses()[0])
	for i := range uint16(3) {
		for _, octet := range framed(ask(i, "slowly")) {
			send(t, c, []byte{octet})
		}
		if got := framedAnswer(t, c); id(got) != i {
			t.Fatalf("answer %x to query %d", got, i)
		}
	}
}

func TestTCPHalfCloseIsAnswered(t *testing.T) {
	s, _ := start(t, Options{}, echoing())
	c := dial(t, "tcp", s.Addresses()[0])
	send(t, c, append(framed(ask(1, "")), framed(ask(2, ""))...))
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	framedAnswer(t, c)
	framedAnswer(t, c)
	ended(t, c)
}

func TestTCPLongestMessages(t *testing.T) {
	s, _ := start(t, Options{}, echoing())
	c := dial(t, "tcp", s.Addresses()[0])
	query := append(ask(7, ""), bytes.Repeat([]byte{0xA5}, maxMessage-headerLength)...)
	for range 3 {
		go func() { _, _ = c.Write(append(framed(query), framed(ask(8, "full"))...)) }()
		if got := framedAnswer(t, c); id(got) != 7 || !bytes.Equal(got[headerLength:], query[headerLength:]) {
			t.Fatalf("%d octets came back for %d", len(got), len(query))
		}
		if got := framedAnswer(t, c); id(got) != 8 || len(got) != maxMessage {
			t.Fatalf("%d octets, want %d", len(got), maxMessage)
		}
	}
}

// What came before is answered, what comes after isn't looked at.
func TestTCPNonsenseEndsTheConnection(t *testing.T) {
	response := ask(1, "")
	response[2] = 0x80
	nonsense := map[string][]byte{"a response": framed(response), "garbage": bytes.Repeat([]byte{0xFF}, 2+maxMessage)}
	for length := range headerLength {
		nonsense["a message of "+string(rune('0'+length))+" octets"] = framed(make([]byte, length))
	}
	s, _ := start(t, Options{}, echoing())
	for name, data := range nonsense {
		t.Run(name, func(t *testing.T) {
			c := dial(t, "tcp", s.Addresses()[0])
			send(t, c, append(framed(ask(1, "")), data...))
			framedAnswer(t, c)
			ended(t, c)
		})
	}
}

func TestTCPPanicLosesOneQuery(t *testing.T) {
	s, _ := start(t, Options{}, echoing())
	c := dial(t, "tcp", s.Addresses()[0])
	send(t, c, append(append(framed(ask(1, "")), framed(ask(2, "panic"))...), framed(ask(3, ""))...))
	if got := id(framedAnswer(t, c)); got != 1 {
		t.Errorf("answer to %d, want 1", got)
	}
	if got := id(framedAnswer(t, c)); got != 3 {
		t.Errorf("answer to %d, want 3", got)
	}
	if got := s.Counters(); got.Panics != 1 {
		t.Errorf("%d panics, want 1", got.Panics)
	}
}

// RFC 7766 section 6.2.3.
func TestTCPIdleConnectionIsClosed(t *testing.T) {
	tune := echoing()
	tune.limits.idle = 50 * time.Millisecond
	s, _ := start(t, Options{}, tune)
	silent, asked := dial(t, "tcp", s.Addresses()[0]), dial(t, "tcp", s.Addresses()[0])
	send(t, asked, framed(ask(1, "")))
	framedAnswer(t, asked)
	ended(t, asked)
	ended(t, silent)
}

func TestTCPUnfinishedQueryIsCut(t *testing.T) {
	for name, begin := range map[string][]byte{
		"half a length":         {0},
		"a length":              {0, 40},
		"half a message":        framed(ask(1, "half"))[:10],
		"a whole one and a bit": append(framed(ask(1, "")), 0),
	} {
		t.Run(name, func(t *testing.T) {
			tune := echoing()
			tune.limits.idle = time.Hour
			tune.limits.message = 50 * time.Millisecond
			s, _ := start(t, Options{}, tune)
			c := dial(t, "tcp", s.Addresses()[0])
			send(t, c, begin)
			if len(begin) > 2+headerLength {
				framedAnswer(t, c)
			}
			ended(t, c)
		})
	}
}

// Fault 61, and what miekg's server never does: a client that doesn't read is cut.
func TestTCPClientThatNeverReadsIsCut(t *testing.T) {
	tune := echoing()
	tune.limits.idle = time.Hour
	tune.limits.write = 50 * time.Millisecond
	s, _ := start(t, Options{}, tune)
	c := dial(t, "tcp", s.Addresses()[0])
	query := framed(ask(1, "full"))
	cut := make(chan error)
	go func() {
		for {
			if _, err := c.Write(query); err != nil {
				cut <- err
				return
			}
		}
	}()
	other := dial(t, "tcp", s.Addresses()[0])
	for i := range uint16(20) {
		send(t, other, framed(ask(i, "")))
		framedAnswer(t, other)
	}
	var timeout net.Error
	if err := <-cut; errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatalf("the client could go on writing until %v", err)
	}
}

func TestTCPCapsCloseTheLongestIdle(t *testing.T) {
	tune := echoing()
	tune.limits.connections, tune.limits.perClient = 5, 3
	s, _ := start(t, Options{Addresses: addresses("0.0.0.0:0")}, tune)
	port := s.Addresses()[0].Port()
	connect := func(from string) net.Conn {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from + ":0"))}
		c, err := d.Dial("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port).String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(patience))
		return c
	}
	works := func(c net.Conn) {
		t.Helper()
		send(t, c, framed(ask(1, "")))
		framedAnswer(t, c)
	}
	var crowd [3]net.Conn
	for i := range crowd {
		crowd[i] = connect("127.0.0.1")
		works(crowd[i])
	}
	works(crowd[0])
	works(crowd[2])
	fourth := connect("127.0.0.9") // the same /24, at its cap
	works(fourth)
	ended(t, crowd[1])
	works(crowd[0])

	a, b := connect("127.0.1.1"), connect("127.0.2.1")
	works(a)
	works(b)
	works(crowd[0])
	works(fourth)
	sixth := connect("127.0.3.1") // at the cap for all
	works(sixth)
	ended(t, crowd[2])
	for _, c := range []net.Conn{crowd[0], fourth, a, b, sixth} {
		works(c)
	}
	if got := s.Counters(); got.Open != 5 || got.Accepted != 7 || got.Refused != 2 {
		t.Errorf("open %d, accepted %d, refused %d; want 5, 7, 2", got.Open, got.Accepted, got.Refused)
	}
}

func TestTCPIdleCrowdDoesNotStopAQuery(t *testing.T) {
	tune := echoing()
	tune.limits.connections, tune.limits.perClient = 40, 10
	s, _ := start(t, Options{}, tune)
	for range 200 {
		dial(t, "tcp", s.Addresses()[0])
	}
	c := dial(t, "tcp", s.Addresses()[0])
	send(t, c, framed(ask(1, "")))
	framedAnswer(t, c)
	if got := s.Counters(); got.Open > 10 || got.Accepted != 201 {
		t.Errorf("open %d, accepted %d; want at most 10, and 201", got.Open, got.Accepted)
	}
}

// Faults 32 and 56.
func TestStarvedGivesUpTheLongestIdleAndComplainsOnce(t *testing.T) {
	log, logger := newLog()
	s, _ := start(t, Options{Log: logger}, echoing())
	var conns [3]net.Conn
	for i := range conns {
		conns[i] = dial(t, "tcp", s.Addresses()[0])
		send(t, conns[i], framed(ask(1, "")))
		framedAnswer(t, conns[i])
	}
	s.streams.starved(syscall.EMFILE)
	s.streams.starved(syscall.ENFILE)
	ended(t, conns[0])
	ended(t, conns[1])
	send(t, conns[2], framed(ask(1, "")))
	framedAnswer(t, conns[2])
	if len(log) != 1 {
		t.Errorf("%d lines, want 1", len(log))
	}
}

func TestTCPStopFinishesWhatIsInHand(t *testing.T) {
	block := make(chan struct{})
	tune := echoing()
	tune.respond = func() responder { return &echo{block: block} }
	tune.limits.idle, tune.limits.grace = time.Hour, time.Hour
	s, stop := start(t, Options{}, tune)
	idle, busy, queued := dial(t, "tcp", s.Addresses()[0]), dial(t, "tcp", s.Addresses()[0]), dial(t, "tcp", s.Addresses()[0])
	for _, c := range []net.Conn{idle, busy, queued} {
		send(t, c, framed(ask(1, "")))
		framedAnswer(t, c)
	}
	send(t, busy, append(framed(ask(2, "wait")), framed(ask(3, ""))...))
	block <- struct{}{} // it is being answered
	send(t, busy, framed(ask(4, "wait")))
	send(t, queued, framed(ask(5, "")))
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop()
	}()
	ended(t, idle)
	close(block)
	for _, want := range []uint16{2, 3, 4} {
		if got := id(framedAnswer(t, busy)); got != want {
			t.Errorf("answer to %d, want %d", got, want)
		}
	}
	if got := id(framedAnswer(t, queued)); got != 5 {
		t.Errorf("answer to %d, want 5", got)
	}
	ended(t, busy)
	ended(t, queued)
	<-stopped
}

func TestTCPStopIsBounded(t *testing.T) {
	tune := echoing()
	tune.limits.message, tune.limits.grace = time.Hour, 50*time.Millisecond
	s, stop := start(t, Options{}, tune)
	c := dial(t, "tcp", s.Addresses()[0])
	send(t, c, append(framed(ask(1, "")), 0))
	framedAnswer(t, c)
	stop()
	ended(t, c)
	if _, err := io.ReadAll(c); err != nil {
		t.Errorf("after the end: %v", err)
	}
}

func TestConnectionCapsByOpenFiles(t *testing.T) {
	for files, want := range map[uint64]int{0: 2, 64: 32, 256: 128, 1024: 512, 1 << 20: 1000, 1<<64 - 1: 1000} {
		if got := connectionCap(files); got != want {
			t.Errorf("%d files: %d connections, want %d", files, got, want)
		}
	}
}

func TestClientIsItsNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.77":           "192.0.2.0/24",
		"::ffff:192.0.2.77":    "192.0.2.0/24",
		"2001:db8:1:22ff::1":   "2001:db8:1:2200::/56",
		"fe80::1%lo":           "fe80::/56",
		"2001:db8:1:2301::abc": "2001:db8:1:2300::/56",
	} {
		if got := clientOf(netip.MustParseAddr(address)).String(); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
