// Package wire reads DNS queries from their bytes without allocating: the header, the question and
// the EDNS pseudo-record (RFC 1035 section 4.1, RFC 6891). It also lowers, compares and hashes names in
// wire form. Messages that are out of the ordinary are for miekg/dns; this package only says so.
package wire
