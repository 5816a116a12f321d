//go:build !linux

package checks

import (
	"errors"
	"syscall"
)

// bindToInterface is for Linux only.
func bindToInterface(syscall.RawConn, string) error {
	return unrouted{errors.New("an interface can be chosen on Linux only: name an address of this host")}
}
