//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package state

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lock keeps other instances out of dir as long as the file that it returns is open. It holds the directory, not the
// file of the database, which may be moved aside or removed. A directory that can't be locked at all is no error: bbolt
// still locks its file.
func lock(dir string) (*os.File, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, nil
	}
	for deadline := time.Now().Add(lockTimeout); ; time.Sleep(lockRetry) {
		err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EWOULDBLOCK) && time.Now().Before(deadline), errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			d.Close()
			return nil, fmt.Errorf("%w: another dnsfailover uses %s; stop it, or give this one a state directory of its own", ErrLocked, dir)
		}
		return d, nil
	}
}
