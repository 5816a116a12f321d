//go:build !linux

package admin

import "net"

// peerUID knows nobody here: the author is then who the client says it is.
func peerUID(*net.UnixConn) (uid uint32, ok bool) { return 0, false }
