package page

import (
	"testing"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) { process.Main(m, &binary, 8) }
