// Package process runs programs for as long as a test lasts: the one under test, its peers and its clients.
package process

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Patience bounds every wait; what takes longer is broken, not slow.
const Patience = 60 * time.Second

// Main is the TestMain of a package: it builds the program under test, puts its path into binary, and runs the tests, with so many
// parallel at once if that isn't 0. They wait for probes, for the clock and for each other's programs, hardly ever for a core.
func Main(m *testing.M, binary *string, parallel int) {
	dir, err := os.MkdirTemp("", "e2e-")
	if err != nil {
		panic(err)
	}
	*binary = filepath.Join(dir, "dnsfailover")
	if out, err := exec.Command("go", "build", "-o", *binary, "dnsfailover/cmd/dnsfailover").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		os.Exit(1)
	}
	flag.Parse()
	if parallel > 0 {
		if err := flag.Set("test.parallel", strconv.Itoa(parallel)); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// Eventually asks done every few milliseconds until it says yes; false if it never does.
func Eventually(done func() bool) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(Patience); time.Now().Before(end); <-tick.C {
		if done() {
			return true
		}
	}
	return false
}

// Find returns the path of a program. Without it the test is skipped; under CI it fails.
func Find(t testing.TB, name, debian string) string {
	t.Helper()
	for _, dir := range []string{"", "/usr/sbin/", "/usr/local/sbin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing: install the package %s", name, debian)
	}
	t.Skipf("%s is missing: install the package %s", name, debian)
	return ""
}
