// Package limit is response rate limiting: it makes a server that is lied to about where queries
// come from useless as a weapon against those who are said to have sent them.
//
// Semantics are those of BIND, NSD and Knot: the answers to one network (a /24, a /56) that say the same (the same
// name, or any name of a zone that doesn't exist, or the same error) share a token bucket. It refills at rate a second and holds
// a second's worth. What it doesn't cover is dropped, but every slip-th is sent truncated, so that an honest client
// that shares its network with the victim comes back over TCP, which can't be spoofed. Unlike with NSD, answers go on at the rate
// while a flood lasts.
//
// Buckets lie in a table of fixed size: floods cost no memory. Each is one word that says whose it is and until when it is
// empty (the generic cell rate algorithm: one instant is the whole state of a token bucket), so workers share the table with
// one compare-and-swap per answer, and none once a flood is being limited. A shard per worker would not do: the kernel deals
// packets to workers by the port they come from, which a flood varies, so a victim would get the rate once per worker.
// When a set of four buckets is full the one that is fullest is given away. Whoever floods keeps his, and who loses
// his gets a new, full one: an overfull table lets through too much, never too little.
package limit
