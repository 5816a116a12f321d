package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// result is everything: by scenario and contender.
type result struct {
	scenarios []scenario
	outcomes  [][]outcome
}

// table writes for how long clients are sent to the dead primary, by scenario and manner of their cache.
func (r result) table(w io.Writer) {
	for i, s := range r.scenarios {
		fmt.Fprintf(w, "%s: %s\n\n", s.name, s.text)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		row := func(name string, cell func(o outcome) string) {
			cells := []string{name}
			for _, o := range r.outcomes[i] {
				cells = append(cells, cell(o))
			}
			fmt.Fprintln(t, strings.Join(cells, "\t")+"\t")
		}
		heads := []string{"seconds at the dead primary"}
		for _, c := range contenders {
			heads = append(heads, c.name)
		}
		fmt.Fprintln(t, strings.Join(heads, "\t")+"\t")
		row("without a cache", func(o outcome) string { return seconds(o.bare) })
		for m := range manners {
			row(manners[m].name, func(o outcome) string {
				return fmt.Sprintf("%s (at most %s)", seconds(o.by[m].mean), seconds(o.by[m].worst))
			})
		}
		row("all caches", func(o outcome) string {
			dead, _ := o.mean()
			return seconds(dead)
		})
		row("queries an hour in calm", func(o outcome) string {
			_, queries := o.mean()
			return fmt.Sprintf("%.0f", queries)
		})
		t.Flush()
		fmt.Fprintln(w)
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()) }

// summary writes the averages over all caches as a table in Markdown.
func (r result) summary(w io.Writer) {
	row := func(first string, cell func(j int) string) {
		fmt.Fprint(w, "| ", first, " |")
		for j := range contenders {
			fmt.Fprint(w, " ", cell(j), " |")
		}
		fmt.Fprintln(w)
	}
	row("seconds at the dead primary", func(j int) string { return contenders[j].name })
	row("---", func(int) string { return "---" })
	for i, s := range r.scenarios {
		row(s.name, func(j int) string {
			dead, _ := r.outcomes[i][j].mean()
			return seconds(dead)
		})
	}
	row("queries an hour in calm", func(j int) string {
		_, queries := r.outcomes[1][j].mean()
		return fmt.Sprintf("%.0f", queries)
	})
}
