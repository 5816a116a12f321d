package front

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// TestWhoDoesNotReadIsLeft lets clients send without end, and read nothing: in each way that makes the server write.
func TestWhoDoesNotReadIsLeft(t *testing.T) {
	for name, client := range map[string]struct {
		secure bool
		send   func(t *testing.T, c net.Conn) error
	}{
		"requests":          {false, func(_ *testing.T, c net.Conn) error { return repeat(c, []byte(plain)) }},
		"requests over TLS": {true, func(t *testing.T, c net.Conn) error { return repeat(secured(t, c, "http/1.1", nil), []byte(plain)) }},
		"requests for net/http": {false, func(_ *testing.T, c net.Conn) error {
			return repeat(c, []byte("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"))
		}},
		"streams of HTTP/2": {true, streams},
		"new keys over HTTP/1.1": {true, func(t *testing.T, c net.Conn) error {
			return newKeys(t, c, "http/1.1", "GET / HTTP/1.1\r\nHost: a\r\nX: ", "x")
		}},
		"new keys over HTTP/2": {true, func(t *testing.T, c net.Conn) error {
			return newKeys(t, c, "h2", preface(), "\x00\x00\x00\xee\x00\x00\x00\x00\x00")
		}},
		"one request for so much": {false, func(_ *testing.T, c net.Conn) error { return repeat(c, []byte("GET /big HTTP/1.1\r\nHost: a\r\n\r\n")) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patient := hurried
			patient.Idle, patient.Head = 5*time.Second, 5*time.Second // it's not for saying nothing that they are left
			// Connections inherit the small buffer: it is full soon.
			small := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
				return raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 16<<10) })
			}}
			s, address := beginWith(t, small, patient, false, client.secure)
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			begun := time.Now()
			if err := client.send(t, c); err == nil {
				t.Error("it could send without end")
			}
			until(t, "the connection is closed", func() bool { return s.Counters().Open == 0 })
			t.Logf("left after %v", time.Since(begun).Round(time.Millisecond))
		})
	}
}

// repeat sends until that fails.
func repeat(c io.Writer, request []byte) error {
	for range 1 << 20 {
		if _, err := c.Write(request); err != nil {
			return err
		}
	}
	return nil
}

func secured(t *testing.T, c net.Conn, protocol string, keys io.Writer) *tls.Conn {
	t.Helper()
	s := tls.Client(c, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}, KeyLogWriter: keys, MinVersion: tls.VersionTLS13})
	if err := s.Handshake(); err != nil {
		t.Fatal(err)
	}
	return s
}

// preface begins HTTP/2.
func preface() string {
	var b bytes.Buffer
	b.WriteString(http2.ClientPreface)
	_ = http2.NewFramer(&b, nil).WriteSettings()
	return b.String()
}

// streams asks in one stream after the other, and resets each, so that there is always room for one more.
func streams(t *testing.T, c net.Conn) error {
	s := secured(t, c, "h2", nil)
	if _, err := io.WriteString(s, preface()); err != nil {
		return err
	}
	frames := http2.NewFramer(s, nil)
	var head bytes.Buffer
	fields := hpack.NewEncoder(&head)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a"}} {
		_ = fields.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	for id := uint32(1); id < 1<<22; id += 2 {
		if err := frames.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: head.Bytes(), EndHeaders: true, EndStream: true}); err != nil {
			return err
		}
		if err := frames.WritePing(false, [8]byte{}); err != nil {
			return err
		}
	}
	return nil
}

// newKeys asks for an update of keys (RFC 8446 section 4.6.3) time and again, which the server answers in kind whatever it is about to
// do, with some data between them, as crypto/tls wants it.
func newKeys(t *testing.T, c net.Conn, protocol, first, between string) error {
	var log bytes.Buffer
	secured(t, c, protocol, &log)
	k := keys{}
	for line := range strings.Lines(log.String()) {
		if f := strings.Fields(line); f[0] == "CLIENT_TRAFFIC_SECRET_0" {
			k.secret, _ = hex.DecodeString(f[2])
		}
	}
	out := k.record([]byte(first), 23)
	for range 1 << 14 {
		for range 15 {
			out = append(out, k.record([]byte{24, 0, 0, 1, 1}, 22)...)
			k.secret, k.sent = expand(k.secret, "traffic upd", 32), 0
		}
		out = append(out, k.record([]byte(between), 23)...)
		if _, err := c.Write(out); err != nil {
			return err
		}
		out = out[:0]
	}
	return nil
}

// keys are those of a client of TLS_AES_128_GCM_SHA256.
type keys struct {
	secret []byte
	sent   uint64 // records with this secret
}

// record returns a protected record (RFC 8446 section 5.2).
func (k *keys) record(content []byte, kind byte) []byte {
	block, _ := aes.NewCipher(expand(k.secret, "key", 16))
	seal, _ := cipher.NewGCM(block)
	nonce := expand(k.secret, "iv", 12)
	number := binary.BigEndian.AppendUint64(make([]byte, 4), k.sent)
	for i := range nonce {
		nonce[i] ^= number[i]
	}
	k.sent++
	head := binary.BigEndian.AppendUint16([]byte{23, 3, 3}, uint16(len(content)+1+seal.Overhead()))
	return seal.Seal(slices.Clone(head), nonce, append(slices.Clone(content), kind), head)
}

// expand is HKDF-Expand-Label (RFC 8446 section 7.1).
func expand(secret []byte, label string, size int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(size))
	info = append(info, byte(len("tls13 "+label)))
	info = append(append(info, "tls13 "+label...), 0)
	out, err := hkdf.Expand(sha256.New, secret, string(info), size)
	if err != nil {
		panic(err)
	}
	return out
}
