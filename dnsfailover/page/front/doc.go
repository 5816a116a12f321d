// Package front is the door of the page host: it accepts connections, bounds what each may cost, answers plain
// requests from memory, and hands everything else to net/http.
//
// A plain request is a GET or HEAD of HTTP/1.1 without a body, in the exact form that every client sends. Whatever
// differs by one octet is left, unread, to net/http with its own judgement of what is malformed. So what is here needs to know
// little, and what it doesn't know can't be got wrong: it never decides what a request means beyond "the notice is the answer".
//
//	server.go       listeners, and who comes in
//	census.go       how many there are, and who must go
//	gate_linux.go   in without TLS
//	loop_linux.go   many connections without TLS, in one goroutine
//	desk_linux.go   what gate and loop do with each
//	stream.go       one connection with its own: TLS, what a loop can't do at once, and all of them where there is no epoll
//	respond.go      from octets read to octets to be written, the same for both
//	request.go      the octets of a plain request
//	handover.go     the way to net/http, with what has been read already
//
// Measured against nginx with the same page, 32 connections, two processors, in answers per CPU second: 1.15 times as many, and with a
// connection for each answer 1.25 times. Of the time 9 tenths are the kernel's. Less: a goroutine for each connection (0.9 and 0.6 of
// nginx's); system calls that the scheduler is told of (0.6 with a connection each, since its monitor stays awake); connections that are let in
// before they have asked (0.85). Measured and rejected: an epoll set that is waited for in a system call, by a goroutine (0.8 of this
// with two loops) or by a thread of its own (0.7); a second set around it from which it is taken while there is much to do,
// as package server does it for UDP (no difference).
package front
