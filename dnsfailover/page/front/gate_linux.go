package front

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// gate lets connections into the loops, to each in turn. Most clients have sent their first request by then, and many send only one: it
// is answered right here, without a loop.
type gate struct {
	loops
	desk
	net.Listener
	file  *os.File // the same listener: one of package net can't be waited for without taking what comes
	raw   syscall.RawConn
	turns int
}

// entrance returns that of a listener whose connections go to the loops; nil if they don't.
func (ls loops) entrance(s *Server, l Listener) entrance {
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
		err = raw.Control(func(fd uintptr) {
			// Connections inherit it: the end of an answer doesn't wait until its beginning is acknowledged.
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
			// They are let in with their first request, or without it after a second or two.
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 1)
		})
	}
	if err != nil {
		file.Close()
		return nil
	}
	return &gate{loops: ls, desk: newDesk(s), Listener: l, file: file, raw: raw}
}

// Close is part of entrance.
func (g *gate) Close() error {
	return errors.Join(g.file.Close(), g.Listener.Close())
}

func (g *gate) next() error {
	var (
		fd     int
		from   netip.Addr
		failed syscall.Errno
	)
	err := g.raw.Read(func(listener uintptr) bool {
		fd, from, failed = accept(int(listener))
		return failed != unix.EAGAIN
	})
	switch {
	case err != nil:
		return err
	case failed != 0:
		return os.NewSyscallError("accept4", failed)
	}
	x := newConn(g.server, from, descriptor(fd))
	if !g.server.admit(x) {
		_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // no state of the refused is kept
		shut(fd)
		return nil
	}
	switch next, done := g.serve(x, fd, false, x.born); {
	case !done:
		g.leave(x, fd, next)
	case next == toClose:
		g.close(x, fd)
	default:
		g.turns++
		if err := g.all[g.turns%len(g.all)].add(x, fd); err != nil {
			g.close(x, fd)
			return err
		}
	}
	return nil
}
