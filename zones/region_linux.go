package zones

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapOctets returns fresh memory of size octets, in whole pages, or nil if there is none.
func mapOctets(size int) []byte {
	octets, err := unix.Mmap(-1, 0, pages(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil
	}
	_ = unix.Madvise(octets, unix.MADV_HUGEPAGE) // without, it is slower
	return octets
}

// trimOctets gives back what lies behind the last page in use.
func trimOctets(octets []byte) []byte {
	n := len(octets)
	if whole, err := unix.Mremap(octets[:cap(octets)], pages(n), 0); err == nil {
		return whole[:n]
	}
	return octets
}

func unmapOctets(octets []byte) { _ = unix.Munmap(octets[:cap(octets)]) }

func pages(size int) int {
	page := os.Getpagesize()
	return (size + page - 1) / page * page
}
