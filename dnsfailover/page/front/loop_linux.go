package front

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// atOnce is how many connections a loop looks at before it asks again which are ready.
const atOnce = 64

// loop answers the plain requests of many connections without TLS. Each connection is a descriptor in an epoll set, and the set is
// what the runtime's poller watches: a batch of requests costs one wake-up of one goroutine, and a request two system calls,
// neither of which blocks, so that the scheduler needn't know of them. Whatever can't be done at once gets a
// goroutine of its own: the rest of a head, the rest of an answer, a request for net/http.
type loop struct {
	server *Server
	epoll  int
	set    *os.File // epoll
	buf    *buffers
	events [atOnce]unix.EpollEvent
	ready  [atOnce]*conn
	coarse time.Duration // how precisely the census knows who waits

	mu    sync.Mutex
	conns []*conn // by descriptor
}

// descriptor is a connection as a loop has it.
type descriptor int

// CloseRead is part of readCloser.
func (fd descriptor) CloseRead() error { return unix.Shutdown(int(fd), unix.SHUT_RD) }

type loops struct {
	server *Server
	all    []*loop
	run    *sync.WaitGroup
}

// startLoops starts a loop for each processor.
func (s *Server) startLoops() (loops, error) {
	out := loops{server: s, run: &sync.WaitGroup{}}
	if s.portable {
		return out, nil
	}
	for range runtime.GOMAXPROCS(0) {
		l, err := newLoop(s)
		if err != nil {
			out.stop()
			return out, err
		}
		out.all = append(out.all, l)
		out.run.Go(l.turn)
	}
	return out, nil
}

// stop ends the loops, which must have no connections any more.
func (ls loops) stop() {
	for _, l := range ls.all {
		_ = l.set.Close()
	}
	ls.run.Wait()
}

func newLoop(s *Server) (*loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	_ = unix.SetNonblock(epoll, true) // this is what makes NewFile hand it to the poller
	return &loop{
		server: s, epoll: epoll, set: os.NewFile(uintptr(epoll), "epoll"), buf: &buffers{out: make([]byte, 0, 2*enough)},
		coarse: s.opt.Limits.Idle / 8,
	}, nil
}

// turn answers until the set is closed.
func (l *loop) turn() {
	raw, err := l.set.SyscallConn()
	if err != nil {
		return
	}
	n := 0
	wait := func(uintptr) bool {
		n = l.poll()
		return n > 0
	}
	for raw.Read(wait) == nil {
		now := time.Now()
		l.find(n)
		for i, x := range l.ready[:n] {
			if x != nil {
				l.serve(x, int(l.events[i].Fd), l.events[i].Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0, now)
			}
		}
	}
}

// poll returns how many events there are now.
func (l *loop) poll() int {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(l.epoll), uintptr(unsafe.Pointer(&l.events)), atOnce, 0, 0, 0)
		switch errno {
		case 0:
			return int(n)
		case unix.EINTR:
			continue
		}
		return 0
	}
}

// find puts the connections of n events into ready.
func (l *loop) find(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range n {
		l.ready[i] = l.conns[l.events[i].Fd]
	}
}

// serve reads what there is, and answers. The set tells of each change once, so it must read all: that it has is plain from
// a read that didn't fill the buffer, unless the other side has ended.
func (l *loop) serve(x *conn, fd int, ended bool, now time.Time) {
	b := l.buf
	for {
		n, errno := transfer(unix.SYS_READ, fd, b.in[:])
		switch {
		case errno == unix.EAGAIN:
			return
		case errno != 0 || n == 0:
			l.close(x, fd)
			return
		}
		b.n = n
		next := toRespond
		for next == toRespond {
			next = l.server.respond(x, false, b, now)
			if !l.flush(fd) || next == toPass || next != toRespond && b.n > 0 {
				l.leave(x, fd, next)
				return
			}
		}
		if next == toClose {
			_ = unix.Shutdown(fd, unix.SHUT_WR)
			l.close(x, fd)
			return
		}
		if n < len(b.in) && !ended {
			break
		}
	}
	if now.Sub(x.since) > l.coarse {
		l.server.census.waits(x, now)
	}
}

// flush sends what was answered, and returns whether there was room for all of it.
func (l *loop) flush(fd int) bool {
	b := l.buf
	if len(b.out) == 0 {
		return true
	}
	n, errno := transfer(unix.SYS_WRITE, fd, b.out)
	if errno != 0 {
		n = 0
	}
	b.out = b.out[:copy(b.out, b.out[n:])]
	return len(b.out) == 0
}

// transfer reads or writes once.
func transfer(call uintptr, fd int, b []byte) (int, syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// add takes a connection into the loop.
func (l *loop) add(x *conn, fd int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for fd >= len(l.conns) {
		l.conns = append(l.conns, make([]*conn, len(l.conns)+64)...)
	}
	l.conns[fd] = x
	event := unix.EpollEvent{Fd: int32(fd), Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		l.conns[fd] = nil
		return os.NewSyscallError("epoll_ctl", err)
	}
	return nil
}

func (l *loop) remove(fd int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[fd] = nil
}

func (l *loop) close(x *conn, fd int) {
	l.remove(fd)
	l.server.census.leave(x)
	_ = unix.Close(fd)
	l.server.ours.Done()
}

// leave makes a connection a stream that goes on with next.
func (l *loop) leave(x *conn, fd int, next step) {
	_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, fd, nil)
	l.remove(fd)
	st := &stream{server: l.server, client: x, conn: x, buf: take()}
	st.buf.n = copy(st.buf.in[:], l.buf.in[:l.buf.n])
	st.buf.out = append(st.buf.out, l.buf.out...)
	l.buf.out = l.buf.out[:0]
	file := os.NewFile(uintptr(fd), "tcp")
	defer file.Close()
	c, err := net.FileConn(file) // a duplicate that has nothing to do with file
	if err != nil {
		l.server.census.leave(x)
		l.server.ours.Done()
		return
	}
	x.TCPConn = c.(*net.TCPConn)
	l.server.census.becomes(x, x.TCPConn)
	go st.resume(next)
}

// gate lets connections into the loops, to each in turn.
type gate struct {
	loops
	net.Listener
	file  *os.File // the same listener: one of package net can't be waited for without taking what comes
	raw   syscall.RawConn
	turns int
}

// entrance returns that of a listener whose connections go to the loops; nil if they don't.
func (ls loops) entrance(l Listener) entrance {
	tcp, ok := l.Listener.(*net.TCPListener)
	if !ok || l.Secure || len(ls.all) == 0 {
		return nil
	}
	file, err := tcp.File()
	if err != nil {
		return nil
	}
	raw, err := file.SyscallConn()
	if err == nil {
		// Connections inherit it: the end of an answer doesn't wait until its beginning is acknowledged.
		err = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) })
	}
	if err != nil {
		file.Close()
		return nil
	}
	return &gate{loops: ls, Listener: l, file: file, raw: raw}
}

// Close is part of entrance.
func (g *gate) Close() error {
	return errors.Join(g.file.Close(), g.Listener.Close())
}

func (g *gate) next() error {
	var (
		fd     int
		from   unix.Sockaddr
		failed error
	)
	err := g.raw.Read(func(listener uintptr) bool {
		fd, from, failed = unix.Accept4(int(listener), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		return failed != unix.EAGAIN
	})
	switch {
	case err != nil:
		return err
	case failed == unix.EINTR:
		return nil
	case failed != nil:
		return os.NewSyscallError("accept4", failed)
	}
	x := newConn(g.server, addressOf(from), descriptor(fd))
	if !g.server.admit(x) {
		_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // no state of the refused is kept
		return unix.Close(fd)
	}
	g.turns++
	l := g.all[g.turns%len(g.all)]
	if err := l.add(x, fd); err != nil {
		l.close(x, fd)
		return err
	}
	return nil
}

func addressOf(from unix.Sockaddr) netip.Addr {
	switch a := from.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(a.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(a.Addr).Unmap()
	}
	return netip.Addr{}
}
