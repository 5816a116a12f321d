package checks

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Fault 33: what loopback can't bring about comes as the error that the kernel gives.
func TestDialReasonsAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for errno, want := range map[syscall.Errno]string{
		syscall.ECONNREFUSED:  "connection refused",
		syscall.ECONNRESET:    "connection reset",
		syscall.EHOSTUNREACH:  "no route: host unreachable",
		syscall.ENETUNREACH:   "no route: network unreachable",
		syscall.EPERM:         "not allowed to dial: a firewall on this host",
		syscall.EMFILE:        "too many open files on this host",
		syscall.EADDRNOTAVAIL: "no local address or port left to dial from",
		syscall.EINVAL:        "no route: this host throws away what is for there",
		syscall.ETIMEDOUT:     "connect timed out after 3s",
		syscall.ENOBUFS:       "no buffer space available",
	} {
		err := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", errno)}
		got := dialReason(err, 3*time.Second)
		if got != want {
			t.Errorf("%v: %q, want %q", errno, got, want)
		}
		if seen[got] {
			t.Errorf("%q stands for two errors", got)
		}
		seen[got] = true
	}
	if got, want := dialReason(&net.OpError{Op: "dial", Err: errors.New("odd")}, 0), "connect: odd"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCleanMakesForeignTextShort(t *testing.T) {
	if got, want := clean("a\x00b\x1b[2J\xff\n"), "a?b?[2J\ufffd?"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := clean(strings.Repeat("ä", 1000)); got != strings.Repeat("ä", 200)+"…" {
		t.Errorf("got %q", got)
	}
}

// Fault 34: a full backlog drops the SYN.
func TestConnectTimesOut(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(name.(*syscall.SockaddrInet4).Port))
	// The first ones fill the backlog.
	for range 8 {
		ctx, cancel := WithTimeout(t.Context(), hasty)
		defer cancel()
		conn, err := dial(ctx, addr)
		if err != nil {
			break
		}
		defer conn.Close()
	}
	ctx, cancel := WithTimeout(t.Context(), hasty)
	defer cancel()
	if r := (&TCPProbe{Address: addr}).Run(ctx); r.OK || r.Reason != "connect timed out after 150ms" {
		t.Errorf("%+v", r)
	}
}
