package wire

import "encoding/binary"

// Sizes in octets (RFC 1035 sections 2.3.4 and 4.1.1).
const (
	HeaderLen = 12
	MaxName   = 255
	maxLabel  = 63
	// MinUDP is what every client takes over UDP (RFC 1035 section 4.2.1).
	MinUDP = 512
)

// Bits of the second 16-bit word of the header.
const (
	FlagQR = 1 << 15
	FlagAA = 1 << 10
	FlagTC = 1 << 9
	FlagRD = 1 << 8

	MaskOpcode = 0xF << 11
)

// Verdict says what a server must do with a packet.
type Verdict uint8

// The order matters: whatever is above Answer gets an error or nothing.
const (
	Answer  Verdict = iota
	Drop            // send nothing
	FormErr         // RCODE 1
	NotImp          // RCODE 4
	BadVers         // extended RCODE 16
	Signed          // carries a TSIG record, which has to be verified before anything else
	// NoQuestion is an error too, unless the OPT record asks for a cookie (RFC 7873 section 5.4).
	NoQuestion
)

// Query is one query, read from its packet. It is scratch space to be used again for the next one: Parse
// allocates nothing.
type Query struct {
	// Question is the question as it was asked, QNAME to QCLASS; empty if it can't be read.
	Question []byte
	Name     Name
	Type     uint16
	Class    uint16
	Flags    uint16 // the header's

	// EDNS says that there was an OPT record, whose fields follow.
	EDNS    bool
	DO      bool
	UDPSize uint16
	Options []byte // whole options, one behind the other (RFC 6891 section 6.1.2)
}

// Judge looks at the header alone, before anything is parsed: a response is never answered, not even with an
// error (else two servers could answer each other for ever); a query has one question (RFC 9619), nothing in the
// answer and authority sections, and at most an OPT and a TSIG record in the additional section. Without
// a question it has an OPT record at least.
func Judge(packet []byte) Verdict {
	if len(packet) < HeaderLen {
		return Drop
	}
	flags := binary.BigEndian.Uint16(packet[2:])
	switch {
	case flags&FlagQR != 0:
		return Drop
	case flags&MaskOpcode != 0:
		return NotImp
	}
	const one = 1 << 48 // QDCOUNT 1, ANCOUNT 0, NSCOUNT 0, ARCOUNT 0
	switch counts := binary.BigEndian.Uint64(packet[4:]); {
	case counts-one <= 2:
		return Answer
	case counts-1 <= 1:
		return NoQuestion
	}
	return FormErr
}

// Parse reads packet, which the query refers to until the next call.
func (q *Query) Parse(packet []byte) Verdict {
	q.Question, q.EDNS = nil, false
	q.Type, q.Class = 0, 0
	verdict := Judge(packet)
	if len(packet) >= HeaderLen {
		q.Flags = binary.BigEndian.Uint16(packet[2:])
	}
	switch verdict {
	case Answer:
	case NoQuestion:
		if q.readAdditional(packet, HeaderLen, int(packet[11])) != Answer || !q.EDNS {
			return FormErr
		}
		return NoQuestion
	default:
		return verdict
	}
	end := q.Name.Read(packet[HeaderLen:])
	if end == 0 || HeaderLen+end+4 > len(packet) {
		return FormErr
	}
	end += HeaderLen
	q.Type = binary.BigEndian.Uint16(packet[end:])
	q.Class = binary.BigEndian.Uint16(packet[end+2:])
	end += 4
	q.Question = packet[HeaderLen:end]
	if extra := packet[11]; extra != 0 {
		return q.readAdditional(packet, end, int(extra))
	}
	if end != len(packet) {
		return FormErr
	}
	return Answer
}

const (
	typeOPT  = 41
	typeTSIG = 250

	flagDO = 1 << 15 // RFC 3225 section 3
)

// readAdditional reads n records at offset at, which must end the packet.
func (q *Query) readAdditional(packet []byte, at, n int) Verdict {
	signed, badVersion := false, false
	for range n {
		root := at < len(packet) && packet[at] == 0
		at = SkipName(packet, at)
		if at == 0 || at+10 > len(packet) {
			return FormErr
		}
		typ := binary.BigEndian.Uint16(packet[at:])
		class := binary.BigEndian.Uint16(packet[at+2:])
		ttl := binary.BigEndian.Uint32(packet[at+4:])
		rdata := at + 10
		at = rdata + int(binary.BigEndian.Uint16(packet[at+8:]))
		if at > len(packet) || signed { // TSIG comes last (RFC 8945 section 5.1)
			return FormErr
		}
		switch typ {
		case typeOPT:
			if q.EDNS || !root { // RFC 6891 section 6.1.1
				return FormErr
			}
			q.EDNS = true
			q.UDPSize = class
			q.DO = ttl&flagDO != 0
			badVersion = ttl>>16&0xFF != 0
			if q.Options = packet[rdata:at]; !optionsFit(q.Options) {
				return FormErr
			}
		case typeTSIG:
			signed = true
		}
	}
	switch {
	case at != len(packet):
		return FormErr
	case signed:
		return Signed
	case badVersion:
		return BadVers // RFC 6891 section 6.1.3
	}
	return Answer
}

// optionsFit says whether rdata is a sequence of whole EDNS options (RFC 6891 section 6.1.2).
func optionsFit(rdata []byte) bool {
	for len(rdata) > 0 {
		if len(rdata) < 4 {
			return false
		}
		n := 4 + int(binary.BigEndian.Uint16(rdata[2:]))
		if n > len(rdata) {
			return false
		}
		rdata = rdata[n:]
	}
	return true
}

// SkipName returns the offset behind the name at offset at, compressed or not, or 0 if there is none.
func SkipName(packet []byte, at int) int {
	for at < len(packet) {
		n := int(packet[at])
		switch {
		case n == 0:
			return at + 1
		case n >= 0xC0:
			return at + 2
		case n > maxLabel:
			return 0
		}
		at += 1 + n
	}
	return 0
}
