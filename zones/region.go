package zones

import (
	"runtime"
	"unsafe"
)

// region is memory for what a zone is compiled to. If it is big it lies outside of the heap, in huge pages as far as the
// system has them: a lookup among a million names then doesn't miss the processor's table of pages (2 % of the server's time per
// answer), and the collector neither counts the octets nor lets as many again pile up as garbage. It is given back when
// nothing refers to the region any more, so a Zone refers to its regions, and who reads from a Zone keeps that.
type region struct {
	octets []byte
	mapped bool
}

// bigRegion is from how many octets on a region is mapped. Below, pages of 4 KiB do.
const bigRegion = 4 << 20

// newRegion returns a region of length octets, all zero, and room for capacity.
func newRegion(length, capacity int) *region {
	if capacity >= bigRegion {
		if octets := mapOctets(capacity); octets != nil {
			return &region{octets: octets[:length], mapped: true}
		}
	}
	return &region{octets: make([]byte, length, capacity)}
}

// append appends data. It may move the region.
func (r *region) append(data []byte) {
	if n := len(r.octets) + len(data); n > cap(r.octets) {
		bigger := newRegion(len(r.octets), n+n/4)
		copy(bigger.octets, r.octets)
		r.unmap()
		*r = *bigger
	}
	r.octets = append(r.octets, data...)
}

// seal gives back the room that was not used. The region isn't changed any more and lives as long as it is referred to.
func (r *region) seal() *region {
	if r.mapped {
		r.octets = trimOctets(r.octets)
		runtime.AddCleanup(r, unmapOctets, r.octets)
	} else if cap(r.octets)-len(r.octets) > len(r.octets)/8 {
		r.octets = append(make([]byte, 0, len(r.octets)), r.octets...)
	}
	return r
}

// unmap gives the memory back at once.
func (r *region) unmap() {
	if r.mapped {
		unmapOctets(r.octets)
	}
	*r = region{}
}

// words returns the region, which is not empty, as words in the processor's own order.
func (r *region) words() []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(r.octets))), len(r.octets)/8)
}
