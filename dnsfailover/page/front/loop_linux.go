package front

import (
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// atOnce is how many connections a loop looks at before it asks again which are ready.
	atOnce = 64
	// rounds is how often it reads from one of them, which sends without end, before that gets a goroutine of its own.
	rounds = 16
)

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
		server: s, epoll: epoll, set: os.NewFile(uintptr(epoll), "epoll"), buf: &buffers{out: make([]byte, 0, 4*enough)},
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
		n = poll(l.epoll, l.events[:])
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
	for round := 1; ; round++ {
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
			if !l.flush(fd) || next == toPass || next != toRespond && b.n > 0 || next == toRead && round == rounds {
				l.leave(x, fd, next)
				return
			}
		}
		if next == toClose {
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

// add takes a connection into the loop.
func (l *loop) add(x *conn, fd int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for fd >= len(l.conns) {
		l.conns = append(l.conns, make([]*conn, len(l.conns)+64)...)
	}
	l.conns[fd] = x
	if errno := watch(l.epoll, fd); errno != 0 {
		l.conns[fd] = nil
		return os.NewSyscallError("epoll_ctl", errno)
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
	shut(fd)
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
