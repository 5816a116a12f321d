package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"dnsfailover/dnsfailover/api"
)

// Control sequences of a terminal (ECMA-48, and xterm's alternate screen).
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	toTop       = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

// watchScreen shows the status on a screen of its own, anew every second, until ctx ends. A server
// that goes away is waited for.
func watchScreen(ctx context.Context, w io.Writer, get func() (api.Status, error)) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	fmt.Fprint(w, enterScreen)
	defer fmt.Fprint(w, leaveScreen)
	for {
		var text strings.Builder
		l, now := lookOf(w), time.Now()
		fmt.Fprintf(&text, "%s\n\n", l.paint(dim, fit(now.Format(time.TimeOnly)+"  every second, ^C ends it", l.width)))
		status, err := get()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			fmt.Fprintln(&text, l.paint(red, fit(clean(err.Error()), l.width)))
		default:
			printStatus(&text, status, now, l)
		}
		fmt.Fprint(w, frame(text.String(), l.height))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// frame returns what replaces a screen of that height by text, without flicker: it is never cleared as a whole.
func frame(text string, height int) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if height > 0 && len(lines) > height {
		lines = append(lines[:height-1], "...")
	}
	return toTop + strings.Join(lines, clearLine+"\r\n") + clearLine + clearBelow
}

// watchLines prints the status in short, then a line for each change, until ctx ends.
func watchLines(ctx context.Context, w io.Writer, last api.Status, get func() (api.Status, error)) error {
	say := func(lines []string) {
		for _, line := range lines {
			fmt.Fprintf(w, "%s %s\n", time.Now().Format(time.RFC3339), clean(line))
		}
	}
	say(changes(api.Status{}, last))
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	away := false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		status, err := get()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !away:
			say([]string{err.Error()})
			away = true
		case err == nil:
			if away {
				say([]string{"the server answers again"})
			}
			say(changes(last, status))
			last, away = status, false
		}
	}
}

// changes returns a line for each thing that differs and that an operator would want to know.
func changes(before, after api.Status) []string {
	var lines []string
	for _, p := range after.Problems {
		if !slices.Contains(before.Problems, p) {
			lines = append(lines, "problem: "+p)
		}
	}
	for _, p := range before.Problems {
		if !slices.Contains(after.Problems, p) {
			lines = append(lines, "mended: "+p)
		}
	}
	old := map[string]api.Service{}
	for _, s := range before.Services {
		old[s.Name] = s
	}
	for _, s := range after.Services {
		was, known := old[s.Name]
		delete(old, s.Name)
		lines = append(lines, verdictChanges(was, s)...)
		if !known || was.Serving != s.Serving || was.Rule != s.Rule || !slices.Equal(was.Answers, s.Answers) {
			lines = append(lines, fmt.Sprintf("%s: serves %s (%s: %s)", s.Name, served(s), s.Rule, s.Reason))
		}
	}
	for _, s := range before.Services {
		if _, gone := old[s.Name]; gone {
			lines = append(lines, s.Name+": is no longer configured")
		}
	}
	return lines
}

func verdictChanges(was, is api.Service) []string {
	type place struct{ target, address string }
	old := map[place]string{}
	for _, t := range was.Targets {
		for _, a := range t.Addresses {
			old[place{t.Name, a.Address}] = a.Verdict
		}
	}
	var lines []string
	for _, t := range is.Targets {
		for _, a := range t.Addresses {
			before, known := old[place{t.Name, a.Address}]
			if known && before != a.Verdict {
				lines = append(lines, fmt.Sprintf("%s: %s at %s is %s: %s", is.Name, t.Name, a.Address, a.Verdict, a.LastResult))
			}
		}
	}
	return lines
}
