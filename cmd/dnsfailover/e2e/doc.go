// Package e2e holds the tests that start the real binary, as a user would, with real clients and
// real web hosts on loopback.
package e2e
