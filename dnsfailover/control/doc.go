// Package control is the single writer: the one goroutine that decides what every service serves.
//
// It takes transitions of checks, operators' commands and new configurations one after another, decides with the pure
// functions of package policy, and publishes each decision by one store into the service's slot. At that line the world has
// changed. Only then come the view that status reads, the log, and the state directory, none of which can hold a
// decision up: the store's own goroutine writes, and whoever commands a switch waits for the disk, not control.
//
// No state depends on a timer having fired. A timer wakes control when a known edge has passed; the slots and the views
// hold what is served behind it already.
package control
