package admin

import (
	"log/slog"
	"net"
)

// Routes returns the method and the path pattern of each route.
func Routes() (out []struct{ Method, Path string }) {
	for _, r := range routes() {
		out = append(out, struct{ Method, Path string }{r.method, r.path})
	}
	return out
}

// Limit is limit.
func Limit(l net.Listener, n int, log *slog.Logger) net.Listener { return limit(l, n, log) }

// UnreadableStatus is the status for a body whose reading ended with err.
func UnreadableStatus(err error) int { return unreadable(err).Status }
