//go:build linux && (amd64 || arm64)

package server

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batches says that newBatch works here.
const batches = true

// message is struct mmsghdr, see recvmmsg(2).
type message struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

// The kernel's idea of the structures, checked when this compiles.
var (
	_ = [1]struct{}{}[unsafe.Sizeof(message{})-64]
	_ = [1]struct{}{}[unsafe.Offsetof(message{}.length)-56]
)

// batch moves up to batchSize packets per system call. Everything it needs is
// allocated once, and the system calls are made without telling the scheduler: they don't block.
type batch struct {
	*waiter
	// The system calls; tests make them fail.
	recvmmsg, sendmmsg func(fd int, messages []message) (int, syscall.Errno)
	filling            func(uintptr) bool // fill, prebuilt so that no call allocates a closure

	packets  []packet
	names    []unix.RawSockaddrInet6 // longer than, and in port alike, that of IPv4
	controls []control               // nil unless the bind is a wildcard
	in, out  []message
	replies  []unix.Iovec // of out

	got     int // messages of in that the last call filled
	failure syscall.Errno

	next, last int // out[next:last] are to be sent
	refused    int
}

// newBatch takes over conn, which it closes, or else says why not.
func newBatch(conn *net.UDPConn, address netip.Addr) (portSocket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	if address.IsUnspecified() {
		if err := tellDestination(raw, address); err != nil {
			return nil, err
		}
	}
	waiter, err := newWaiter(raw)
	if err != nil {
		return nil, err
	}
	b := &batch{
		waiter: waiter, recvmmsg: recvmmsg, sendmmsg: sendmmsg,
		packets: make([]packet, batchSize),
		names:   make([]unix.RawSockaddrInet6, batchSize),
		in:      make([]message, batchSize),
		out:     make([]message, batchSize),
		replies: make([]unix.Iovec, batchSize),
	}
	b.filling = func(uintptr) bool { return b.fill() }
	if address.IsUnspecified() {
		b.controls = make([]control, batchSize)
	}
	queries := make([]byte, batchSize*stride)
	rooms := make([]byte, batchSize*stride)
	vectors := make([]unix.Iovec, batchSize)
	for i := range batchSize {
		b.packets[i].query = queries[i*stride:][:maxQuery:maxQuery]
		b.packets[i].room = rooms[i*stride:][:maxAnswer:maxAnswer]
		vectors[i].Base = &b.packets[i].query[0]
		vectors[i].SetLen(maxQuery)
		h := &b.in[i].header
		h.Name = (*byte)(unsafe.Pointer(&b.names[i]))
		h.Iov, h.Iovlen = &vectors[i], 1
		if b.controls != nil {
			h.Control = (*byte)(unsafe.Pointer(&b.controls[i]))
		}
		b.out[i].header.Iov, b.out[i].header.Iovlen = &b.replies[i], 1
	}
	b.got = batchSize // so that the first call sets up all of them
	return b, conn.Close()
}

func (b *batch) receive(wait bool) ([]packet, error) {
	for i := range b.in[:b.got] {
		h := &b.in[i].header
		h.Namelen = uint32(unsafe.Sizeof(b.names[i]))
		if b.controls != nil {
			h.Controllen = uint64(unsafe.Sizeof(b.controls[i]))
		}
	}
	b.got, b.failure = 0, 0
	if wait && b.woken.Load() { // in a flood there is always something to read
		return nil, os.ErrDeadlineExceeded
	}
	if !b.fill() && wait {
		if err := b.wait(b.filling); err != nil {
			return nil, err
		}
	}
	if b.got >= crowd {
		b.leave()
	}
	if b.failure != 0 {
		return nil, b.failure
	}
	for i := range b.in[:b.got] {
		m, p := &b.in[i], &b.packets[i]
		p.query, p.drop = p.query[:min(m.length, maxQuery)], none
		p.client = clientAt(&b.names[i])
		switch {
		case m.header.Flags&unix.MSG_TRUNC != 0:
			p.drop = oversize
		case b.names[i].Port == 0:
			p.drop = fromPort0
		}
	}
	return b.packets[:b.got], nil
}

// clientAt returns the address that the kernel wrote to name. The interface of a link-local one doesn't matter.
func clientAt(name *unix.RawSockaddrInet6) netip.Addr {
	if name.Family == unix.AF_INET {
		return netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(name)).Addr)
	}
	return netip.AddrFrom16(name.Addr)
}

// fill receives; false means that there is nothing yet.
func (b *batch) fill() bool {
	for {
		n, errno := b.recvmmsg(b.fd, b.in)
		switch errno {
		case 0:
			b.got = n
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		default:
			b.failure = errno
		}
		return true
	}
}

func (b *batch) send(packets []packet) int {
	b.next, b.last, b.refused = 0, 0, 0
	for i := range packets {
		if packets[i].length == 0 {
			continue
		}
		from, to := &b.in[i].header, &b.out[b.last].header
		to.Name, to.Namelen = from.Name, from.Namelen
		if b.controls != nil {
			to.Control, to.Controllen = nil, 0
			if b.controls[i].turn(from.Controllen) {
				to.Control, to.Controllen = from.Control, from.Controllen
			}
		}
		b.replies[b.last].Base = &packets[i].room[0]
		b.replies[b.last].SetLen(packets[i].length)
		b.last++
	}
	if b.last == 0 {
		return 0
	}
	if !b.flush() {
		b.waitForRoom()
		b.flush()
	}
	return b.refused + b.last - b.next
}

// flush sends; false means that the send buffer is full. An answer that the system refuses (ENOBUFS, EPERM from
// a firewall, ECONNREFUSED) is skipped: the client will ask again.
func (b *batch) flush() bool {
	for b.next < b.last {
		n, errno := b.sendmmsg(b.fd, b.out[b.next:b.last])
		switch errno {
		case 0:
			b.next += n
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			b.next++
			b.refused++
		}
	}
	return true
}

func recvmmsg(fd int, messages []message) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd),
		uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

func sendmmsg(fd int, messages []message) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd),
		uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}
