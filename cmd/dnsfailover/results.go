package main

import (
	"fmt"
	"io"
	"time"

	"dnsfailover/dnsfailover/api"
)

// printResults prints the latest results of each check as they look at now. Results in a row that read the same are one
// line, with how many they are.
func printResults(w io.Writer, results api.Results, now time.Time, l look) {
	for _, check := range results.Checks {
		fmt.Fprintf(w, "\n%s\n", l.paint(bold, clean(fmt.Sprintf("%s at %s", check.Target, check.Address))))
		if len(check.Results) == 0 {
			fmt.Fprintln(w, "  no result since the start")
			continue
		}
		t := table{spare: []int{4}}
		list := check.Results
		for len(list) > 0 {
			n := 1
			for n < len(list) && alike(list[0], list[n]) {
				n++
			}
			t.row(resultCells(list[:n], now)...)
			list = list[n:]
		}
		t.print(w, l)
	}
	if len(results.Checks) == 0 {
		fmt.Fprintln(w, "\nnothing checks its targets")
	}
}

func alike(a, b api.PastResult) bool {
	return a.Result == b.Result && a.Reason == b.Reason && a.Warning == b.Warning
}

// resultCells shows results in a row that are alike, the latest first.
func resultCells(run []api.PastResult, now time.Time) []cell {
	last, first := run[0], run[len(run)-1]
	var sum float64
	for _, r := range run {
		sum += r.TookMS
	}
	when := clock(first.At, now)
	if len(run) > 1 {
		when += " to " + clock(last.At, now)
	}
	text, style := last.Reason, map[string]style{"success": green, "failure": red}[last.Result]
	if last.Warning != "" {
		text, style = "warning: "+last.Warning+"; "+last.Reason, yellow
	}
	return []cell{
		{text: "  " + when},
		{text: fmt.Sprintf("%d×", len(run)), right: true},
		{text: last.Result, style: style},
		{text: millis(time.Duration(sum / float64(len(run)) * float64(time.Millisecond))), right: true},
		{text: text},
	}
}
