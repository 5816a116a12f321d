// Command farm shows what caches make of a failover: 100,000 of them, of six manners, live through a planned switch, a failure
// and a flapping primary in virtual time, in front of three servers. It prints for how long their clients are sent to the dead
// primary, and draws it.
//
// dnsfailover itself is not imitated here: its answers come from package policy. The server with a fixed TTL decides as dnsfailover
// does, so that only the TTL differs; that of gdnsd is computed as its sources do.
//
//	go run ./cmd/farm -svg testdata/farm.svg
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
)

func main() {
	svg := flag.String("svg", "", "draw the picture into a `file`")
	flag.Parse()
	r := whole.run()
	r.table(os.Stdout)
	r.summary(os.Stdout)
	if *svg == "" {
		return
	}
	var picture bytes.Buffer
	r.draw(&picture)
	if err := os.WriteFile(*svg, picture.Bytes(), 0o666); err != nil {
		fmt.Fprintln(os.Stderr, "farm:", err)
		os.Exit(1)
	}
}

// whole is the farm that the README shows.
var whole = farm{caches: 100_000, runs: 20}

// run lets the farm live through everything.
func (f farm) run() result {
	r := result{scenarios: scenarios()}
	for i := range r.scenarios {
		var outcomes []outcome
		for _, c := range contenders {
			outcomes = append(outcomes, f.try(&r.scenarios[i], c))
		}
		r.outcomes = append(r.outcomes, outcomes)
	}
	return r
}
