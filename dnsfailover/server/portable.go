package server

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// drainWait is how long the portable loop looks for packets that the kernel holds: to a read whose
// deadline has passed it doesn't give any.
const drainWait = 5 * time.Millisecond

// portable moves one packet per call, by means that every system has.
type portable struct {
	conn     *net.UDPConn
	packet   [1]packet
	query    []byte
	client   netip.AddrPort
	control  []byte // nil unless the bind is a wildcard
	received int    // octets of control
	source   func(control []byte) []byte
}

func newPortable(conn *net.UDPConn, address netip.Addr) socket {
	p := &portable{conn: conn, query: make([]byte, maxQuery+1)}
	p.packet[0].room = make([]byte, maxAnswer)
	if !address.IsUnspecified() {
		return p
	}
	// Where the system can't say which address was asked, it chooses the answer's source.
	if address.Is4() {
		if ipv4.NewPacketConn(conn).SetControlMessage(ipv4.FlagDst, true) == nil {
			p.source = source4
		}
	} else if ipv6.NewPacketConn(conn).SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true) == nil {
		p.source = source6
	}
	if p.source != nil {
		p.control = make([]byte, 128)
	}
	return p
}

func (p *portable) receive(wait bool) ([]packet, error) {
	if !wait {
		_ = p.conn.SetReadDeadline(time.Now().Add(drainWait))
	}
	n, received, _, client, err := p.conn.ReadMsgUDPAddrPort(p.query, p.control)
	if err != nil {
		if !wait && errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, nil
		}
		return nil, err
	}
	p.client, p.received = client, received
	in := &p.packet[0]
	in.query, in.client, in.drop = p.query[:n], client.Addr(), none
	switch {
	case n > maxQuery:
		in.drop = oversize
	case client.Port() == 0:
		in.drop = fromPort0
	}
	return p.packet[:], nil
}

func (p *portable) send(packets []packet) int {
	answer := &packets[0]
	if answer.length == 0 {
		return 0
	}
	var control []byte
	if p.source != nil {
		control = p.source(p.control[:p.received])
	}
	if _, _, err := p.conn.WriteMsgUDPAddrPort(answer.room[:answer.length], control, p.client); err != nil {
		return 1
	}
	return 0
}

// source4 turns where a query was sent to into where its answer is sent from.
func source4(control []byte) []byte {
	var m ipv4.ControlMessage
	if m.Parse(control) != nil || m.Dst == nil {
		return nil
	}
	return (&ipv4.ControlMessage{Src: m.Dst}).Marshal()
}

// source6 is source4 for IPv6. Link-local addresses mean nothing without their interface.
func source6(control []byte) []byte {
	var m ipv6.ControlMessage
	if m.Parse(control) != nil || m.Dst == nil {
		return nil
	}
	out := &ipv6.ControlMessage{Src: m.Dst}
	if m.Dst.IsLinkLocalUnicast() {
		out.IfIndex = m.IfIndex
	}
	return out.Marshal()
}
