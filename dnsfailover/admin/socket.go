package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// maxSocketPath is the longest path of a socket, see sun_path in unix(7): 108 octets with the final zero.
const maxSocketPath = 107

// ListenControl listens on the control socket at path, which only the server's user may open, and creates its directory.
// A socket that a server left behind is replaced; one on which somebody answers is not.
func ListenControl(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("control socket %q: its path has %d bytes and the system takes %d: name a shorter one as listen.control", path, len(path), maxSocketPath)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("create the directory of the control socket: %w", err)
	}
	listener, err := listenPrivate(path)
	if errors.Is(err, syscall.EADDRINUSE) {
		if err := removeStale(path); err != nil {
			return nil, err
		}
		listener, err = listenPrivate(path)
	}
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	// Where the mode can't be set before the bind, it is set at least now.
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return listener, nil
}

// listenPrivate gives the socket its mode before it has a name: there is no instant at which others could connect.
func listenPrivate(path string) (net.Listener, error) {
	private := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) })
	}}
	listener, err := private.Listen(context.Background(), "unix", path)
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err // the caller names the path
	}
	return listener, err
}

func removeStale(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("control socket %s: something that is no socket has this name: remove it, or name another one as listen.control", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		conn.Close()
		return fmt.Errorf("control socket %s: another server answers on it: stop that one, or name another socket as listen.control", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("control socket %s is there and can't be tried: %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove the control socket that is left over: %w", err)
	}
	return nil
}
