package wire

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// wireName packs labels.
func wireName(labels ...string) []byte {
	var b []byte
	for _, l := range labels {
		b = append(b, byte(len(l)))
		b = append(b, l...)
	}
	return append(b, 0)
}

func TestLowerIsASCIIOnly(t *testing.T) {
	for c := range 256 {
		want := byte(c)
		if 'A' <= c && c <= 'Z' {
			want += 'a' - 'A'
		}
		for at := range 8 {
			x := uint64(c) << (8 * at)
			if got := lower8(x) >> (8 * at); byte(got) != want || lower8(x)&^(0xFF<<(8*at)) != 0 {
				t.Fatalf("lower8(%#x) is %#x, want %#x", x, lower8(x), want)
			}
		}
		if got := lower1(byte(c)); got != want {
			t.Fatalf("lower1(%#x) is %#x", c, got)
		}
	}
}

func TestReadKeepsBytesAndLowersLetters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var labels []string
		for length := 1; ; {
			l := string(rapid.SliceOfN(rapid.Byte(), 1, 63).Draw(t, "label"))
			if length += 1 + len(l); length > MaxName || len(labels) > 3 {
				break
			}
			labels = append(labels, l)
		}
		b := wireName(labels...)
		tail := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "tail")
		var n Name
		if got := n.Read(append(bytes.Clone(b), tail...)); got != len(b) || n.Len() != len(b) || n.Labels() != len(labels) {
			t.Fatalf("read %d of %d octets, %d labels of %d", got, len(b), n.Labels(), len(labels))
		}
		low := Lower(b)
		for i := range labels {
			at := n.labels[i]
			if !bytes.Equal(n.From(i), low[at:]) {
				t.Fatalf("From(%d) is %q, want %q", i, n.From(i), low[at:])
			}
			if n.HashFrom(i) != Hash(low[at:]) {
				t.Fatalf("HashFrom(%d) differs from Hash", i)
			}
			for j := i; j <= len(labels); j++ {
				if n.HashBetween(i, j) != Hash(n.Between(i, j)) {
					t.Fatalf("HashBetween(%d, %d) differs from Hash", i, j)
				}
			}
		}
	})
}

func TestReadRefusesWhatIsNoName(t *testing.T) {
	full := strings.Repeat("a", 63)
	for name, b := range map[string][]byte{
		"nothing":          {},
		"no root label":    []byte("\x03www"),
		"label cut short":  []byte("\x05ww\x00"),
		"pointer":          {0xC0, 0x0C},
		"label type 0x40":  {0x41, 'a', 0},
		"label type 0x80":  {0x81, 'a', 0},
		"256 octets":       wireName(full, full, full, full[:62]),
		"pointer at end":   append([]byte("\x03www"), 0xC0, 0x00),
		"one label of 64":  wireName(full + "a"),
		"all length bytes": bytes.Repeat([]byte{1}, 300),
	} {
		var n Name
		if got := n.Read(b); got != 0 {
			t.Errorf("%s: read %d octets", name, got)
		}
	}
	var n Name
	if got := n.Read(wireName(full, full, full, full[:61])); got != MaxName {
		t.Errorf("a name of 255 octets: read %d", got)
	}
	if got := n.Read(bytes.Repeat([]byte{1, 'a'}, 127)); got != 0 {
		t.Errorf("127 labels without a root label: read %d", got)
	}
	if got := n.Read(append(bytes.Repeat([]byte{1, 'a'}, 127), 0)); got != MaxName || n.Labels() != maxLabels {
		t.Errorf("127 labels: read %d octets, %d labels", got, n.Labels())
	}
}

// TestHashSpreads: no two of a million likely keys collide, which 64 bits would allow by accident only.
func TestHashSpreads(t *testing.T) {
	seen := make(map[uint64]bool, 1_000_000)
	key := []byte("\x08h0000000")
	for range 1_000_000 {
		h := Hash(key)
		if seen[h] {
			t.Fatalf("%q collides", key)
		}
		seen[h] = true
		for i := len(key) - 1; ; i-- {
			if key[i]++; key[i] <= '9' {
				break
			}
			key[i] = '0'
		}
	}
}
