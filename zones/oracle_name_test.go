package zones_test

import (
	"slices"

	"github.com/miekg/dns"
)

// name is a domain name as its labels in lower case, the leftmost first: raw octets, no escapes.
type name []string

func parseName(s string) name {
	wire := make([]byte, 1024)
	end, err := dns.PackDomainName(dns.Fqdn(s), wire, 0, nil, false)
	if err != nil {
		panic("not a name: " + s)
	}
	return wireName(wire[:end])
}

func wireName(wire []byte) name {
	n := name{}
	for i := 0; wire[i] != 0; i += 1 + int(wire[i]) {
		n = append(n, lower(wire[i+1:][:wire[i]]))
	}
	return n
}

// lower maps A to Z alone (RFC 4343 section 4.1).
func lower(b []byte) string {
	b = slices.Clone(b)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func (n name) wire() []byte {
	var out []byte
	for _, label := range n {
		out = append(append(out, byte(len(label))), label...)
	}
	return append(out, 0)
}

func (n name) key() string { return string(n.wire()) }

// String returns the name in presentation format.
func (n name) String() string {
	s, _, err := dns.UnpackDomainName(n.wire(), 0)
	if err != nil {
		panic(err)
	}
	return s
}

// in says whether n is top or below it.
func (n name) in(top name) bool {
	return len(n) >= len(top) && slices.Equal(n[len(n)-len(top):], top)
}
