package peers

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// numbered returns a query for a name with an identity.
func numbered(id uint16, name string, qtype uint16) []byte {
	q := query(0, name, qtype)
	binary.BigEndian.PutUint16(q, id)
	return q
}

// TestStream holds RFC 7766 and what others learned (156 to 165).
func TestStream(t *testing.T) {
	s := startOurs(t, conformWorld(t), "")
	read := func(t *testing.T, c *stream, want int) map[uint16]*dns.Msg {
		t.Helper()
		got := map[uint16]*dns.Msg{}
		for range want {
			answer, err := c.read()
			if err != nil {
				t.Fatalf("after %d of %d answers: %v", len(got), want, err)
			}
			m := parsed(answer)
			if got[m.Id] != nil || m.Rcode != dns.RcodeSuccess {
				t.Fatalf("not an answer, or a second one:\n%v", m)
			}
			got[m.Id] = m
		}
		return got
	}
	t.Run("156 157 fifty queries, one after the other", func(t *testing.T) {
		c := dialStream(t, s.address)
		defer c.Close()
		for id := range uint16(50) {
			c.send(numbered(id, "www", dns.TypeA))
			if got := read(t, c, 1); got[id] == nil || len(got[id].Answer) != 2 {
				t.Fatalf("query %d was answered with %v", id, got)
			}
		}
	})
	t.Run("158 a hundred queries in one write", func(t *testing.T) {
		c := dialStream(t, s.address)
		defer c.Close()
		var all [][]byte
		for id := range uint16(100) {
			all = append(all, numbered(id, []string{"www", "huge"}[id%2], []uint16{dns.TypeA, dns.TypeTXT}[id%2]))
		}
		c.send(all...)
		read(t, c, 100)
	})
	t.Run("159 one octet at a time", func(t *testing.T) {
		c := dialStream(t, s.address)
		defer c.Close()
		_ = c.Conn.(*net.TCPConn).SetNoDelay(true)
		for _, b := range frame(numbered(7, "www", dns.TypeA)) {
			if _, err := c.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
		read(t, c, 1)
	})
	t.Run("160 half closed", func(t *testing.T) {
		c := dialStream(t, s.address)
		defer c.Close()
		c.send(numbered(7, "huge", dns.TypeTXT))
		_ = c.Conn.(*net.TCPConn).CloseWrite()
		if got := read(t, c, 1); len(got[7].Answer) != 30 {
			t.Errorf("126: %d answers", len(got[7].Answer))
		}
	})
	t.Run("161 162 lengths and garbage", func(t *testing.T) {
		for _, junk := range [][]byte{{0, 0}, {0, 5, 1, 2, 3, 4, 5}, bytes.Repeat([]byte{0xFF}, 1<<16), frame(query(flagQR, "www"))} {
			c := dialStream(t, s.address)
			_, _ = c.Write(junk)
			_ = c.Conn.(*net.TCPConn).CloseWrite()
			if got, err := c.read(); err == nil && len(got) > 12 {
				t.Errorf("%d octets of junk were answered with %d", len(junk), len(got))
			}
			c.Close()
			if got := exchangeTCP(t, s.address, numbered(3, "www", dns.TypeA)); len(got) == 0 {
				t.Error("the server is not alive any more")
			}
		}
	})
	t.Run("164 clients that never read", func(t *testing.T) {
		for range 20 {
			c := dialStream(t, s.address)
			t.Cleanup(func() { c.Close() })
			_ = c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
			var all [][]byte
			for id := range uint16(2000) {
				all = append(all, numbered(id, "huge", dns.TypeTXT))
			}
			c.send(all...)
		}
		if got := exchangeTCP(t, s.address, numbered(3, "www", dns.TypeA)); len(got) == 0 {
			t.Error("others are not served")
		}
	})
	t.Run("165 idle clients", func(t *testing.T) {
		for range 200 {
			c := dialStream(t, s.address)
			t.Cleanup(func() { c.Close() })
		}
		begin := time.Now()
		if got := exchangeTCP(t, s.address, numbered(3, "www", dns.TypeA)); len(got) == 0 || time.Since(begin) > time.Second {
			t.Errorf("a new query was answered with %x after %v", got, time.Since(begin))
		}
	})
}

// TestStreamsEnd holds that a connection that is idle, or stops in the middle of a query, is closed (166, 167).
func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	s := startOurs(t, conformWorld(t), "")
	for name, sent := range map[string][]byte{"166 idle": nil, "166 idle after a query": frame(numbered(1, "www", dns.TypeA)), "167 half a query": {0, 40, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dialStream(t, s.address)
			defer c.Close()
			if _, err := c.Write(sent); err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			if len(sent) > 3 {
				if _, err := c.read(); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := c.read(); err == nil {
				t.Fatalf("got %x", got)
			}
			took := time.Since(begin)
			if took > 15*time.Second {
				t.Errorf("the connection was closed after %v only", took)
			}
			t.Logf("closed after %v", took.Round(10*time.Millisecond))
		})
	}
}

// TestSource holds that an answer comes from where the query went (185), and that one to a well-known port is no echo (186).
func TestSource(t *testing.T) {
	s := startOurs(t, conformWorld(t), "")
	for _, from := range []string{"127.0.0.1:0", "127.0.53.53:53"} {
		c, err := net.ListenPacket("udp", from)
		if err != nil {
			t.Logf("can't send from %s: %v", from, err)
			continue
		}
		defer c.Close()
		to, err := net.ResolveUDPAddr("udp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range [][]byte{query(0, "www"), query(flagQR, "www"), alive()} {
			if _, err := c.WriteTo(p, to); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 2 {
			b := make([]byte, 512)
			_ = c.SetReadDeadline(time.Now().Add(patience))
			n, source, err := c.ReadFrom(b)
			if err != nil || source.String() != s.address || (i == 1) != isAlive(b[:n]) {
				t.Errorf("from %s: answer %d came from %v: %v %x", from, i, source, err, b[:n])
			}
		}
	}
}
