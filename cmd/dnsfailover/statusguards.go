package main

import (
	"fmt"
	"io"
	"time"

	"dnsfailover/dnsfailover/api"
)

// printGuards prints the canaries and the checks that others require.
func printGuards(w io.Writer, guards []api.Guard, now time.Time, l look) {
	if len(guards) == 0 {
		return
	}
	t := table{spare: []int{7, 5, 5}} // the last result, the latency, the run
	var head []cell
	for _, title := range []string{"  GUARD", "VERDICT", "CHECK", "VERDICT", "FOR", "LATENCY", "RUN", "LAST RESULT"} {
		head = append(head, cell{text: title, style: dim, right: title == "LATENCY" || title == "RUN"})
	}
	t.row(head...)
	for _, g := range guards {
		name, verdict := cell{text: "  " + g.Name}, cell{text: g.Verdict, style: verdictStyle(g.Verdict)}
		for _, c := range g.Checks {
			t.row(append([]cell{name, verdict}, checkCells(c.Name, c, now)...)...)
			name, verdict = cell{}, cell{}
		}
	}
	fmt.Fprintln(w)
	t.print(w, l)
}
