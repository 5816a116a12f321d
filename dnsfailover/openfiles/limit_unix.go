//go:build unix

// Package openfiles knows how many files the process may have open, which bounds how many connections it can.
package openfiles

import "syscall"

// Limit returns the number; 0 if the system doesn't say.
func Limit() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return uint64(limit.Cur)
}
