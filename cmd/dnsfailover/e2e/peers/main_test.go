package peers

import (
	"testing"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// built is the program under test, built once.
var built string

func TestMain(m *testing.M) { process.Main(m, &built, 0) }
