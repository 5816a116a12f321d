package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
)

// refused expects Listen to refuse with a sentence that has each of parts.
func refused(t *testing.T, opt Options, parts ...string) {
	t.Helper()
	s, err := listen(prepared(opt), echoing())
	if err == nil {
		discard(s)
		t.Fatalf("%v: not refused", opt.Addresses)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q doesn't say %q", err, part)
		}
	}
}

// Faults 22 and 34.
func TestSecondInstanceIsRefused(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"} {
		eachLoop(t, func(t *testing.T, portable bool) {
			first, _ := start(t, Options{Addresses: addresses(address), Portable: portable}, echoing())
			at := first.Addresses()[0]
			refused(t, Options{Addresses: first.Addresses(), Portable: portable}, at.String(), "in use by another program")
			if at.Addr().IsUnspecified() {
				at = netip.AddrPortFrom(netip.MustParseAddr(map[bool]string{true: "127.0.0.1", false: "::1"}[at.Addr().Is4()]), at.Port())
			}
			c := dial(t, "udp", at)
			send(t, c, ask(1, ""))
			datagram(t, c)
		})
	}
}

// Fault 34: a program that shares its port with whoever asks.
func TestPortSharedByAnotherProgramIsRefused(t *testing.T) {
	other, err := listenUDP(netip.MustParseAddrPort("127.0.0.1:0"), true)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	refused(t, Options{Addresses: addresses(other.LocalAddr().String())}, "in use by another program", "UDP")
}

// onlyUDP takes a port for UDP that is free for TCP.
func onlyUDP(t *testing.T) net.PacketConn {
	t.Helper()
	for {
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if tcp, err := net.Listen("tcp", udp.LocalAddr().String()); err == nil {
			tcp.Close()
			return udp
		}
		udp.Close()
	}
}

// Fault 23: what was bound before the address that fails is free again.
func TestListenIsAllOrNothing(t *testing.T) {
	udp := onlyUDP(t)
	defer udp.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	for _, taken := range []net.Addr{udp.LocalAddr(), tcp.Addr()} {
		s, err := listen(prepared(Options{}), echoing())
		if err != nil {
			t.Fatal(err)
		}
		free := s.Addresses()[0]
		discard(s)
		list := []netip.AddrPort{free, netip.MustParseAddrPort(taken.String())}
		refused(t, Options{Addresses: list}, taken.String()+" is in use by another program", strings.ToUpper(taken.Network()))
		s, err = listen(prepared(Options{Addresses: list[:1]}), echoing())
		if err != nil {
			t.Fatalf("%s is still held: %v", free, err)
		}
		discard(s)
	}
}

func TestListenSaysWhatIsWrong(t *testing.T) {
	refused(t, Options{Addresses: []netip.AddrPort{}}, "no address")
	refused(t, Options{Addresses: addresses("198.51.100.77:0")}, "no interface of this host has the address 198.51.100.77")
	refused(t, Options{Addresses: addresses("0.0.0.0:5353", "127.0.0.1:5353")}, "0.0.0.0:5353", "127.0.0.1:5353", "one includes the other")
	refused(t, Options{Addresses: addresses("[::1]:5353", "[::]:5353")}, "one includes the other")
	refused(t, Options{Addresses: addresses("127.0.0.1:5353", "127.0.0.1:5353")}, "one includes the other")
}

// Fault 26, and what the test can't provoke without privileges to lose.
func TestExplain(t *testing.T) {
	address := netip.MustParseAddrPort("0.0.0.0:53")
	for errno, want := range map[syscall.Errno]string{
		syscall.EACCES: "no permission to listen on 0.0.0.0:53 (UDP): allow it with `setcap cap_net_bind_service=+ep` on the binary, " +
			"or with AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit",
		syscall.EADDRINUSE: "0.0.0.0:53 is in use by another program: stop it, or listen elsewhere (UDP; to find it: ss -lntup 'sport = :53')",
		syscall.ENOBUFS:    "listen on 0.0.0.0:53 (UDP): bind: no buffer space available",
	} {
		if got := explain(address, "UDP", fmt.Errorf("bind: %w", errno)).Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if !errors.Is(explain(address, "UDP", syscall.EAFNOSUPPORT), syscall.EAFNOSUPPORT) {
		t.Error("a missing address family can't be told from other errors")
	}
}

func TestPort0IsTheSameForUDPAndTCP(t *testing.T) {
	eachLoop(t, func(t *testing.T, portable bool) {
		s, _ := start(t, Options{Addresses: addresses("127.0.0.1:0", "[::1]:0", "127.0.0.1:0"), Portable: portable}, echoing())
		if len(s.Addresses()) != 3 {
			t.Fatalf("addresses %v", s.Addresses())
		}
		for _, a := range s.Addresses() {
			c := dial(t, "udp", a)
			send(t, c, ask(1, ""))
			datagram(t, c)
			c = dial(t, "tcp", a)
			send(t, c, framed(ask(1, "")))
			framedAnswer(t, c)
		}
	})
}
