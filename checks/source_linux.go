package checks

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// bind prepares a socket to dial from s. By an interface that is named it sends and receives by that only. For an address the
// port is left to be chosen when it connects: chosen before, as else, each port would serve for one target at a time, and be
// gone for a minute after each probe.
func (s Source) bind(conn syscall.RawConn) error {
	var device error
	err := conn.Control(func(fd uintptr) {
		if s.Interface != "" {
			device = unix.BindToDevice(int(fd), s.Interface)
		}
		if s.Address.IsValid() { // no error of it is one of dialling
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
		}
	})
	if err == nil && device != nil {
		err = unrouted{fmt.Errorf("interface %s: %w", s.Interface, device)}
	}
	return err
}
