package admin

import (
	"context"
	"fmt"
	"net"
	"os/user"
	"strconv"
)

type peerKey struct{}

// withPeer keeps who is at the other end of a control socket's connection with its requests.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	if c, ok := conn.(*limitedConn); ok {
		conn = c.Conn
	}
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return ctx
	}
	uid, ok := peerUID(unix)
	if !ok {
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, uid)
}

// peerName returns the name of the user who asks, or "" if the system does not tell.
func peerName(ctx context.Context) string {
	uid, ok := ctx.Value(peerKey{}).(uint32)
	if !ok {
		return ""
	}
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil || u.Username == "" {
		return fmt.Sprintf("uid %d", uid)
	}
	return u.Username
}
