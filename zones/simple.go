package zones

import (
	"bytes"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"dnsfailover/zones/wire"
)

// simple reads the lines that make up nearly all of a big zone, one record with nothing unusual, without the
// parser, which takes five times as long. Whatever is not plainly such a line is left to the parser, errors included.
type simple struct {
	origin []byte // wire format; nil if unknown
	ttl    uint32
	hasTTL bool   // a $TTL line was seen; without one the parser alone knows which TTL is in force
	owner  []byte // of the last record, wire format; nil if unknown
	told   bool   // the parser knows that owner

	name  [wire.MaxName + 1]byte // behind owner
	rdata [wire.MaxName + 1]byte
}

// record is what a simple line says. Its slices are valid until the next line is read.
type record struct {
	owner []byte // wire format
	typ   uint16
	ttl   uint32
	data  []byte
}

// read returns what line says; false if it isn't simple.
func (s *simple) read(line []byte) (r record, ok bool) {
	var tokens [6][]byte
	n := split(line, &tokens)
	if n < 2 || !s.hasTTL {
		return r, false
	}
	rest := tokens[:n]
	r.owner, r.ttl = s.owner, s.ttl
	if line[0] != ' ' && line[0] != '\t' {
		// Not yet into s.name: if the line is not simple after all, the owner before may still be needed.
		if r.owner = s.absolute(rest[0], &s.rdata); r.owner == nil {
			return r, false
		}
		r.owner = s.name[:copy(s.name[:], r.owner)]
		s.owner, s.told = r.owner, false
		rest = rest[1:]
	} else if r.owner == nil {
		return r, false
	}
	for explicit := false; len(rest) > 2; rest = rest[1:] {
		if t := rest[0]; len(t) == 2 && t[0]|0x20 == 'i' && t[1]|0x20 == 'n' {
			continue
		}
		if explicit {
			return r, false
		}
		if r.ttl, explicit = number(rest[0], 1<<31-1); !explicit {
			return r, false
		}
	}
	if len(rest) != 2 {
		return r, false
	}
	r.typ, r.data = s.data(rest[0], rest[1])
	return r, r.data != nil
}

// data returns the RDATA that token stands for, or nil.
func (s *simple) data(typ, token []byte) (uint16, []byte) {
	switch string(typ) {
	case "A", "a":
		if ipv4(token, s.rdata[:4]) {
			return dns.TypeA, s.rdata[:4]
		}
	case "AAAA", "aaaa":
		if a, err := netip.ParseAddr(string(token)); err == nil && a.Is6() && !a.Is4In6() {
			return dns.TypeAAAA, append(s.rdata[:0], a.AsSlice()...)
		}
	case "CNAME", "cname":
		return dns.TypeCNAME, s.absolute(token, &s.rdata)
	case "NS", "ns":
		return dns.TypeNS, s.absolute(token, &s.rdata)
	case "PTR", "ptr":
		return dns.TypePTR, s.absolute(token, &s.rdata)
	}
	return 0, nil
}

// absolute returns the name that token stands for, in wire format in buffer; nil if that is not plain.
func (s *simple) absolute(token []byte, buffer *[wire.MaxName + 1]byte) []byte {
	at := 0
	for len(token) > 0 {
		label, rest, dotted := bytes.Cut(token, []byte("."))
		if len(label) == 0 || len(label) > 63 || at+1+len(label) >= wire.MaxName {
			return nil
		}
		buffer[at] = byte(len(label))
		at += 1 + copy(buffer[at+1:], label)
		if dotted && len(rest) == 0 {
			buffer[at] = 0
			return buffer[:at+1]
		}
		token = rest
	}
	if s.origin == nil || at == 0 || at+len(s.origin) > wire.MaxName {
		return nil
	}
	return buffer[:at+copy(buffer[at:], s.origin)]
}

// split cuts line into words and returns how many there are; -1 if there are too many, or any octet that may
// mean something else.
func split(line []byte, tokens *[6][]byte) int {
	n, from := 0, -1
	for i, c := range line {
		switch {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			if from >= 0 {
				tokens[n-1] = line[from:i]
				from = -1
			}
		case !plainOctet[c]:
			return -1
		case from < 0:
			if n == len(tokens) {
				return -1
			}
			n++
			from = i
		}
	}
	if from >= 0 {
		tokens[n-1] = line[from:]
	}
	return n
}

// plainOctet are those of names and numbers.
var plainOctet = func() (set [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*:" {
		set[c] = true
	}
	return set
}()

// number reads a decimal number up to most.
func number(token []byte, most uint32) (uint32, bool) {
	n := uint64(0)
	for _, c := range token {
		if c < '0' || c > '9' || n > uint64(most) {
			return 0, false
		}
		n = 10*n + uint64(c-'0')
	}
	return uint32(n), len(token) > 0 && n <= uint64(most)
}

// ipv4 reads a dotted quad.
func ipv4(token, into []byte) bool {
	for i := range into {
		dot := bytes.IndexByte(token, '.')
		if i == 3 {
			dot = len(token)
		}
		if dot < 1 || dot > 3 || dot > 1 && token[0] == '0' {
			return false
		}
		n, ok := number(token[:dot], 255)
		if !ok {
			return false
		}
		into[i] = byte(n)
		token = token[min(dot+1, len(token)):]
	}
	return true
}

// follow notes what a line that is left to the parser means for the lines after it. It returns what the parser must read before
// that line: the owner, if the line takes it over from a record that the parser has not seen.
func (s *simple) follow(line []byte) (before string) {
	fields := bytes.Fields(line)
	blank := line[0] == ' ' || line[0] == '\t'
	switch {
	case len(fields) == 0 || fields[0][0] == ';':
	case blank:
		if s.owner != nil && !s.told {
			s.told = true
			return unpackName(s.owner)
		}
	case strings.EqualFold(string(fields[0]), "$ORIGIN"):
		if len(fields) > 1 {
			s.origin = s.full(string(fields[1]))
		}
	case strings.EqualFold(string(fields[0]), "$TTL"):
		s.hasTTL = false
		if len(fields) > 1 {
			s.ttl, s.hasTTL = duration(fields[1])
		}
	case fields[0][0] != '$':
		s.owner, s.told = nil, true
		if name := s.full(string(fields[0])); name != nil {
			s.owner = s.name[:copy(s.name[:], name)]
		}
	}
	return ""
}

// full returns a name as the parser understands it in wire format; nil if it can't be told, as with an escaped blank.
func (s *simple) full(name string) []byte {
	switch {
	case strings.ContainsAny(name, `"();\`):
		return nil
	case name == "@":
		return s.origin
	case dns.IsFqdn(name):
		return packName(name)
	case s.origin == nil:
		return nil
	}
	return packName(strings.TrimSuffix(name+"."+unpackName(s.origin), ".") + ".")
}

// duration reads a TTL such as 3600 or 1h30m.
func duration(token []byte) (uint32, bool) {
	units := map[byte]uint64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}
	sum, n := uint64(0), uint64(0)
	for _, c := range token {
		unit, isUnit := units[c|0x20]
		switch {
		case '0' <= c && c <= '9':
			n = 10*n + uint64(c-'0')
		case isUnit:
			sum, n = sum+n*unit, 0
		default:
			return 0, false
		}
		if sum+n > 1<<31-1 {
			return 0, false
		}
	}
	return uint32(sum + n), len(token) > 0
}
