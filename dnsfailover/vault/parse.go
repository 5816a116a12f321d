package vault

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
)

// The layout of bbolt's file, version 2, in the byte order of the machine. A page has a header of 16 octets: id (8),
// flags (2), count (2), overflow (4). Elements follow, 16 octets each, and the keys and values that they point to.
const (
	headerSize  = 16
	elementSize = 16
	metaSize    = 64
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	pageBranch   = 0x01
	pageLeaf     = 0x02
	pageFreelist = 0x10

	flagBucket = 0x01
)

// meta is the root of one version of the file. There are two, written by turns.
type meta struct {
	pageSize, root, freelist, pages, tx uint64
}

// reader walks a file. It believes no number in it: whatever does not fit becomes a damage, and what lies below is not read.
type reader struct {
	data   []byte
	meta   meta
	free   map[uint64]bool
	seen   map[uint64]bool
	damage []string
}

// parse returns the keys and values of the bucket in a bbolt file, as far as they are whole, and what is
// wrong with the file. If nothing is, bbolt can use it.
func parse(data []byte, bucket string) (values map[string][]byte, damage []string) {
	values = map[string][]byte{}
	m, ok := newestMeta(data)
	if !ok {
		return values, []string{"it has no valid root"}
	}
	r := &reader{data: data, meta: m, free: map[uint64]bool{}, seen: map[uint64]bool{}}
	if m.pages > uint64(len(data))/m.pageSize {
		r.wrong("it is cut off: %d octets are left of %d", len(data), m.pages*m.pageSize)
	}
	r.readFreelist()
	found := false
	r.walk(m.root, nil, nil, func(key, value []byte, flags uint32) {
		switch {
		case flags != flagBucket || len(value) < 16:
			r.wrong("there is an entry %q beside the buckets", key)
		case found || string(key) != bucket:
			r.wrong("there is an unknown bucket %q", key)
		default:
			found = true
			r.bucket(value, func(key, value []byte, flags uint32) {
				if flags != 0 {
					r.wrong("key %q is marked as a bucket", key)
					return
				}
				values[string(key)] = slices.Clone(value)
			})
		}
	})
	if !found {
		r.wrong("the bucket %q is missing", bucket)
	}
	r.account()
	return values, r.damage
}

func (r *reader) wrong(format string, args ...any) {
	if len(r.damage) < 10 {
		r.damage = append(r.damage, fmt.Sprintf(format, args...))
	}
}

// newestMeta finds the valid root that was written last. The first lies at the start, the second one page behind it; a
// page is as large as the machine's that created the file, which only a valid root tells.
func newestMeta(data []byte) (newest meta, found bool) {
	consider := func(at uint64) {
		if m, ok := parseMeta(data, at); ok && (at == 0 || at == m.pageSize) && (!found || m.tx > newest.tx) {
			newest, found = m, true
		}
	}
	consider(0)
	for size := uint64(1024); size <= 64<<10; size *= 2 {
		consider(size)
	}
	return newest, found
}

func parseMeta(data []byte, at uint64) (m meta, ok bool) {
	at += headerSize
	if uint64(len(data)) < at+metaSize {
		return m, false
	}
	b := data[at : at+metaSize]
	hash := fnv.New64a()
	hash.Write(b[:56])
	if u32(b, 0) != boltMagic || u32(b, 4) != boltVersion || u64(b, 56) != hash.Sum64() {
		return m, false
	}
	m = meta{pageSize: uint64(u32(b, 8)), root: u64(b, 16), freelist: u64(b, 32), pages: u64(b, 40), tx: u64(b, 48)}
	return m, m.pageSize >= 1024 && m.pageSize <= 64<<10 && m.pageSize&(m.pageSize-1) == 0
}

// page returns the page id with all that overflows from it.
func (r *reader) page(id uint64) (page []byte, ok bool) {
	size, whole := r.meta.pageSize, uint64(len(r.data))/r.meta.pageSize
	if id < 2 || id >= r.meta.pages || id >= whole {
		r.wrong("page %d lies outside", id)
		return nil, false
	}
	page = r.data[id*size:]
	last := id + uint64(u32(page, 12))
	if u64(page, 0) != id || last >= r.meta.pages || last >= whole {
		r.wrong("page %d is damaged", id)
		return nil, false
	}
	for i := id; i <= last; i++ {
		if r.seen[i] || r.free[i] {
			r.wrong("page %d is used twice", i)
			return nil, false
		}
	}
	for i := id; i <= last; i++ {
		r.seen[i] = true
	}
	return page[:(last-id+1)*size], true
}

func (r *reader) readFreelist() {
	page, ok := r.page(r.meta.freelist)
	if !ok {
		return
	}
	ids := page[headerSize:]
	count := uint64(u16(page, 10))
	if count == 0xFFFF { // more than fit into the count: they are counted by the first
		count, ids = u64(ids, 0), ids[8:]
	}
	if u16(page, 8) != pageFreelist || count > uint64(len(ids)/8) {
		r.wrong("the list of free pages is damaged")
		return
	}
	for last := uint64(1); count > 0; count, ids = count-1, ids[8:] {
		id := u64(ids, 0)
		if id <= last || id >= r.meta.pages || r.seen[id] {
			r.wrong("the list of free pages is damaged")
			return
		}
		r.free[id], last = true, id
	}
}

// walk calls each for the entries below page id, whose keys lie in [low, high); nil does not bound.
func (r *reader) walk(id uint64, low, high []byte, each func(key, value []byte, flags uint32)) {
	if page, ok := r.page(id); ok {
		r.elements(id, page, low, high, each)
	}
}

// bucket calls each for the entries of a bucket, whose value is its root page's id and a sequence, and,
// if there is no such page, the page itself.
func (r *reader) bucket(value []byte, each func(key, value []byte, flags uint32)) {
	if root := u64(value, 0); root != 0 {
		r.walk(root, nil, nil, each)
	} else if page := value[16:]; len(page) < headerSize || u16(page, 8) != pageLeaf {
		r.wrong("a bucket is damaged")
	} else {
		r.elements(0, page, nil, nil, each)
	}
}

func (r *reader) elements(id uint64, page, low, high []byte, each func(key, value []byte, flags uint32)) {
	kind, count := u16(page, 8), int(u16(page, 10))
	if kind != pageLeaf && kind != pageBranch || headerSize+count*elementSize > len(page) || kind == pageBranch && count == 0 {
		r.wrong("page %d is damaged", id)
		return
	}
	type element struct {
		key, value []byte
		flags      uint32
		child      uint64
	}
	elements := make([]element, 0, count)
	for i := range count {
		at := headerSize + i*elementSize
		var e element
		var ok bool
		if kind == pageBranch {
			e.child = u64(page, at+8)
			e.key, _, ok = keyAndValue(page, at, u32(page, at), u32(page, at+4), 0)
		} else {
			e.flags = u32(page, at)
			e.key, e.value, ok = keyAndValue(page, at, u32(page, at+4), u32(page, at+8), u32(page, at+12))
		}
		ordered := ok && len(e.key) > 0 && bytes.Compare(e.key, low) >= 0 && (high == nil || bytes.Compare(e.key, high) < 0) &&
			(i == 0 || bytes.Compare(elements[i-1].key, e.key) < 0)
		if !ordered {
			r.wrong("entry %d of page %d is damaged", i, id)
			return
		}
		elements = append(elements, e)
	}
	for i, e := range elements {
		switch {
		case kind == pageLeaf:
			each(e.key, e.value, e.flags)
		case i+1 < count:
			r.walk(e.child, e.key, elements[i+1].key, each)
		default:
			r.walk(e.child, e.key, high, each)
		}
	}
}

// keyAndValue returns a key and the value behind it, pos octets behind the element at at.
func keyAndValue(page []byte, at int, pos, keySize, valueSize uint32) (key, value []byte, ok bool) {
	start := uint64(at) + uint64(pos)
	end := start + uint64(keySize) + uint64(valueSize)
	if end > uint64(len(page)) {
		return nil, nil, false
	}
	middle := start + uint64(keySize)
	return page[start:middle:middle], page[middle:end:end], true
}

// account checks that every page is either used or free: one that is neither was meant by something damaged.
func (r *reader) account() {
	if len(r.damage) > 0 {
		return
	}
	for id := uint64(2); id < r.meta.pages; id++ {
		if !r.seen[id] && !r.free[id] {
			r.wrong("page %d is lost", id)
		}
	}
}

func u16(b []byte, at int) uint16 { return binary.NativeEndian.Uint16(b[at:]) }
func u32(b []byte, at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
func u64(b []byte, at int) uint64 { return binary.NativeEndian.Uint64(b[at:]) }
