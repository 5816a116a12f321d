package peers

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Bits of the header's second word.
const (
	flagQR = 1 << 15
	flagAA = 1 << 10
	flagTC = 1 << 9
	flagRD = 1 << 8
	flagRA = 1 << 7
	flagZ  = 1 << 6
	flagAD = 1 << 5
	flagCD = 1 << 4
)

// probeID is the identity of the query that shows that the server is alive; no other query has it.
const probeID = 0xA11E

// packet joins a header with identity 0xBEEF and what follows it.
func packet(flags uint16, counts [4]uint16, parts ...[]byte) []byte {
	out := binary.BigEndian.AppendUint16([]byte{0xBE, 0xEF}, flags)
	for _, n := range counts {
		out = binary.BigEndian.AppendUint16(out, n)
	}
	return append(out, bytes.Join(parts, nil)...)
}

// query is a packet with one question; qtype and class may follow the name.
func query(flags uint16, name string, codes ...uint16) []byte {
	return packet(flags, [4]uint16{1}, quest(name, codes...))
}

// edns is a query with an OPT record.
func edns(opt []byte, name string, codes ...uint16) []byte {
	return packet(0, [4]uint16{1, 0, 0, 1}, quest(name, codes...), opt)
}

// quest is a question for a name below conform.test.: A and IN, if nothing else is given.
func quest(name string, codes ...uint16) []byte {
	out := make([]byte, 300)
	if !strings.HasSuffix(name, ".") {
		name += ".conform.test."
	}
	n, err := dns.PackDomainName(name, out, 0, nil, false)
	if err != nil {
		panic(err)
	}
	code := []uint16{dns.TypeA, dns.ClassINET}
	copy(code, codes)
	out = binary.BigEndian.AppendUint16(out[:n], code[0])
	return binary.BigEndian.AppendUint16(out, code[1])
}

// option is an EDNS option.
func option(code uint16, data ...byte) []byte {
	out := binary.BigEndian.AppendUint16(nil, code)
	return append(binary.BigEndian.AppendUint16(out, uint16(len(data))), data...)
}

// optRecord is an OPT record with a payload size, the TTL's 32 bits and options.
func optRecord(size uint16, ttl uint32, options ...[]byte) []byte {
	out := binary.BigEndian.AppendUint16([]byte{0, 0, 41}, size)
	out = binary.BigEndian.AppendUint32(out, ttl)
	data := bytes.Join(options, nil)
	return append(binary.BigEndian.AppendUint16(out, uint16(len(data))), data...)
}

// alive is the query that shows that the server is alive.
func alive() []byte {
	q := query(0, "never")
	binary.BigEndian.PutUint16(q, probeID)
	return q
}

func isAlive(answer []byte) bool {
	return len(answer) > 12 && binary.BigEndian.Uint16(answer) == probeID && answer[2]&0x80 != 0 && answer[3]&0xF == 0 && answer[7] == 1
}

// wire is a client of one transport.
type wire struct {
	name string
	// exchange sends a packet, and then asks whether the server is alive. It returns what came before that answer; nil
	// for nothing, or for a connection that was closed instead.
	exchange func(t *testing.T, address string, packet []byte) []byte
}

var (
	wires = []wire{{"UDP", exchangeUDP}, {"TCP", exchangeTCP}}
	// everyWire has one function that judges what comes: what is refused over one must not pass over another.
	everyWire = append(slices.Clone(wires), wire{"TLS", exchangeTLS})
)

func exchangeUDP(t *testing.T, address string, packet []byte) []byte {
	t.Helper()
	c, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, p := range [][]byte{packet, alive()} {
		if _, err := c.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	var got []byte
	b := make([]byte, 1<<16)
	for {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		n, err := c.Read(b)
		if err != nil {
			t.Fatalf("the server is not alive any more: %v", err)
		}
		switch {
		case isAlive(b[:n]):
			return got
		case got != nil:
			t.Fatalf("two answers: %x and %x", got, b[:n])
		}
		got = slices.Clone(b[:n])
	}
}

func exchangeTCP(t *testing.T, address string, packet []byte) []byte {
	t.Helper()
	return exchangeOver(t, func() *stream { return dialStream(t, address) }, packet)
}

// exchangeTLS goes to the address for TLS of the server that listens on address.
func exchangeTLS(t *testing.T, address string, packet []byte) []byte {
	t.Helper()
	at, ok := overTLS.Load(address)
	if !ok {
		t.Fatalf("%s does not listen for TLS", address)
	}
	return exchangeOver(t, func() *stream {
		s := dialStream(t, at.(string))
		s.Conn = tls.Client(s.Conn, &tls.Config{InsecureSkipVerify: true})
		return s
	}, packet)
}

// overTLS has the addresses for TLS, by that for UDP and TCP, of all servers that were started.
var overTLS sync.Map

func exchangeOver(t *testing.T, dial func() *stream, packet []byte) []byte {
	t.Helper()
	s := dial()
	defer s.Close()
	s.send(packet)
	got, err := s.receive()
	if errors.Is(err, errClosed) {
		got = nil
	} else if err != nil {
		t.Fatal(err)
	}
	if isAlive(got) { // it answered nothing else
		return nil
	}
	next := dial()
	defer next.Close()
	if answer, err := next.receive(); !isAlive(answer) {
		t.Fatalf("the server is not alive any more: %v %x", err, answer)
	}
	return got
}

// stream is a TCP connection over which alive was asked already, with a delay that lets it be the second.
type stream struct {
	net.Conn
	t     *testing.T
	asked bool
}

func dialStream(t *testing.T, address string) *stream {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	return &stream{Conn: c, t: t}
}

// frame puts the length before a message.
func frame(message []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}

func (s *stream) send(messages ...[]byte) {
	var out []byte
	for _, m := range messages {
		out = append(out, frame(m)...)
	}
	_, _ = s.Write(out) // a server that closes shows when it is read
}

var errClosed = errors.New("the connection was closed")

// receive returns the next answer. If none of another query is on its way, it is that to alive.
func (s *stream) receive() ([]byte, error) {
	if !s.asked {
		s.asked = true
		s.send(alive())
	}
	return s.read()
}

// read returns the next message.
func (s *stream) read() ([]byte, error) {
	_ = s.SetReadDeadline(time.Now().Add(patience))
	var length [2]byte
	if _, err := io.ReadFull(s, length[:]); err != nil {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return nil, err
		}
		return nil, errClosed
	}
	out := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(s, out); err != nil {
		return nil, err
	}
	return out, nil
}
