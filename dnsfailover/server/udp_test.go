package server

import (
	"bytes"
	"context"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// eachLoop runs a test over the loop of this system and over the portable one.
func eachLoop(t *testing.T, test func(t *testing.T, portable bool)) {
	t.Run("batch loop", func(t *testing.T) {
		if !batches {
			t.Skip("there is none on this system")
		}
		test(t, false)
	})
	t.Run("portable loop", func(t *testing.T) { test(t, true) })
}

func TestUDPAnswers(t *testing.T) {
	eachLoop(t, func(t *testing.T, portable bool) {
		for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
			s, _ := start(t, Options{Addresses: addresses(address), Portable: portable}, echoing())
			c := dial(t, "udp", s.Addresses()[0])
			for i := range uint16(200) {
				send(t, c, ask(i, "hello"))
				if got := datagram(t, c); id(got) != i || string(got[headerLength:]) != "hello" || got[2] != 0x80 {
					t.Fatalf("%s: answer %x to query %d", address, got, i)
				}
			}
		}
	})
}

func TestEveryTransportKnowsWhoAsks(t *testing.T) {
	eachLoop(t, func(t *testing.T, portable bool) {
		for bound, clients := range map[string][]string{"127.0.0.1:0": {"127.0.0.1", "127.3.2.1"}, "[::1]:0": {"::1"}} {
			s, _ := startTLS(t, Options{
				Addresses: addresses(bound), Portable: portable,
			}, echoing())
			for _, client := range clients {
				from := netip.AddrPortFrom(netip.MustParseAddr(client), 0)
				udp := dialFrom(t, "udp", from, s.Addresses()[0])
				send(t, udp, ask(1, "who"))
				tcp := dialFrom(t, "tcp", from, s.Addresses()[0])
				send(t, tcp, framed(ask(1, "who")))
				for _, answer := range [][]byte{datagram(t, udp), framedAnswer(t, tcp)} {
					if got := string(answer[headerLength:]); got != client {
						t.Errorf("%s is taken for %s", client, got)
					}
				}
			}
		}
	})
}

// One client's packets stay in order with one worker, so once the last query is answered all before it are dealt with.
func TestUDPPacketsThatGetNoAnswer(t *testing.T) {
	eachLoop(t, func(t *testing.T, portable bool) {
		s, _ := start(t, Options{Portable: portable, Workers: 1}, echoing())
		c := dial(t, "udp", s.Addresses()[0])
		for length := range headerLength {
			send(t, c, make([]byte, length))
		}
		response := ask(1, "")
		response[2] = 0x80
		send(t, c, response)
		send(t, c, make([]byte, maxQuery+1))
		send(t, c, ask(2, "last"))
		if got := datagram(t, c); id(got) != 2 {
			t.Fatalf("answer %x, want one to the last query alone", got)
		}
		dropped := s.Counters().Dropped
		if dropped["unanswered"] != headerLength+1 || dropped["oversize"] != 1 {
			t.Errorf("dropped %v, want 13 unanswered and 1 oversize", dropped)
		}
	})
}

func TestUDPLongestQueryAndAnswer(t *testing.T) {
	eachLoop(t, func(t *testing.T, portable bool) {
		s, _ := start(t, Options{Portable: portable, Workers: 1}, echoing())
		c := dial(t, "udp", s.Addresses()[0])
		send(t, c, ask(1, "full"))
		if got := datagram(t, c); len(got) != maxAnswer {
			t.Errorf("%d octets, want %d", len(got), maxAnswer)
		}
		send(t, c, append(ask(2, ""), make([]byte, maxQuery-headerLength)...))
		if got := datagram(t, c); len(got) != maxAnswer || id(got) != 2 {
			t.Errorf("%d octets for the longest query, want %d", len(got), maxAnswer)
		}
	})
}

func TestUDPWildcardAnswersFromTheAddressAsked(t *testing.T) {
	asked := map[string][]string{
		"0.0.0.0:0": {"127.0.0.1", "127.0.0.2", "127.1.2.3"},
		"[::]:0":    {"::1"},
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		own, _ := i.Addrs()
		for _, a := range own {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is6() {
				address := p.Addr()
				if address.IsLinkLocalUnicast() {
					address = address.WithZone(i.Name)
				}
				asked["[::]:0"] = append(asked["[::]:0"], address.String())
			}
		}
	}
	eachLoop(t, func(t *testing.T, portable bool) {
		for bound, asked := range asked {
			s, _ := start(t, Options{Addresses: addresses(bound), Portable: portable}, echoing())
			for _, a := range asked {
				c := dial(t, "udp", netip.AddrPortFrom(netip.MustParseAddr(a), s.Addresses()[0].Port()))
				for i := range uint16(3) {
					send(t, c, ask(i, a))
					if got := datagram(t, c); id(got) != i {
						t.Errorf("%s at %s: answer %x to query %d", a, bound, got, i)
					}
				}
			}
			if n := s.Counters().SendErrors; n != 0 {
				t.Errorf("%s: %d send errors", bound, n)
			}
		}
	})
}

func TestWildcardIPv6DoesNotTakeIPv4(t *testing.T) {
	eachLoop(t, func(t *testing.T, portable bool) {
		s, _ := start(t, Options{Addresses: addresses("[::]:0"), Portable: portable}, echoing())
		port := s.Addresses()[0].Port()
		both := netip.AddrPortFrom(netip.IPv4Unspecified(), port)
		other, err := listen(prepared(Options{Addresses: []netip.AddrPort{both}}), echoing())
		if err != nil {
			t.Fatalf("IPv4 is not free beside IPv6: %v", err)
		}
		discard(other)
	})
}

func TestUDPPanicLosesOneQuery(t *testing.T) {
	eachLoop(t, func(t *testing.T, portable bool) {
		for _, lost := range []string{"panic", "bound"} {
			log, logger := newLog()
			s, err := listen(prepared(Options{Portable: portable, Log: logger, Workers: 1}), echoing())
			if err != nil {
				t.Fatal(err)
			}
			c := dial(t, "udp", s.Addresses()[0])
			const queries = 20 // in one batch, as nobody reads yet
			for i := range uint16(queries) {
				if i == 7 {
					send(t, c, ask(i, lost))
				} else {
					send(t, c, ask(i, "fine"))
				}
			}
			discard(s)
			for i := range uint16(queries) {
				if i == 7 {
					continue
				}
				if got := id(datagram(t, c)); got != i {
					t.Fatalf("%s: answer to %d, want %d", lost, got, i)
				}
			}
			if got := s.Counters().Panics; got != 1 {
				t.Errorf("%s: %d panics counted, want 1", lost, got)
			}
			if line := <-log; !strings.Contains(line, hex.EncodeToString(ask(7, lost))) || len(log) != 0 {
				t.Errorf("%s: logged %q and %d lines more, want the query in hex", lost, line, len(log))
			}
		}
	})
}

func TestUDPStopAnswersWhatIsQueued(t *testing.T) {
	eachLoop(t, func(t *testing.T, portable bool) {
		s, err := listen(prepared(Options{Portable: portable, Workers: 4}), echoing())
		if err != nil {
			t.Fatal(err)
		}
		const clients, queries = 8, 40
		var conns []net.Conn
		for range clients {
			c := dial(t, "udp", s.Addresses()[0])
			for i := range uint16(queries) {
				send(t, c, ask(i, ""))
			}
			conns = append(conns, c)
		}
		discard(s) // runs when its context has ended already
		for _, c := range conns {
			answered := make(map[uint16]bool) // in any order: portable workers share a socket
			for range queries {
				answered[id(datagram(t, c))] = true
			}
			if len(answered) != queries {
				t.Errorf("%d of %d queries answered", len(answered), queries)
			}
		}
	})
}

func TestUDPSourcePort0GetsNoAnswer(t *testing.T) {
	raw, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_RAW, syscall.IPPROTO_UDP)
	if err != nil {
		t.Skipf("raw sockets: %v", err)
	}
	defer syscall.Close(raw)
	eachLoop(t, func(t *testing.T, portable bool) {
		s, _ := start(t, Options{Portable: portable, Workers: 1}, echoing())
		port := s.Addresses()[0].Port()
		query := ask(1, "from port 0")
		packet := []byte{0, 0, byte(port >> 8), byte(port), 0, byte(8 + len(query)), 0, 0} // no checksum
		packet = append(packet, query...)
		if err := syscall.Sendto(raw, packet, 0, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		c := dial(t, "udp", s.Addresses()[0])
		send(t, c, ask(2, ""))
		datagram(t, c)
		if got := s.Counters(); got.Dropped["port_0"] != 1 || got.SendErrors != 0 {
			t.Errorf("dropped %v, send errors %d, want 1 from port 0", got.Dropped, got.SendErrors)
		}
	})
}

// Every worker takes its share: the kernel deals clients out to the sockets of one port.
func TestUDPWorkersShareThePort(t *testing.T) {
	if !batches {
		t.Skip("one socket for all on this system")
	}
	s, _ := start(t, Options{Workers: 3}, echoing())
	var wg sync.WaitGroup
	for range 64 {
		c := dial(t, "udp", s.Addresses()[0])
		wg.Go(func() {
			if _, err := c.Write(ask(1, "")); err != nil {
				t.Error(err)
				return
			}
			answer := make([]byte, 100)
			if n, err := c.Read(answer); err != nil || !bytes.Equal(answer[:2], ask(1, "")[:2]) {
				t.Errorf("answer %x: %v", answer[:n], err)
			}
		})
	}
	wg.Wait()
	for i, w := range s.workers {
		sums := make(map[QueryCount]uint64)
		w.engine.tally.add(sums, "udp")
		if len(sums) == 0 {
			t.Errorf("worker %d answered nothing", i)
		}
	}
}

// broken is a socket that reports errors, then its deadline.
type broken struct{ errors []error }

func (b *broken) receive(wait bool) ([]packet, error) {
	if len(b.errors) == 0 || !wait {
		return nil, nil
	}
	err := b.errors[0]
	b.errors = b.errors[1:]
	return nil, err
}

func (b *broken) send([]packet) int { return 0 }

func TestUDPReceiveErrorsDoNotEndTheWorker(t *testing.T) {
	e := &engine{}
	w := &worker{engine: e, socket: &broken{errors: []error{
		syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENOMEM, context.DeadlineExceeded, net.ErrClosed,
	}}}
	w.run(time.Second)
	if n := e.tally.dropped[unreadable].Load(); n != 4 {
		t.Errorf("%d receive errors counted, want 4", n)
	}
}
