package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

// entrance is what the listener that a request came through says about the one who asks.
type entrance struct {
	socket    bool // the control socket: who could open it may do everything
	openReads bool // a loopback address: everybody may read
}

type access uint8

// What a route needs. A report needs the token of the target that it is about, which its handler asks for.
const (
	read access = iota
	write
	report
)

// token is a configured token as it is compared: hashed, so that the comparison's time tells nothing about the secret.
type token struct {
	name string
	hash [sha256.Size]byte
}

func hashTokens(list []config.Token) []token {
	var out []token
	for _, t := range list {
		if t.Secret != "" { // an empty secret would let everybody in
			out = append(out, token{t.Name, sha256.Sum256([]byte(t.Secret))})
		}
	}
	return out
}

// bearer returns the name of the token that r bears (RFC 6750 section 2.1). All tokens are compared, whichever matches.
func (s *Server) bearer(r *http.Request) (name string, ok bool) {
	hash := sha256.Sum256([]byte(bearerOf(r)))
	for _, t := range *s.tokens.Load() {
		if subtle.ConstantTimeCompare(hash[:], t.hash[:]) == 1 {
			name, ok = t.name, true
		}
	}
	return name, ok
}

// admit decides whether r may have what needs the access, and returns who asks, as far as that is known.
func (s *Server) admit(r *http.Request, e entrance, need access) (author string, err error) {
	if e.socket {
		switch need {
		case write:
			author = peerName(r.Context())
		case report:
			author = "control socket"
		}
		return author, nil
	}
	if need == report || need == read && e.openReads {
		return "", nil
	}
	if author, ok := s.bearer(r); ok {
		return author, nil
	}
	switch {
	case len(*s.tokens.Load()) == 0:
		return "", problem(http.StatusUnauthorized, "this needs a token and none is configured: use the control socket, or add one to the configuration")
	case r.Header.Get("Authorization") != "":
		return "", problem(http.StatusUnauthorized, "no configured token is the one that was sent: check it, or use the control socket")
	}
	return "", problem(http.StatusUnauthorized, "this needs a token: send the header \"Authorization: Bearer TOKEN\", or use the control socket")
}

// checkBrowser refuses what only a browser that was lured here would send: another name for this server, whose
// addresses its owner then changed to ours (DNS rebinding), or a request that the page of another server made.
func checkBrowser(r *http.Request, e entrance) *api.Problem {
	if !e.socket && !ownHost(r) {
		return problem(http.StatusMisdirectedRequest, "this server does not answer for the host %q: ask for localhost or for the address it listens on", r.Host)
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || !strings.EqualFold(u.Host, r.Host) {
			return problem(http.StatusForbidden, "a page of %q may not use this server", origin)
		}
	}
	return nil
}

// ownHost says whether r asks for a loopback name or address, or for the address that it came in on. The port may be
// that of a tunnel.
func ownHost(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return addr.IsLoopback() || local != nil && addr.Unmap() == local.AddrPort().Addr().Unmap()
}

func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
