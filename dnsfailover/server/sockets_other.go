//go:build !linux

package server

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

func prepare(syscall.RawConn, netip.Addr, bool) error { return nil }

func sharePort(*net.UDPConn) error { return errors.ErrUnsupported }

func overflow(int) uint64 { return 0 }
