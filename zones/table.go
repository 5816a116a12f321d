package zones

// table finds a node by its key: open addressing with linear probing, at most half full. A slot holds the upper half of the
// hash and the node's offset plus one, so that a miss is nearly always seen without a look at the arena, and eight slots
// share a cache line.
type table struct {
	slots  []uint64 // memory's
	mask   uint64
	memory *region
}

func newTable(nodes int) table {
	size := 8
	for size < 2*nodes {
		size *= 2
	}
	memory := newRegion(8*size, 8*size).seal()
	return table{slots: memory.words(), mask: uint64(size - 1), memory: memory}
}

// insert adds a node, whose key must not be there.
func (t *table) insert(hash uint64, n node) {
	at := hash & t.mask
	for t.slots[at] != 0 {
		at = (at + 1) & t.mask
	}
	t.slots[at] = hash&^0xFFFF_FFFF | uint64(n+1)
}

// find returns the node with that key in arena, or noNode.
func (t *table) find(arena []byte, hash uint64, key []byte) node {
	for at := hash & t.mask; ; at = (at + 1) & t.mask {
		slot := t.slots[at]
		if slot == 0 {
			return noNode
		}
		if (slot^hash)>>32 != 0 {
			continue
		}
		n := node(slot) - 1
		if stored := arena[n:]; int(stored[0]) == len(key) && string(stored[1:1+len(key)]) == string(key) {
			return n
		}
	}
}
