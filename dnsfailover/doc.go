// Package dnsfailover is the product: it joins what we answer (package zones) and what we observe (package checks).
//
// Data flows one way. A configuration and its zone files are compiled into a world (world.go). The scheduler's probes report
// transitions to control, which alone decides and fills the slots of the world's set; the server's sockets only read
// the live set. The admin API reads what control published and hands it an operator's commands. A reload builds the
// next world beside the live one and swaps the two (reload.go).
package dnsfailover
