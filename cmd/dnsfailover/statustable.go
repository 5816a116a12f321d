package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"dnsfailover/dnsfailover/api"
)

// printStatus prints the state of everything as it looks at now.
func printStatus(w io.Writer, status api.Status, now time.Time, l look) {
	line := func(indent int, s style, format string, args ...any) {
		text := clean(fmt.Sprintf(format, args...))
		if l.width > 0 {
			text = cut(text, max(l.width-indent, 0))
		}
		fmt.Fprintf(w, "%s%s\n", strings.Repeat(" ", indent), l.paint(s, text))
	}
	if !status.Ready {
		line(0, red, "not ready")
	}
	for _, p := range status.Problems {
		line(0, yellow, "! %s", p)
	}
	if !status.Ready || len(status.Problems) > 0 {
		fmt.Fprintln(w)
	}
	for i, s := range status.Services {
		if i > 0 {
			fmt.Fprintln(w)
		}
		line(0, bold, "%s: %s", s.Name, served(s))
		if s.Override != nil {
			line(2, yellow, "override: %s", overrideText(*s.Override, now))
		} else {
			line(2, plain, "%s: %s", s.Rule, s.Reason)
		}
		if s.Window != nil && s.Rule != "window" {
			line(2, yellow, "window: %s", windowText(*s.Window, now))
		}
		line(2, plain, "since %s (%s ago)", clock(s.Since, now), short(now.Sub(s.Since)))
		line(2, plain, "TTL %ds, %s", s.TTL, drained(s, now))
		if text := flaps(s); text != "" {
			line(2, yellow, "%s", text)
		}
		if n := s.NextChange; n != nil {
			line(2, plain, "next: %s at %s (in %s): %s", orNothing(n.Serving), clock(n.At, now), short(until(n.At, now)), n.Reason)
		}
		if s.NextWindow != nil {
			line(2, plain, "window: %s", windowText(*s.NextWindow, now))
		}
		fmt.Fprintln(w)
		targetTable(s, now).print(w, l)
	}
	printGuards(w, status.Guards, now, l)
	if len(status.Services) == 0 {
		line(0, plain, "there are no services: the zones are served as their files say")
	}
}

func targetTable(s api.Service, now time.Time) *table {
	t := table{spare: []int{7, 5, 5}} // the last result, the latency, the run
	var head []cell
	for _, title := range []string{"  TARGET", "VERDICT", "ADDRESS", "VERDICT", "FOR", "LATENCY", "RUN", "LAST RESULT"} {
		head = append(head, cell{text: title, style: dim, right: title == "LATENCY" || title == "RUN"})
	}
	t.row(head...)
	for _, target := range s.Targets {
		name := cell{text: "  " + target.Name}
		if target.Name == s.Serving {
			name = cell{text: "> " + target.Name, style: bold}
		}
		verdict := cell{text: target.Verdict, style: verdictStyle(target.Verdict)}
		for _, a := range target.Addresses {
			t.row(append([]cell{name, verdict}, addressCells(a, now)...)...)
			name, verdict = cell{}, cell{}
			for _, c := range a.Checks {
				t.row(append([]cell{name, verdict}, checkCells("- "+c.Name, c, now)...)...)
			}
		}
	}
	return &t
}

func addressCells(a api.Address, now time.Time) []cell {
	if !a.Checked {
		return []cell{{text: a.Address}, {text: a.Verdict, style: verdictStyle(a.Verdict)}, {}, {}, {}, {text: "no check, counts as up", style: dim}}
	}
	since, latency := "-", "-"
	if a.Since != nil {
		since = short(now.Sub(*a.Since))
	}
	if a.LatencyMS > 0 {
		latency = millis(time.Duration(a.LatencyMS * float64(time.Millisecond)))
	}
	return []cell{
		{text: a.Address},
		{text: a.Verdict, style: verdictStyle(a.Verdict)},
		{text: since},
		{text: latency, right: true},
		{text: runOf(a), right: true},
		lastResult(a),
	}
}

// runOf is how many results in a row came out alike; of several checks each has its own.
func runOf(a api.Address) string {
	if len(a.Checks) > 0 {
		return ""
	}
	return strconv.Itoa(a.Consecutive)
}

// checkCells tells of one check under a name.
func checkCells(name string, c api.Check, now time.Time) []cell {
	return addressCells(api.Address{
		Address: name, Verdict: c.Verdict, Since: c.Since, LastResult: c.LastResult, Warning: c.Warning,
		Consecutive: c.Consecutive, LatencyMS: c.LatencyMS, Checked: true, Frozen: c.Frozen,
	}, now)
}

func lastResult(a api.Address) cell {
	switch n := len(a.Checks); {
	case a.Frozen != "":
		return cell{text: "frozen: " + a.Frozen, style: yellow}
	case n > 0 && a.LastResult == "":
		return cell{text: fmt.Sprintf("%d of %d checks must be up", a.Need, n), style: dim}
	}
	if a.Warning == "" {
		return cell{text: a.LastResult}
	}
	return cell{text: "warning: " + a.Warning + "; " + a.LastResult, style: yellow}
}

// served says what a service serves: "primary at 203.0.113.10, 2001:db8::10".
func served(s api.Service) string {
	switch {
	case s.Serving == "":
		return "nothing"
	case len(s.Answers) == 0:
		return s.Serving + ", without an address"
	}
	return s.Serving + " at " + strings.Join(s.Answers, ", ")
}

// flaps says how often targets were left lately because they were down; nothing if none was.
func flaps(s api.Service) string {
	var parts []string
	for _, t := range s.Targets {
		if t.Flaps > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", t.Name, t.Flaps))
		}
	}
	if parts == nil {
		return ""
	}
	return "flaps in the last hour: " + strings.Join(parts, ", ")
}

func orNothing(target string) string {
	if target == "" {
		return "nothing"
	}
	return target
}

// drained says from when on no correct cache holds what was served before.
func drained(s api.Service, now time.Time) string {
	switch {
	case s.DrainedAt == nil:
		return "drained (nothing else was served before)"
	case !s.DrainedAt.After(now):
		return "drained since " + clock(*s.DrainedAt, now)
	}
	return fmt.Sprintf("drained in %s, at %s", short(until(*s.DrainedAt, now)), clock(*s.DrainedAt, now))
}

// overrideText says who switched to what, until when and why.
func overrideText(o api.Override, now time.Time) string {
	var out strings.Builder
	fmt.Fprintf(&out, "to %s by %s, ", o.Target, orSomebody(o.Author))
	if o.Until == nil {
		out.WriteString("until released")
	} else {
		fmt.Fprintf(&out, "until %s (in %s)", clock(*o.Until, now), short(until(*o.Until, now)))
	}
	if o.Reason != "" {
		fmt.Fprintf(&out, ": %s", o.Reason)
	}
	return out.String()
}

func orSomebody(author string) string {
	if author == "" {
		return "somebody"
	}
	return author
}

// outcome says what a switch or a release has led to, in one line.
func outcome(s api.Service, now time.Time) string {
	text := fmt.Sprintf("serves %s, TTL %ds, %s", served(s), s.TTL, drained(s, now))
	if s.Override != nil {
		text += "; override " + overrideText(*s.Override, now)
		if o := s.Override; o.Until != nil && s.DrainedAt != nil && o.Until.Before(*s.DrainedAt) {
			text += "; it ends before every cache has followed"
		}
	}
	return clean(text)
}
