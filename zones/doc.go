// Package zones is what we answer: it compiles master files (RFC 1035 section 5) into ready wire-format answers, and
// answers queries from them. It knows no probes, sockets or clocks.
//
// A zone's life: Load parses the file with miekg/dns (master.go) into a draft (draft.go), validates that (validate.go)
// and compiles it (compile.go, layout.go) into an arena of nodes and entries without pointers (zone.go, entry.go, table.go), which
// lies outside of the heap if it is big (region.go). Zones never change; a new file makes a new Zone, and NewSet joins zones into
// the Set that is served.
//
// A query's life: Responder.Respond (respond.go) judges and parses it (package wire), finds the nearest zone (set.go) and in it the
// closest existing name (lookup.go), copies the entry for the type, and moves its compression pointers if the name that is asked
// for is not the one that the entry was laid out for. Aliases are followed one lookup at a time, into other zones too,
// so that zones compile apart from each other: one that changes costs the others nothing.
//
// What an OPT record asks for is answered by options.go (with cookie.go and subnet.go), before the answer is built, so that the answer
// knows how much room is left. A query without options pays nothing for them.
//
// The names of services have no addresses here but a Slot (slot.go): an atomic pointer to a Timeline, shared by all names of a
// service, from which the clock picks the addresses and their TTL. A failover is one store into it. A timeline may hold one more segment, for
// the service's staff (subnet.go tells who that is, and the scope of what it gets); a service without staff pays one comparison.
//
// A reload of a million names goes on beside the answers, so the draft of a big zone lies outside of the heap too. While it was in
// the heap, the collector ran again and again meanwhile, and answers took up to 65 ms; now the slowest take 4 to 5 ms on two cores.
//
// What pays, in parts of the server's time per answer over UDP: looking ahead in all but small zones (warm.go), 4 % with 10,000
// names and 5 % with a million; huge pages for the biggest (region.go), 2 %.
//
// Measured and rejected: looking ahead in small zones too (within the noise with 1,000 names). Answers with whole CNAME chains
// compiled in (faster for aliases by one lookup, but they tie zones together, and every selection of a service multiplies them).
package zones
