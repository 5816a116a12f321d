// Package page holds the tests that run the page host as its users do: the real binary, alone, beside a server or in one, asked by curl, over TLS and plain, by nginx and HAProxy
// that have it for a backup, by those who mean it no good, and looked at in a headless Chromium (go test -artifacts keeps what that has drawn).
//
// They need Debian's packages curl, nginx-light, haproxy and chromium, the benchmark wrk too. Without one, the tests that need it are skipped; with CI set in the environment they
// fail.
package page
