package page

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// patience bounds every wait.
const patience = process.Patience

// eventually returns when done says yes, or ends the test.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	if !process.Eventually(done) {
		t.Fatalf("never: %s", what)
	}
}

// freeAddress returns a loopback address whose port was free a moment ago.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// write puts text into a file of a directory and returns its path.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
