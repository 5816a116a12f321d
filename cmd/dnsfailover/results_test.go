package main

import (
	"strings"
	"testing"
	"time"

	"dnsfailover/dnsfailover/api"
)

func TestResultsThatReadTheSameAreOneLine(t *testing.T) {
	var list []api.PastResult
	add := func(n int, r api.PastResult) {
		for range n {
			r.At = noon.Add(-time.Duration(len(list)) * 10 * time.Second)
			list = append(list, r)
		}
	}
	add(1, api.PastResult{Result: "success", TookMS: 12.3, Reason: "status 200", Warning: "the certificate expires in 3 days"})
	add(2, api.PastResult{Result: "failure", TookMS: 3000, Reason: "connect timed out after 3s"})
	add(1, api.PastResult{Result: "inconclusive", TookMS: 0.1, Reason: "too many open files on this host"})
	add(30, api.PastResult{Result: "success", TookMS: 12, Reason: "status 200"})
	add(1, api.PastResult{Result: "failure", TookMS: 1, Reason: "not an HTTP answer, it begins with \"\x1b[2J\""})
	results := api.Results{Service: "web", Checks: []api.CheckResults{
		{Check: "web/primary@203.0.113.10", Target: "primary", Address: "203.0.113.10", Results: list},
		{Check: "web/primary@2001:db8::10", Target: "primary", Address: "2001:db8::10"},
	}}
	var out strings.Builder
	printResults(&out, results, noon, look{})
	printResults(&out, api.Results{Service: "static"}, noon, look{})
	golden(t, "results.txt", out.String())
}
