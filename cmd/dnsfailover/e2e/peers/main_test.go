package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// built is the program under test, built once.
var built string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "peers-")
	if err != nil {
		panic(err)
	}
	built = filepath.Join(dir, "dnsfailover")
	if out, err := exec.Command("go", "build", "-o", built, "../..").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}
