package checks

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The ring gives back the latest 50 results, whatever they were; a plain list is its model.
func TestTheLatestResultsAreKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ring results
		var all []Past
		at := time.Unix(1_700_000_000, 0)
		kinds := rapid.SampledFrom([]int{1, 2, 49, 51, 1000}).Draw(t, "texts")
		for i := range rapid.IntRange(0, 400).Draw(t, "results") {
			at = at.Add(time.Duration(1+i) * time.Millisecond)
			r := Result{
				OK: rapid.Bool().Draw(t, "ok"), Inconclusive: rapid.Bool().Draw(t, "inconclusive"),
				Reason: fmt.Sprint("reason ", rapid.IntRange(0, kinds).Draw(t, "reason")), Start: at, Took: time.Duration(i) * time.Microsecond,
			}
			if rapid.Bool().Draw(t, "warns") {
				r.Warning = fmt.Sprint("warning ", rapid.IntRange(0, kinds).Draw(t, "warning"))
			}
			ring.add(r)
			all = append([]Past{{At: at, Took: r.Took, OK: r.OK, Inconclusive: r.Inconclusive, Reason: r.Reason, Warning: r.Warning}}, all...)
			if len(all) > kept {
				all = all[:kept]
			}
			if len(ring.texts) > 2*kept {
				t.Fatalf("%d texts for %d results", len(ring.texts), len(all))
			}
		}
		if diff := cmp.Diff(all, ring.list(), cmp.Transformer("instant", func(t time.Time) int64 { return t.UnixNano() })); len(all) > 0 && diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestResultsOfACheckThatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.Set([]*Check{check("a", &fake{name: "well", run: answers(true)})}, map[string]State{"a": {Verdict: Up}})
		b.start(t)
		after(time.Hour)
		list := b.Results("a")
		if len(list) != kept || !list[0].OK || list[0].Reason != "as told" {
			t.Fatalf("%d results: %+v", len(list), list)
		}
		if between := list[0].At.Sub(list[kept-1].At); between < 480*time.Second || between > 500*time.Second {
			t.Errorf("they span %s", between)
		}
		if got := b.Results("b"); got != nil {
			t.Errorf("of an unknown check: %v", got)
		}
	})
}

// BenchmarkResults adds a result, and reports how many bytes one check's ring takes when it is full.
func BenchmarkResults(b *testing.B) {
	for _, distinct := range []int{1, 50} {
		b.Run(fmt.Sprint(distinct, " texts"), func(b *testing.B) {
			var r results
			var list [50]Result
			for i := range list {
				list[i] = Result{OK: true, Reason: fmt.Sprintf("status 200, body contains %q", strings.Repeat("x", i%distinct)), Start: time.Now()}
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				r.add(list[i%len(list)])
				i++
			}
			bytes := cap(r.ring)*16 + cap(r.texts)*16 + 80
			for _, text := range r.texts {
				bytes += len(text)
			}
			b.ReportMetric(float64(bytes), "B/check")
		})
	}
}
