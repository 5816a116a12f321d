//go:build linux && (amd64 || arm64)

package server

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// crowd is how many packets at once leave no time to wait.
const crowd = batchSize / 4

// waiter lets a worker wait for its socket, and takes the socket from the poller while there is no time to wait.
//
// While a socket is in an epoll set the kernel wakes that up for every answer that leaves, since there is room for
// another one then: 4 to 6 % of all it takes to answer. So the runtime's poller doesn't watch the socket but an epoll set of the
// waiter's own, which the socket is put into when there is nothing to read, and taken out of when packets come in crowds. A
// server that gets one query at a time pays 2 µs for each, of about 25.
type waiter struct {
	fd    int // the socket, outside of the runtime's poller
	epoll int
	event unix.EpollEvent // what fd is waited for
	armed bool            // fd is in epoll

	set   *os.File        // epoll
	raw   syscall.RawConn // set's
	woken atomic.Bool     // by wake
}

// newWaiter takes over the socket that raw stands for, which can be closed then.
func newWaiter(raw syscall.RawConn) (*waiter, error) {
	w := &waiter{event: unix.EpollEvent{Events: unix.EPOLLIN}}
	err := onSocket(raw, func(fd int) (err error) {
		w.fd, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		return os.NewSyscallError("fcntl", err)
	})
	if err != nil {
		return nil, err
	}
	if w.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		_ = unix.Close(w.fd)
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	_ = unix.SetNonblock(w.epoll, true) // this is what makes NewFile hand it to the poller
	w.set = os.NewFile(uintptr(w.epoll), "epoll")
	if w.raw, err = w.set.SyscallConn(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// wait calls ready until it returns true, whenever there may be something to read.
func (w *waiter) wait(ready func(uintptr) bool) error {
	if !w.armed {
		if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, w.fd, &w.event); err != nil {
			return os.NewSyscallError("epoll_ctl", err)
		}
		w.armed = true
	}
	err := w.raw.Read(ready)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return net.ErrClosed
	}
	return err
}

// waitForRoom waits until the send buffer is not full any more, for sendWait at most.
func (w *waiter) waitForRoom() {
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLOUT}}, int(sendWait.Milliseconds()))
}

func (w *waiter) wake() {
	w.woken.Store(true)
	_ = w.set.SetReadDeadline(longAgo)
}

func (w *waiter) overflow() uint64 { return overflow(w.fd) }

// leave takes the socket from the poller. If the system refuses, it stays, at its price.
func (w *waiter) leave() {
	if w.armed {
		w.armed = unix.EpollCtl(w.epoll, unix.EPOLL_CTL_DEL, w.fd, nil) != nil
	}
}

func (w *waiter) close() {
	_ = w.set.Close()
	_ = unix.Close(w.fd)
}
