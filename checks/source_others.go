//go:build !linux

package checks

import (
	"errors"
	"syscall"
)

// bind is all of a choice on Linux only: elsewhere an address is enough to dial from.
func (s Source) bind(syscall.RawConn) error {
	if s.Interface == "" {
		return nil
	}
	return unrouted{errors.New("an interface can be chosen on Linux only: name an address of this host")}
}
