package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// goal is what a command waits for, as it looks at an instant.
type goal struct {
	name       string    // stands before the bar
	line       string    // tells of it where there is no bar, if there is anything to tell
	since, end time.Time // when the way to it began, and when it should be reached
	safe       string    // set if it is reached: what is safe then
}

const (
	askEvery  = time.Second
	drawEvery = 200 * time.Millisecond
)

// await returns when the goal is reached: with a bar on a terminal that is wanted in colour, with a line at the begin and one at
// the end elsewhere. It asks again and again, since the goal may move meanwhile, or go away.
func await(ctx context.Context, out io.Writer, ask func(ctx context.Context, now time.Time) (goal, error)) error {
	l := lookOf(out)
	wipe := func() {
		if l.color {
			fmt.Fprint(out, "\r"+clearLine)
		}
	}
	tick := time.NewTicker(drawEvery)
	defer tick.Stop()
	begin := time.Now()
	var g goal
	var asked time.Time
	for {
		now := time.Now()
		if asked.IsZero() || now.Sub(asked) >= askEvery || !now.Before(g.end) {
			next, err := ask(ctx, now)
			switch {
			case err != nil:
				wipe()
				return err
			case next.safe != "":
				wipe()
				fmt.Fprintf(out, "safe: %s\n", clean(next.safe))
				return nil
			case asked.IsZero() && !l.color && next.line != "":
				fmt.Fprintln(out, clean(next.line))
			}
			g, asked = next, now
		}
		if l.color {
			fmt.Fprint(out, "\r"+g.bar(begin, now, l)+clearLine)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			wipe()
			return ctx.Err()
		}
	}
}

// bar draws how much of the way to the goal is over, of which nothing before begin counts, and what is left.
func (g goal) bar(begin, now time.Time, l look) string {
	const width = 30
	if g.since.After(begin) {
		begin = g.since
	}
	done := 0
	if whole := g.end.Sub(begin); whole > 0 {
		done = min(max(int(float64(width)*float64(now.Sub(begin))/float64(whole)), 0), width)
	}
	bar := l.paint(green, strings.Repeat("#", done)) + l.paint(dim, strings.Repeat(".", width-done))
	return fmt.Sprintf("%s [%s] %s left", clean(g.name), bar, short(until(g.end, now)))
}
