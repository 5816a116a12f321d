package zones

import "strings"

// names finds the nodes of a draft by their keys, and keeps the keys. It is a table that grows: a million names
// take it a third of the time that a map takes, and leave the collector nothing to walk.
type names struct {
	slots []uint64 // upper half of the hash, index of the node plus one; at most half full
	keys  strings.Builder
}

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
		if i := int32(uint32(slot)) - 1; (slot^hash)>>32 == 0 && nodes[i].key == string(key) {
			return i
		}
	}
}

// insert notes that the last of nodes is new.
func (t *names) insert(nodes []draftNode) {
	if 2*len(nodes) > len(t.slots) {
		t.slots = make([]uint64, max(4*len(t.slots), 1<<10))
		for i := range nodes[:len(nodes)-1] {
			t.put(nodes[i].hash, i)
		}
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

// keep returns key as a string. Many share one allocation.
func (t *names) keep(key []byte) string {
	const chunk = 1 << 16
	if t.keys.Cap()-t.keys.Len() < len(key) {
		t.keys = strings.Builder{}
		t.keys.Grow(chunk)
	}
	from := t.keys.Len()
	t.keys.Write(key)
	return t.keys.String()[from:]
}
