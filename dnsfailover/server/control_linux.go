//go:build linux && (amd64 || arm64)

package server

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// control is room for one packet's control data, 128 octets: at a wildcard bind it says which address
// the query was sent to, and then which one the answer is sent from.
type control [16]uint64

// pktinfo4 and pktinfo6 are a control message with struct in_pktinfo (ip(7)) and struct in6_pktinfo (RFC 3542 section 6).
type (
	pktinfo4 struct {
		header unix.Cmsghdr
		info   unix.Inet4Pktinfo
	}
	pktinfo6 struct {
		header unix.Cmsghdr
		info   unix.Inet6Pktinfo
	}
)

var (
	_ = [1]struct{}{}[unsafe.Sizeof(unix.Cmsghdr{})-16]
	_ = [1]struct{}{}[unsafe.Sizeof(unix.Inet4Pktinfo{})-12]
	_ = [1]struct{}{}[unsafe.Sizeof(unix.Inet6Pktinfo{})-20]
)

// turn makes the first length octets, as they were received, say what to send with. The source is in place already
// (ipi_spec_dst, ipi6_addr); the interface is left to the routes, as the way back need not be the way here,
// except for link-local addresses, which mean nothing without it.
func (c *control) turn(length uint64) bool {
	header := (*unix.Cmsghdr)(unsafe.Pointer(c))
	switch {
	case length >= uint64(unsafe.Sizeof(pktinfo4{})) && header.Level == unix.IPPROTO_IP && header.Type == unix.IP_PKTINFO:
		(*pktinfo4)(unsafe.Pointer(c)).info.Ifindex = 0
		return true
	case length >= uint64(unsafe.Sizeof(pktinfo6{})) && header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_PKTINFO:
		info := &(*pktinfo6)(unsafe.Pointer(c)).info
		if !netip.AddrFrom16(info.Addr).IsLinkLocalUnicast() {
			info.Ifindex = 0
		}
		return true
	}
	return false
}

// tellDestination makes the kernel say where each packet was sent to.
func tellDestination(raw syscall.RawConn, address netip.Addr) error {
	return onSocket(raw, func(fd int) error {
		if address.Is4() {
			return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		}
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	})
}
