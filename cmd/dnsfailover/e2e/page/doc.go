// Package page holds the tests that run the page host as its users do: the real binary, asked by curl, over TLS and plain, and by those who mean
// it no good.
//
// They need Debian's package curl. Without it, they are skipped; with CI set in the environment they fail.
package page
