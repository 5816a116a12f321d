package checks

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// ICMPProbe sends one echo request to Address and waits for the reply.
//
// It needs no privilege where the kernel lets this process's group ping (net.ipv4.ping_group_range, which is for IPv6
// too); else it needs CAP_NET_RAW. Where it has neither it is inconclusive, and says so.
type ICMPProbe struct {
	Address netip.Addr
}

// String describes the probe completely.
func (p *ICMPProbe) String() string { return "icmp echo " + p.Address.String() }

// Run asks once; ctx bounds it.
func (p *ICMPProbe) Run(ctx context.Context) Result {
	w := newStopwatch(ctx)
	family := families[p.Address.Unmap().Is4()]
	conn, raw, err := family.open()
	w.lap(phaseDial)
	if err != nil {
		return w.inconclusive(lacking(err))
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(longAgo) })()
	echo := newEcho()
	if err := echo.send(conn, family, p.to(raw)); err != nil {
		w.lap(phaseSend)
		r := w.failed(sendReason(err, w))
		r.Inconclusive = ours(err)
		return r
	}
	reason := echo.await(conn, family, p.Address, raw, w)
	w.lap(phaseAnswer)
	if reason != "" {
		return w.failed(reason)
	}
	return w.result(true, "echo reply", nil)
}

// to returns the address in the form that the kind of socket takes.
func (p *ICMPProbe) to(raw bool) net.Addr {
	ip := net.IPAddr{IP: p.Address.AsSlice(), Zone: p.Address.Zone()}
	if raw {
		return &ip
	}
	return &net.UDPAddr{IP: ip.IP, Zone: ip.Zone}
}

// family is what differs between ICMP for IPv4 and for IPv6.
type family struct {
	unprivileged, privileged, any string
	protocol                      int
	request, reply, unreachable   icmp.Type
	header                        int // octets of the IP header in front of what is quoted
}

var families = map[bool]family{
	true:  {"udp4", "ip4:icmp", "0.0.0.0", 1, ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply, ipv4.ICMPTypeDestinationUnreachable, 20},
	false: {"udp6", "ip6:ipv6-icmp", "::", 58, ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply, ipv6.ICMPTypeDestinationUnreachable, 40},
}

// open opens a socket that needs no privilege, or else a raw one.
func (f *family) open() (conn *icmp.PacketConn, raw bool, err error) {
	conn, err = icmp.ListenPacket(f.unprivileged, f.any)
	if err == nil || ours(err) {
		return conn, false, err
	}
	conn, err = icmp.ListenPacket(f.privileged, f.any)
	return conn, true, err
}

// lacking says what this host would need for ICMP.
func lacking(err error) string {
	if errors.Is(err, os.ErrPermission) {
		return "this process may not send ICMP: give it the capability CAP_NET_RAW, or its group a place in sysctl net.ipv4.ping_group_range"
	}
	if reason := networkReason(err); reason != "" {
		return "no socket for ICMP: " + reason
	}
	return "no socket for ICMP: " + clean(innermost(err))
}

func sendReason(err error, w *stopwatch) string {
	if errors.Is(err, syscall.EINVAL) {
		return "no route: network unreachable" // what a socket for IPv6 says where there is none
	}
	return answerReason(err, "the request to be sent", w.limit)
}

// echo is one request, told from all others by what it carries.
type echo struct {
	id, seq int
	nonce   [24]byte
}

func newEcho() *echo {
	e := new(echo)
	_, _ = rand.Read(e.nonce[:]) // never fails (crypto/rand)
	e.id, e.seq = int(e.nonce[0])<<8|int(e.nonce[1]), int(e.nonce[2])<<8|int(e.nonce[3])
	return e
}

func (e *echo) send(conn *icmp.PacketConn, f family, to net.Addr) error {
	packet, err := (&icmp.Message{Type: f.request, Body: &icmp.Echo{ID: e.id, Seq: e.seq, Data: e.nonce[:]}}).Marshal(nil)
	if err != nil {
		return err
	}
	_, err = conn.WriteTo(packet, to)
	return err
}

// await reads until the reply comes, or the news that it can't; it returns why there is none. A raw socket gets what is for others too.
func (e *echo) await(conn *icmp.PacketConn, f family, from netip.Addr, raw bool, w *stopwatch) (reason string) {
	buf := make([]byte, 1500)
	for {
		n, peer, err := conn.ReadFrom(buf)
		if err != nil {
			if isTimeout(err) {
				return fmt.Sprintf("no reply within %s", w.limit)
			}
			return answerReason(err, "a reply", w.limit)
		}
		m, err := icmp.ParseMessage(f.protocol, buf[:n])
		if err != nil {
			continue
		}
		switch body := m.Body.(type) {
		case *icmp.Echo:
			// Without privilege the kernel chooses the identifier, and gives us only what is for it.
			if m.Type == f.reply && bytes.Equal(body.Data, e.nonce[:]) && body.Seq == e.seq && (!raw || body.ID == e.id) && addressOf(peer) == from.Unmap().WithZone("") {
				return ""
			}
		case *icmp.DstUnreach:
			if m.Type == f.unreachable && e.quotedIn(body.Data, f, from) {
				return fmt.Sprintf("unreachable: so says %s (%s)", addressOf(peer), unreachable(f, m.Code))
			}
		}
	}
}

// quotedIn says whether an error quotes the begin of our request to the address.
func (e *echo) quotedIn(data []byte, f family, to netip.Addr) bool {
	header := f.header
	if f.header == 20 && len(data) > 0 {
		header = int(data[0]&0x0f) * 4 // options make it longer
	}
	if len(data) < header+8 || header < f.header {
		return false
	}
	quoted, length := data[header:], len(to.Unmap().AsSlice())
	destination := data[f.header-length : f.header]
	return bytes.Equal(destination, to.Unmap().AsSlice()) &&
		int(quoted[4])<<8|int(quoted[5]) == e.id && int(quoted[6])<<8|int(quoted[7]) == e.seq
}

// unreachable names the codes of RFC 792 and RFC 4443 section 3.1 that are met.
func unreachable(f family, code int) string {
	codes := map[int]string{0: "no route", 1: "prohibited by its policy", 3: "no such host there", 4: "nobody listens"}
	if f.header == 20 {
		codes = map[int]string{0: "no route", 1: "no such host there", 2: "no such protocol", 3: "nobody listens", 9: "prohibited", 10: "prohibited", 13: "prohibited"}
	}
	if name, ok := codes[code]; ok {
		return name
	}
	return fmt.Sprintf("code %d", code)
}

// addressOf returns the address of a peer without a zone.
func addressOf(peer net.Addr) netip.Addr {
	var ip net.IP
	switch peer := peer.(type) {
	case *net.IPAddr:
		ip = peer.IP
	case *net.UDPAddr:
		ip = peer.IP
	}
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap()
}
