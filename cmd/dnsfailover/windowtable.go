package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"dnsfailover/dnsfailover/api"
)

// printPlanned says what a window that was planned, or would be, leads to.
func printPlanned(out io.Writer, w api.Window, dryRun bool, now time.Time) {
	verb := "planned"
	if dryRun {
		verb = "would be planned"
	}
	fmt.Fprintf(out, "%s\n", clean(fmt.Sprintf("%s: %s; %s to %s from %s (in %s) to %s; %s",
		w.ID, verb, w.Service, w.Target, clock(w.Start, now), short(until(w.Start, now)), clock(w.End, now), holds(w, now))))
	for _, p := range w.Problems {
		fmt.Fprintf(out, "! %s\n", clean(p))
	}
	if len(w.Preview) == 0 {
		return
	}
	t := table{}
	t.row(cell{text: "  FROM"}, cell{text: "SERVES"}, cell{text: "TTL", right: true}, cell{text: "BECAUSE"})
	for _, p := range w.Preview {
		serves := orNothing(p.Serving)
		if len(p.Answers) > 0 {
			serves += " at " + strings.Join(p.Answers, ", ")
		}
		t.row(cell{text: "  " + clock(p.At, now)}, cell{text: serves}, cell{text: fmt.Sprintf("%ds", p.TTL), right: true}, cell{text: p.Rule + ": " + p.Reason})
	}
	t.print(out, lookOf(out))
}

// holds says from when on no correct cache points elsewhere in w.
func holds(w api.Window, now time.Time) string {
	switch {
	case !w.HoldsFrom.Before(w.End):
		return "too short for the caches: they may point elsewhere until " + clock(w.HoldsFrom, now)
	case w.HoldsFrom.After(w.Start):
		return "announced too late for its start: no correct cache points elsewhere from " + clock(w.HoldsFrom, now) + " on"
	}
	return "no correct cache points elsewhere from its start on"
}

// printWindows prints windows and what is doubtful about them.
func printWindows(out io.Writer, all []api.Window, now time.Time, l look) {
	if len(all) == 0 {
		fmt.Fprintln(out, "no window is planned")
		return
	}
	t := table{spare: []int{6, 5}}
	var head []cell
	for _, title := range []string{"WINDOW", "SERVICE", "TARGET", "START", "FOR", "COMES AGAIN", "SAFE FROM", "REASON"} {
		head = append(head, cell{text: title, style: dim})
	}
	t.row(head...)
	for _, w := range all {
		again := "-"
		if w.Recurring {
			again = w.Cron + " " + w.Timezone
			if len(w.Next) > 0 {
				again = clock(w.Next[0].Start, now) + " (" + again + ")"
			}
		}
		start := cell{text: clock(w.Start, now) + " (in " + short(until(w.Start, now)) + ")"}
		if w.Open {
			start = cell{text: clock(w.Start, now) + " (open, " + short(until(w.End, now)) + " left)", style: green}
		}
		safe := cell{text: clock(w.HoldsFrom, now)}
		if w.HoldsFrom.After(w.Start) {
			safe.style = yellow
		}
		t.row(cell{text: w.ID}, cell{text: w.Service}, cell{text: w.Target}, start, cell{text: short(w.End.Sub(w.Start))}, cell{text: again}, safe, cell{text: w.Reason})
	}
	t.print(out, l)
	for _, w := range all {
		for _, p := range w.Problems {
			fmt.Fprintln(out, l.paint(yellow, fit(clean("! "+w.ID+": "+p), l.width)))
		}
	}
}

// windowText says what a window does: "w3 to backup from 03:00:00 (in 5m) to 03:30:00: kernel update".
func windowText(w api.Window, now time.Time) string {
	text := fmt.Sprintf("%s to %s from %s (in %s) to %s", w.ID, w.Target, clock(w.Start, now), short(until(w.Start, now)), clock(w.End, now))
	if w.Open {
		text = fmt.Sprintf("%s to %s until %s (in %s)", w.ID, w.Target, clock(w.End, now), short(until(w.End, now)))
	}
	if w.HoldsFrom.After(w.Start) {
		text += ", safe from " + clock(w.HoldsFrom, now)
	}
	if w.Reason != "" {
		text += ": " + w.Reason
	}
	return text
}
