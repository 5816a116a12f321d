//go:build !linux || !(amd64 || arm64)

package server

import (
	"errors"
	"net"
	"net/netip"
)

const batches = false

func newBatch(*net.UDPConn, netip.Addr) (portSocket, error) { return nil, errors.ErrUnsupported }
