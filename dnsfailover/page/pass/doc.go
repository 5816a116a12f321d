// Package pass passes requests through to the host that the notice stands for, or to another one that answers part of it.
//
// An upstream is dialled by its address: its name leads here while the notice is shown. Host and the name in the TLS handshake are
// those that the client asked for, so that the upstream sees what it always sees. WebSockets, streams and trailers pass as
// they come, both ways at once; to no other protocol is switched.
//
// Where a hold.Gate stands before the upstream, a request that can't be connected waits for it instead of failing. Nothing of
// the request has been sent by then, so that it is sent once whatever it does.
package pass
