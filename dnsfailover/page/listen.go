package page

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"

	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/page/front"
	"dnsfailover/dnsfailover/tcplisten"
)

// listenAll opens the addresses of the configuration, or takes the sockets that systemd has opened: those of a socket unit with
// FileDescriptorName=https speak TLS, the others don't. Keys is what the keys of the configuration begin with.
func listenAll(cfg *config.Page, keys string, log *slog.Logger) (out []front.Listener, err error) {
	given, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("the sockets of systemd can't be used: %w", err)
	}
	for name, listeners := range given {
		for _, l := range listeners {
			if l == nil { // a datagram socket
				continue
			}
			if _, ok := l.(*net.TCPListener); !ok {
				return out, fmt.Errorf("systemd hands over %s, which is no address for TCP: clients are told apart by theirs", l.Addr())
			}
			if name == "https" && len(cfg.Certificates) == 0 {
				return out, fmt.Errorf("systemd hands over %s for https, but there is no certificate: add certificates", l.Addr())
			}
			out = append(out, front.Listener{Listener: l, Secure: name == "https"})
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	for _, one := range []struct {
		key       string
		addresses []netip.AddrPort
	}{{"http", cfg.HTTP}, {"https", cfg.HTTPS}} {
		for _, a := range one.addresses {
			l, err := tcplisten.For(keys+one.key, a)
			if errors.Is(err, syscall.EAFNOSUPPORT) {
				log.Warn("address skipped, this kernel has no such address family", keys+one.key, a)
				continue
			}
			if err != nil {
				return out, err
			}
			out = append(out, front.Listener{Listener: l, Secure: one.key == "https"})
		}
	}
	if len(out) == 0 {
		return nil, errors.New("this kernel has none of the address families to listen on")
	}
	return out, nil
}

// needRestart warns of what a reload can't change.
func needRestart(old, cfg *config.Page) []string {
	var out []string
	for _, c := range []struct {
		key     string
		changed bool
	}{
		{"http", !slices.Equal(old.HTTP, cfg.HTTP)},
		{"https", !slices.Equal(old.HTTPS, cfg.HTTPS)},
		{"admin", old.Admin != cfg.Admin},
		{"control", old.Control != cfg.Control},
		{"state", old.State != cfg.State},
		{"limits", old.Limits != cfg.Limits},
		{"access_log", (old.Log == nil) != (cfg.Log == nil) || old.Log != nil && *old.Log != *cfg.Log},
	} {
		if c.changed {
			out = append(out, cfg.File+": "+c.key+" has changed: restart the page host to use it")
		}
	}
	return out
}
