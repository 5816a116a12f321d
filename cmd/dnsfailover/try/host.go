package try

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// host is one of the two web hosts. It can be stopped and started again.
type host struct {
	at   netip.AddrPort
	page http.HandlerFunc

	mu     sync.Mutex
	server *http.Server // nil while it is stopped
}

// start makes the host listen; one that does stays as it is.
func (h *host) start() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.server != nil {
		return nil
	}
	listener, err := net.Listen("tcp", h.at.String())
	if err != nil {
		return err
	}
	h.server = &http.Server{Handler: h.page, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 10 * time.Second}
	go h.server.Serve(listener)
	return nil
}

// stop ends the host at once, with its connections.
func (h *host) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.server != nil {
		h.server.Close()
		h.server = nil
	}
}

// application is the primary's page.
func application(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/healthz" {
		fmt.Fprintln(w, "ok")
		return
	}
	fmt.Fprintln(w, "This is the web application, on the primary.")
}

// notice is the backup's page.
func notice(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Retry-After", "60")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusServiceUnavailable)
	fmt.Fprintln(w, "We are down for maintenance and back soon. (This is the backup.)")
}

// freePort returns want if it is free, for TCP and UDP, at all addresses, or else another port that is.
func freePort(want uint16, addresses ...netip.Addr) (uint16, error) {
	var last error
	for port := want; port < want+100; port++ {
		if last = tryPort(port, addresses); last == nil {
			return port, nil
		}
		if !errors.Is(last, syscall.EADDRINUSE) {
			break
		}
	}
	return 0, last
}

func tryPort(port uint16, addresses []netip.Addr) error {
	for _, a := range addresses {
		at := netip.AddrPortFrom(a, port)
		tcp, err := net.Listen("tcp", at.String())
		if err != nil {
			return err
		}
		tcp.Close()
		udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		if err != nil {
			return err
		}
		udp.Close()
	}
	return nil
}
