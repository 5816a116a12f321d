// Package peers holds the tests that compare the real binary with other authoritative servers (NSD, Knot and BIND) over
// the same zones, that put real resolvers (Unbound, plain and validating) in front of it, and that hold it to the numbered
// rules of packets, TCP and EDNS over real sockets.
//
// The peers are Debian's packages nsd, knot, bind9 and unbound. Without one, the tests that need it are skipped; with CI
// set in the environment they fail.
package peers
