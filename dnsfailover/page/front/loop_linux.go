package front

import (
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// atOnce is how many connections a loop looks at before it asks again which are ready.
const atOnce = 64

// loop answers the plain requests of many connections without TLS. Each connection is a descriptor in an epoll set, and the set is
// what the runtime's poller watches: a batch of requests costs one wake-up of one goroutine, and a request two system calls.
type loop struct {
	desk
	epoll  int
	set    *os.File // epoll
	events [atOnce]unix.EpollEvent
	ready  [atOnce]*conn

	mu    sync.Mutex
	conns []*conn // by descriptor
}

type loops struct {
	all []*loop
	run *sync.WaitGroup
}

// startLoops starts a loop for each processor.
func (s *Server) startLoops() (loops, error) {
	out := loops{run: &sync.WaitGroup{}}
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
	return &loop{desk: newDesk(s), epoll: epoll, set: os.NewFile(uintptr(epoll), "epoll")}, nil
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
				l.handle(x, &l.events[i], now)
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

// handle does what an event of x's asks for.
func (l *loop) handle(x *conn, event *unix.EpollEvent, now time.Time) {
	fd := int(event.Fd)
	next, done := l.serve(x, fd, event.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0, now)
	switch {
	case !done:
		_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, fd, nil)
		l.remove(fd)
		l.leave(x, fd, next)
	case next == toClose:
		l.remove(fd)
		l.close(x, fd)
	case now.Sub(x.since) > l.coarse:
		l.server.census.waits(x, now)
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
