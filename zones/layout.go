package zones

import (
	"bytes"
	"encoding/binary"

	"github.com/miekg/dns"

	"dnsfailover/zones/wire"
)

// maxPointer is the highest offset that bodies point to. A body can come to stand behind a chain of
// aliases, so that its pointers grow; they must stay below 2^14 (RFC 1035 section 4.1.4). A DNAME in the
// chain writes two records, itself and the CNAME that is made from it.
const maxPointer = 0x3FFF - 2*(maxChain+1)*(12+wire.MaxName) - wire.MaxName

// layout builds a body with name compression (RFC 1035 section 4.1.4).
type layout struct {
	body    []byte
	relocs  []uint16
	start   int    // offset of the body in the message it is laid out for
	self    []byte // the wildcard that the body is laid out for, else nil
	offsets map[string]uint16
}

// reset begins a body behind a question for name, in wire format. If name is a wildcard, then the question is for another
// name, and the wildcard's own can't be pointed to.
func (l *layout) reset(name []byte) {
	if bytes.HasPrefix(name, []byte("\x01*")) {
		l.resetBelow(name[2:])
		l.self = name
		return
	}
	l.begin(name)
	l.remember(name, wire.HeaderLen)
}

// resetBelow begins a body behind a question for some name one label below top.
func (l *layout) resetBelow(top []byte) {
	l.begin(below(top))
	l.remember(top, wire.HeaderLen+len("\x01*"))
}

// begin begins a body behind a question that is as long as name.
func (l *layout) begin(name []byte) {
	l.body, l.relocs, l.self = l.body[:0], l.relocs[:0], nil
	l.start = wire.HeaderLen + len(name) + 4
	clear(l.offsets)
}

// remember notes that name and its parents can be pointed to, if name is written whole at offset at.
func (l *layout) remember(name []byte, at int) {
	if l.offsets == nil {
		l.offsets = map[string]uint16{}
	}
	low := wire.Lower(name)
	for i := 0; low[i] != 0 && at+i <= maxPointer; i += 1 + int(low[i]) {
		if _, ok := l.offsets[string(low[i:])]; !ok {
			l.offsets[string(low[i:])] = uint16(at + i)
		}
	}
}

// name writes name, with a pointer for the longest end that is there already.
func (l *layout) name(name []byte) {
	low := wire.Lower(name)
	at := 0
	for low[at] != 0 {
		if to, ok := l.offsets[string(low[at:])]; ok {
			l.rememberHead(low, at)
			l.body = append(l.body, name[:at]...)
			l.relocs = append(l.relocs, uint16(len(l.body)))
			l.body = binary.BigEndian.AppendUint16(l.body, 0xC000|to)
			return
		}
		at += 1 + int(low[at])
	}
	l.rememberHead(low, at)
	l.body = append(l.body, name...)
}

// rememberHead notes the names that begin within the first head octets of low, which are about to be written.
func (l *layout) rememberHead(low []byte, head int) {
	at := l.start + len(l.body)
	for i := 0; i < head && at+i <= maxPointer; i += 1 + int(low[i]) {
		l.offsets[string(low[i:])] = uint16(at + i)
	}
}

// record writes one record. Names in RDATA are compressed only in types of RFC 1035 (RFC 3597 section 4), and a CNAME's
// isn't either: what follows it can then be laid out for that name.
func (l *layout) record(owner []byte, typ uint16, ttl uint32, data []byte) {
	if l.self != nil && bytes.Equal(owner, l.self) {
		l.relocs = append(l.relocs, uint16(len(l.body)))
		l.body = append(l.body, 0xC0, wire.HeaderLen)
	} else {
		l.name(owner)
	}
	l.body = binary.BigEndian.AppendUint16(l.body, typ)
	l.body = binary.BigEndian.AppendUint16(l.body, dns.ClassINET)
	l.body = binary.BigEndian.AppendUint32(l.body, ttl)
	lengthAt := len(l.body)
	l.body = append(l.body, 0, 0)
	switch typ {
	case dns.TypeNS, dns.TypePTR:
		l.name(data)
	case dns.TypeMX:
		l.body = append(l.body, data[:2]...)
		l.name(data[2:])
	case dns.TypeSOA:
		rname := nameLen(data)
		end := rname + nameLen(data[rname:])
		l.name(data[:rname])
		l.name(data[rname:end])
		l.body = append(l.body, data[end:]...)
	default:
		l.body = append(l.body, data...)
	}
	binary.BigEndian.PutUint16(l.body[lengthAt:], uint16(len(l.body)-lengthAt-2))
}

// nameLen returns the length of the uncompressed name that b begins with.
func nameLen(b []byte) int {
	n := 0
	for b[n] != 0 {
		n += 1 + int(b[n])
	}
	return n + 1
}
