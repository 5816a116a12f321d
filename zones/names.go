package zones

import "unsafe"

// names finds the nodes of a draft by their keys, and keeps the keys. It is a table that grows: a million names
// take it a third of the time that a map takes, and leave the collector nothing to walk.
type names struct {
	slots  []uint64  // upper half of the hash, index of the node plus one; at most half full
	memory *region   // slots'
	keys   []*region // never moved, as strings refer to them
}

// keyAt is where a key is kept: the number of a region, and in the lower chunkBits the offset in it.
type keyAt uint32

// Keys share their allocations: the first in a small one, all others in big ones, outside of the heap.
const (
	firstChunk = 1 << 16
	chunkBits  = 22
	chunk      = 1 << chunkBits
)

// find returns the index of the node with that key in nodes, or -1.
func (t *names) find(nodes []draftNode, hash uint64, key []byte) int32 {
	if len(t.slots) == 0 {
		return -1
	}
	mask := uint64(len(t.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		slot := t.slots[at]
		if slot == 0 {
			return -1
		}
		if i := int32(uint32(slot)) - 1; (slot^hash)>>32 == 0 && t.key(&nodes[i]) == string(key) {
			return i
		}
	}
}

// insert notes that the last of nodes is new.
func (t *names) insert(nodes []draftNode) {
	if 2*len(nodes) > len(t.slots) {
		t.grow(4*len(nodes), nodes[:len(nodes)-1])
	}
	t.put(nodes[len(nodes)-1].hash, len(nodes)-1)
}

func (t *names) put(hash uint64, i int) {
	mask := uint64(len(t.slots) - 1)
	at := hash & mask
	for t.slots[at] != 0 {
		at = (at + 1) & mask
	}
	t.slots[at] = hash&^0xFFFF_FFFF | uint64(i+1)
}

// grow makes the table one of size slots at least, with nodes in it.
func (t *names) grow(size int, nodes []draftNode) {
	slots := 1 << 10
	for slots < size {
		slots *= 2
	}
	t.dropSlots()
	t.memory = newRegion(8*slots, 8*slots)
	t.slots = t.memory.words()
	for i := range nodes {
		t.put(nodes[i].hash, i)
	}
}

// release gives back the memory. No key may be used any more.
func (t *names) release() {
	t.dropSlots()
	for _, memory := range t.keys {
		memory.unmap()
	}
	t.keys = nil
}

func (t *names) dropSlots() {
	if t.memory != nil {
		t.memory.unmap()
	}
	t.slots = nil
}

// keep keeps a key.
func (t *names) keep(key []byte) keyAt {
	last := len(t.keys) - 1
	if last < 0 || cap(t.keys[last].octets)-len(t.keys[last].octets) < len(key) {
		size := chunk
		if last++; last == 0 {
			size = firstChunk
		}
		t.keys = append(t.keys, newRegion(0, size))
	}
	memory := t.keys[last]
	at := keyAt(last<<chunkBits | len(memory.octets))
	memory.append(key)
	return at
}

// key returns the key of a node, for as long as the table is not released.
func (t *names) key(n *draftNode) string {
	if n.keyLen == 0 {
		return ""
	}
	return unsafe.String(&t.keys[n.key>>chunkBits].octets[n.key%chunk], n.keyLen)
}
