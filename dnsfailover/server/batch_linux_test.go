//go:build linux && (amd64 || arm64)

package server

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// oneBatch returns a worker that nobody runs, and a client of it.
func oneBatch(t testing.TB, address string) (*worker, *batch, net.Conn) {
	s, err := listen(prepared(Options{Addresses: addresses(address), Workers: 1}), echoing())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { discard(s) })
	at := s.Addresses()[0]
	c, err := net.Dial("udp", strings.NewReplacer("0.0.0.0", "127.0.0.2", "[::]", "[::1]").Replace(at.String()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return s.workers[0], s.workers[0].socket.(*batch), c
}

// Fault 66: what the system refuses is counted and skipped, and the rest is sent.
func TestBatchSendErrors(t *testing.T) {
	refusals := map[string]struct {
		script  []syscall.Errno // by call; 0 lets one message through, after the last the buffer is full
		refused uint64
		want    []uint16
	}{
		"partial sends go on":               {[]syscall.Errno{0, 0, 0}, 0, []uint16{0, 1, 2}},
		"ENOBUFS skips one":                 {[]syscall.Errno{0, unix.ENOBUFS, 0}, 1, []uint16{0, 2}},
		"EPERM skips one":                   {[]syscall.Errno{unix.EPERM, 0, 0}, 1, []uint16{1, 2}},
		"ECONNREFUSED skips one":            {[]syscall.Errno{0, 0, unix.ECONNREFUSED}, 1, []uint16{0, 1}},
		"all refused":                       {[]syscall.Errno{unix.EPERM, unix.EPERM, unix.EPERM}, 3, nil},
		"EINTR is tried again":              {[]syscall.Errno{unix.EINTR, 0, unix.EINTR, 0, 0}, 0, []uint16{0, 1, 2}},
		"a full buffer is waited for":       {[]syscall.Errno{0, unix.EAGAIN, 0, 0}, 0, []uint16{0, 1, 2}},
		"a buffer that stays full gives up": {[]syscall.Errno{0, unix.EAGAIN}, 2, []uint16{0}},
	}
	for name, test := range refusals {
		t.Run(name, func(t *testing.T) {
			w, b, c := oneBatch(t, "127.0.0.1:0")
			script := test.script
			b.sendmmsg = func(fd int, messages []message) (int, syscall.Errno) {
				if len(script) == 0 {
					return 0, unix.EAGAIN
				}
				errno := script[0]
				script = script[1:]
				if errno != 0 {
					return 0, errno
				}
				return sendmmsg(fd, messages[:1])
			}
			for i := range uint16(3) {
				send(t, c, ask(i, ""))
			}
			if got, err := w.batch(true); got != 3 || err != nil {
				t.Fatalf("%d packets, %v", got, err)
			}
			if got := w.refused.Load(); got != test.refused {
				t.Errorf("%d refused, want %d", got, test.refused)
			}
			for _, want := range test.want {
				if got := id(datagram(t, c)); got != want {
					t.Errorf("answer to %d, want %d", got, want)
				}
			}
			if len(script) != 0 {
				t.Errorf("%d calls fewer than expected", len(script))
			}

			b.sendmmsg = sendmmsg
			send(t, c, ask(9, ""))
			if _, err := w.batch(true); err != nil {
				t.Fatal(err)
			}
			if got := id(datagram(t, c)); got != 9 {
				t.Errorf("answer to %d after the errors, want 9", got)
			}
		})
	}
}

func TestBatchReceiveErrors(t *testing.T) {
	w, b, c := oneBatch(t, "127.0.0.1:0")
	script := []syscall.Errno{unix.EINTR, unix.ECONNREFUSED, 0}
	b.recvmmsg = func(fd int, messages []message) (int, syscall.Errno) {
		errno := script[0]
		script = script[1:]
		if errno != 0 {
			return 0, errno
		}
		return recvmmsg(fd, messages)
	}
	send(t, c, ask(1, ""))
	if _, err := w.batch(true); err != unix.ECONNREFUSED {
		t.Errorf("%v, want %v", err, unix.ECONNREFUSED)
	}
	if got, err := w.batch(true); got != 1 || err != nil {
		t.Errorf("%d packets, %v; want 1", got, err)
	}
	b.recvmmsg = recvmmsg // for the cleanup
}

func TestBatchDoesNotAllocate(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"} {
		w, _, c := oneBatch(t, address)
		query, answer := ask(1, "hello"), make([]byte, 100)
		allocations := testing.AllocsPerRun(20, func() {
			for range batchSize {
				if _, err := c.Write(query); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := w.batch(true); got != batchSize || err != nil {
				t.Fatalf("%d packets, %v", got, err)
			}
			for range batchSize {
				if _, err := c.Read(answer); err != nil {
					t.Fatal(err)
				}
			}
		})
		if allocations != 0 {
			t.Errorf("%s: %v allocations per batch", address, allocations)
		}
		if n := w.refused.Load(); n != 0 {
			t.Errorf("%s: %d refused", address, n)
		}
	}
}

// However crowds and single packets follow each other, whoever waits is woken.
func TestBatchWaits(t *testing.T) {
	w, b, c := oneBatch(t, "127.0.0.1:0")
	crowds := func() {
		for range batchSize {
			send(t, c, ask(0, ""))
		}
		if got, err := w.batch(true); got != batchSize || err != nil {
			t.Fatalf("%d packets, %v", got, err)
		}
		for range batchSize {
			datagram(t, c)
		}
		if b.armed {
			t.Error("the socket is in the epoll set while packets come in crowds")
		}
	}
	single := func(id uint16) {
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			time.Sleep(time.Millisecond) // so that the worker mostly waits already; either way it must get the packet
			send(t, c, ask(id, ""))
		}()
		if got, err := w.batch(true); got != 1 || err != nil {
			t.Fatalf("%d packets, %v", got, err)
		}
		<-sent
		datagram(t, c)
	}
	crowds() // the epoll set is still empty
	for i := range uint16(20) {
		single(i)
		single(i)
		crowds()
		crowds()
	}
	b.wake()
	if _, err := w.batch(true); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("woken with %v", err)
	}
	send(t, c, ask(1, ""))
	if _, err := w.batch(true); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("woken with %v while there is something to read", err)
	}
}

func TestUDPOverflowIsCounted(t *testing.T) {
	s, err := listen(prepared(Options{Workers: 1}), echoing())
	if err != nil {
		t.Fatal(err)
	}
	defer discard(s)
	if err := unix.SetsockoptInt(s.workers[0].socket.(*batch).fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1); err != nil {
		t.Fatal(err)
	}
	c := dial(t, "udp", s.Addresses()[0])
	for range 100 {
		send(t, c, ask(1, strings.Repeat("x", 1000)))
	}
	if n := s.Counters().Dropped["overflow"]; n < 50 || n > 100 {
		t.Errorf("overflow %d, want most of 100", n)
	}
}

// Faults 32 and 56: with no files left TCP waits, UDP goes on, the log says so, and nothing is lost.
func TestNoFilesLeft(t *testing.T) {
	log, logger := newLog()
	s, _ := start(t, Options{Log: logger, Workers: 1}, echoing())
	at := s.Addresses()[0]
	udp := dial(t, "udp", at)
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(client)

	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	restore := func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) }
	defer restore()
	low := limit
	low.Cur = uint64(client) + 20
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	var filler []int
	defer func() {
		for _, fd := range filler {
			unix.Close(fd)
		}
	}()
	for {
		fd, err := unix.Dup(client)
		if err != nil {
			break
		}
		filler = append(filler, fd)
	}

	if err := unix.Connect(client, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
		t.Fatal(err)
	}
	if line := <-log; !strings.Contains(line, "no more room") || !strings.Contains(line, "too many open files") {
		t.Errorf("logged %q", line)
	}
	for i := range uint16(100) {
		send(t, udp, ask(i, ""))
		datagram(t, udp)
	}
	restore()
	if _, err := unix.Write(client, framed(ask(1, ""))); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 100)
	if n, err := unix.Read(client, answer); n != 2+headerLength || err != nil {
		t.Errorf("answer %x, %v", answer[:max(n, 0)], err)
	}
}
