// Package admin serves the HTTP API: on a TCP address for dashboards, scrapers and those who bear
// a token, and on the control socket for the command line.
//
// Who may do what is decided before a handler runs. Over the control socket, the socket's file
// mode has decided already, and the peer's user is the author of what is done. Over TCP, reads are
// open on a loopback address only; everything else needs a token. A browser that was lured here is
// stopped by the Host it asks for (DNS rebinding) and by the Origin it names.
package admin
