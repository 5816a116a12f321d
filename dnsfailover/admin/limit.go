package admin

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"
)

// limit returns a listener that has at most n connections open; more wait in the kernel's queue.
// Unlike netutil.LimitListener, its connections let withPeer see the connection beneath.
func limit(l net.Listener, n int, log *slog.Logger) net.Listener {
	return &limited{Listener: l, log: log, room: make(chan struct{}, n), closed: make(chan struct{})}
}

type limited struct {
	net.Listener
	log       *slog.Logger
	complaint time.Time     // when it was last logged that the system has no room; owned by Accept
	room      chan struct{} // holds one value per open connection
	once      sync.Once
	closed    chan struct{}
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.room <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &limitedConn{Conn: conn, room: l.room}, nil
}

// accept waits while the system has no files or no memory left. The queue stays as it is then, so trying again at
// once would spin; net/http would try again too, but write a line each time.
func (l *limited) accept() (net.Conn, error) {
	const shortest, longest = 5 * time.Millisecond, time.Second
	for pause := shortest; ; pause = min(2*pause, longest) {
		conn, err := l.Listener.Accept()
		if err == nil || !starved(err) {
			return conn, err
		}
		if now := time.Now(); now.Sub(l.complaint) > time.Minute {
			l.complaint = now
			l.log.Warn("admin connections wait, the system has no more room for them", "error", err)
		}
		select {
		case <-time.After(pause):
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}
}

func starved(err error) bool {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	once sync.Once
	room chan struct{}
}

func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { <-c.room })
	return err
}
