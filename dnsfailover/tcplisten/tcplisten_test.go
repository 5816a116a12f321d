package tcplisten

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// TestFamiliesAreApart opens one port for IPv4 and IPv6, each with what is to be said when it is taken.
func TestFamiliesAreApart(t *testing.T) {
	four, err := For("http", netip.MustParseAddrPort("0.0.0.0:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer four.Close()
	port := four.Addr().(*net.TCPAddr).Port
	if c, err := net.Dial("tcp6", fmt.Sprintf("[::1]:%d", port)); err == nil {
		c.Close()
		t.Error("0.0.0.0 takes IPv6")
	}
	six, err := For("http", netip.MustParseAddrPort(fmt.Sprintf("[::]:%d", port)))
	if err != nil {
		t.Fatal(err)
	}
	defer six.Close()
	if c, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	l, err := Open(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).AddrPort()
	for address, want := range map[netip.AddrPort]string{
		taken:                                   fmt.Sprintf("listen.http %s is in use by another program: stop it, or name another address", taken),
		netip.MustParseAddrPort("192.0.2.1:80"): "listen.http 192.0.2.1:80 is no address of this host: name one that it has, or 0.0.0.0 or [::] for all",
	} {
		if _, err := For("listen.http", address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %q", address, err, want)
		}
	}
}
