// Package server moves DNS messages between sockets and zones.Responder.
//
// UDP: on Linux each worker has a socket of its own (SO_REUSEPORT) and moves packets in batches with
// recvmmsg and sendmmsg; elsewhere, and where it is asked for, the portable loop takes one packet at a time.
// Both stand behind the interface socket, and the same tests run over both. What it costs to answer is the kernel's work, to nine tenths;
// the rest is worth it only where it spares the kernel some: see waiter, which takes a busy socket from the poller. TCP (RFC 7766) and TLS (RFC 7858): one goroutine per
// connection, with a deadline on everything that a client can delay, handshakes included; all compete for the same places.
//
// Whatever transport a message comes over, engine.answer is what answers it. It loads the set of zones and
// reads the clock once per batch, recovers from a panic at the cost of one query, and counts in cells
// that no other worker writes.
//
// Measured and rejected, as nothing of it was more than the noise, which is 1 % of the time per answer: batches of 16, 32 or 128
// packets instead of 64; buffers of 512 octets close to each other. A thread per worker that blocks in recvmmsg is cheaper when
// there is little to do, but holds a processor of Go's that probes and control then wait for.
//
// BUG: TCP connections that the kernel has completed and that nobody has accepted yet when the server stops are reset.
package server
