package checks

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// bindToInterface has a socket send and receive by one interface only.
func bindToInterface(conn syscall.RawConn, name string) error {
	var err error
	if ctrl := conn.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), name) }); ctrl != nil {
		return ctrl
	}
	if err != nil {
		return unrouted{fmt.Errorf("interface %s: %w", name, err)}
	}
	return nil
}
