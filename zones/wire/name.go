package wire

import (
	"encoding/binary"
	"math/bits"
)

// maxLabels is the most labels that a name of MaxName octets can have, the root's not counted.
const maxLabels = 127

// padding is how far behind a name its buffer can be read in words.
const padding = 8

// Name is a name in wire form, lowered, with the offsets of its labels.
type Name struct {
	lower  [MaxName + 1 + 2*padding]byte
	labels [maxLabels + 1]uint8
	length int // octets, with the root label
	count  int // labels, without the root
}

// Read reads the uncompressed name at the begin of b and returns its length in octets,
// or 0 if there is no valid name: a QNAME has nothing to point back to, so a pointer is an error.
func (n *Name) Read(b []byte) int {
	at, count := 0, 0
	for {
		if at >= len(b) || at >= MaxName {
			return 0
		}
		l := int(b[at])
		if l == 0 {
			break
		}
		if l > maxLabel || count == maxLabels {
			return 0
		}
		n.labels[count] = uint8(at)
		count++
		at += 1 + l
	}
	n.labels[count] = uint8(at)
	n.count, n.length = count, at+1
	n.lowerFrom(b)
	return n.length
}

// lowerFrom copies the name from b in lower case. Eight octets at a time; a length octet is below 'A', so it stays.
func (n *Name) lowerFrom(b []byte) {
	at := 0
	for ; at+8 <= len(b) && at < n.length; at += 8 {
		binary.LittleEndian.PutUint64(n.lower[at:], lower8(binary.LittleEndian.Uint64(b[at:])))
	}
	for ; at < n.length; at++ {
		n.lower[at] = lower1(b[at])
	}
}

// lower8 lowers the ASCII letters among eight octets (RFC 4343 section 3: only those).
func lower8(x uint64) uint64 {
	const ones = 0x0101_0101_0101_0101
	low := x &^ (0x80 * ones)
	fromA := low + (0x80-'A')*ones
	beyondZ := low + (0x80-'Z'-1)*ones
	return x | (fromA&^beyondZ&^x&(0x80*ones))>>2
}

func lower1(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}

// Len returns the length in octets, the root label included.
func (n *Name) Len() int { return n.length }

// Labels returns the number of labels, the root's not counted.
func (n *Name) Labels() int { return n.count }

// From returns the name from label i on, in lower case, the root label included.
func (n *Name) From(i int) []byte { return n.lower[n.labels[i]:n.length] }

// Between returns labels i up to, but without, j in lower case, without a root label: a key relative to the name From(j).
func (n *Name) Between(i, j int) []byte { return n.lower[n.labels[i]:n.labels[j]] }

// HashBetween returns the Hash of Between(i, j) without a copy.
func (n *Name) HashBetween(i, j int) uint64 {
	from, to := int(n.labels[i]), int(n.labels[j])
	return hash(n.lower[from:to+padding], to-from)
}

// HashFrom returns the Hash of From(i) without a copy.
func (n *Name) HashFrom(i int) uint64 {
	from := int(n.labels[i])
	return hash(n.lower[from:n.length+padding], n.length-from)
}

// Hash returns a hash of key. It needs no secret: only names of our own zones are ever stored under it.
func Hash(key []byte) uint64 {
	var buffer [MaxName + 1 + padding]byte
	n := copy(buffer[:], key)
	return hash(buffer[:n+padding], n)
}

// hash hashes the first n octets of b in words of eight, so that b must be padding octets longer.
func hash(b []byte, n int) uint64 {
	const k0, k1 = 0x9E37_79B9_7F4A_7C15, 0xD6E8_FEB8_6659_FD93
	h := uint64(n) * k1
	for ; n > 8; n -= 8 {
		hi, lo := bits.Mul64(h^binary.LittleEndian.Uint64(b), k0)
		h = hi ^ lo
		b = b[8:]
	}
	last := binary.LittleEndian.Uint64(b)
	if n < 8 {
		last &= 1<<(8*uint(n)) - 1
	}
	hi, lo := bits.Mul64(h^last, k0)
	h = hi ^ lo
	hi, lo = bits.Mul64(h, k1)
	return hi ^ lo
}

// Lower returns name in lower case; name is in wire form.
func Lower(name []byte) []byte {
	out := make([]byte, len(name))
	for i, c := range name {
		out[i] = lower1(c)
	}
	return out
}
