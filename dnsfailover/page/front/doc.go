// Package front is the door of the page host: it accepts connections, bounds what each may cost, answers plain
// requests from memory, and hands everything else to net/http.
//
// A plain request is a GET or HEAD of HTTP/1.1 without a body, in the exact form that every client sends. Whatever
// differs by one octet is left, unread, to net/http with its own judgement of what is malformed. So the loop here needs to know
// little, and what it doesn't know can't be got wrong: it never decides what a request means beyond "the notice is the answer".
//
//	conns.go     accepting: how many connections, in all and of one client
//	loop.go      one connection: wait, read, answer, wait
//	request.go   the octets of a plain request
//	handover.go  the way to net/http, with what has been read already
//
// A connection that waits for its next request owns a goroutine and no buffer.
package front
