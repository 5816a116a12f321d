package e2e

import (
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

var (
	serverAddress = netip.MustParseAddr(serverAt)
	clientAddress = netip.MustParseAddr(clientAt)
)

// raw is a socket in the clients' network that sends whole IPv4 packets, whoever they claim to be from.
type raw struct {
	t  *testing.T
	fd int
}

func (c *cable) raw() *raw {
	c.t.Helper()
	r := &raw{t: c.t}
	c.at(func() (err error) {
		r.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	})
	c.t.Cleanup(func() { unix.Close(r.fd) })
	return r
}

// send sends a payload with a header for protocol.
func (r *raw) send(protocol byte, from, to netip.Addr, payload []byte) {
	r.t.Helper()
	if err := unix.Sendto(r.fd, ipv4Packet(protocol, from, to, payload), 0, &unix.SockaddrInet4{Addr: to.As4()}); err != nil && err != unix.ENOBUFS {
		r.t.Fatal(err)
	}
}

// ipv4Packet puts an IPv4 header before a payload; the kernel fills in the checksum.
func ipv4Packet(protocol byte, from, to netip.Addr, payload []byte) []byte {
	length := 20 + len(payload)
	packet := []byte{0x45, 0, byte(length >> 8), byte(length), 0, 0, 0, 0, 64, protocol, 0, 0}
	packet = append(append(packet, from.AsSlice()...), to.AsSlice()...)
	return append(packet, payload...)
}

// datagram is a UDP datagram without a checksum.
func datagram(from, to uint16, payload []byte) []byte {
	length := 8 + len(payload)
	return append([]byte{byte(from >> 8), byte(from), byte(to >> 8), byte(to), byte(length >> 8), byte(length), 0, 0}, payload...)
}

// syn is the first segment of a TCP connection to port 53.
func syn(from, to netip.Addr, port uint16, sequence uint32) []byte {
	segment := []byte{
		byte(port >> 8), byte(port), 0, 53, byte(sequence >> 24), byte(sequence >> 16), byte(sequence >> 8), byte(sequence), 0, 0, 0, 0,
		5 << 4, 2, 0xFF, 0xFF, 0, 0, 0, 0,
	}
	sum := checksum(slices.Concat(from.AsSlice(), to.AsSlice(), []byte{0, 6, 0, byte(len(segment))}, segment))
	segment[16], segment[17] = byte(sum>>8), byte(sum)
	return segment
}

// checksum is that of RFC 1071.
func checksum(data []byte) uint16 {
	sum := uint32(0)
	for i := 0; i+1 < len(data); i += 2 {
		sum += uint32(data[i])<<8 | uint32(data[i+1])
	}
	for sum>>16 > 0 {
		sum = sum&0xFFFF + sum>>16
	}
	return ^uint16(sum)
}

// stranger is one of the addresses that nobody has.
func stranger(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
}
