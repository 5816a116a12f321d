package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dnsfailover/dnsfailover/api"
)

// historyFlags are the flags of history.
type historyFlags struct {
	since, until, check, output string
	kinds                       []string
	limit                       int
	follow                      bool
}

func historyCommand() *cobra.Command {
	var f historyFlags
	cmd := &cobra.Command{
		Use:   "history [SERVICE]",
		Short: "Show what has happened: who switched, and what changed",
		Long: `Show what operators did, what services served, and how verdicts changed: the latest events, or all of
them from --since on, the oldest first. With --follow, further events are shown as they happen.

The server keeps them in its state directory, up to two years long: what operators did apart from
what checks saw, so that a check that flaps pushes nothing else out. With -o json each event is one
line, with what was so before it and after it.`,
		Example: `  dnsfailover history
  dnsfailover history web --since 24h
  dnsfailover history --kind switch,release,reload --since 2030-01-31
  dnsfailover history --since 2030-01-31 -o json > audit.jsonl`,
		Args:              arguments("[SERVICE]"),
		ValidArgsFunction: completeNames(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			query, err := f.query(cmd, args, time.Now())
			if err != nil {
				return err
			}
			client := dial(cmd)
			defer client.Close()
			p := eventPrinter{out: cmd.OutOrStdout(), json: f.output == "json"}
			last, err := printHistory(cmd.Context(), client, query, p.print)
			if err != nil {
				return err
			}
			p.end()
			if !f.follow {
				return nil
			}
			return followHistory(cmd.Context(), cmd.ErrOrStderr(), client, query, last, p.print)
		},
	}
	cmd.Flags().StringVar(&f.since, "since", "", "from when on: a `time` such as \"2030-01-31 15:04\" or 15:04, or how long ago, such as 24h or 7d")
	cmd.Flags().StringVar(&f.until, "until", "", "up to when, likewise a `time`")
	cmd.Flags().StringSliceVar(&f.kinds, "kind", nil, "only events of these `kinds`, such as switch,release")
	cmd.Flags().StringVar(&f.check, "check", "", "only verdicts of this `check`, such as web/primary@203.0.113.10")
	cmd.Flags().IntVarP(&f.limit, "limit", "n", 50, "the latest `number` of events, without --since")
	cmd.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with what happens, until interrupted")
	cmd.Flags().StringVarP(&f.output, "output", "o", "table", "print a `format`: table or json")
	return clientCommand(cmd)
}

// page is how many events are asked for at a time.
const page = 1000

// query checks the flags and returns what is asked for.
func (f *historyFlags) query(cmd *cobra.Command, args []string, now time.Time) (q api.HistoryQuery, err error) {
	q = api.HistoryQuery{Check: f.check, Kinds: f.kinds, Limit: f.limit}
	if len(args) > 0 {
		q.Service = args[0]
	}
	if f.output != "table" && f.output != "json" {
		return q, usagef("--output %q is neither table nor json", f.output)
	}
	if f.limit < 1 || f.limit > page {
		return q, usagef("--limit must be from 1 to %d: give --since for more", page)
	}
	if f.since != "" {
		if cmd.Flags().Changed("limit") {
			return q, usagef("give --since or --limit, not both: --since shows all from then on")
		}
		q.Limit = page
		if q.Since, err = parseSince("--since", f.since, now); err != nil {
			return q, err
		}
	}
	if f.until != "" {
		if f.follow {
			return q, usagef("--until has an end, and --follow has none: leave one out")
		}
		if q.Until, err = parseSince("--until", f.until, now); err != nil {
			return q, err
		}
	}
	return q, nil
}

// printHistory prints what q asks for, page by page if it says since when, and returns the ID of the last event.
func printHistory(ctx context.Context, client *api.Client, q api.HistoryQuery, print func([]api.Event) error) (last uint64, err error) {
	for {
		history, err := client.History(ctx, q)
		if err != nil {
			return last, err
		}
		if err := print(history.Events); err != nil {
			return last, err
		}
		if n := len(history.Events); n > 0 {
			last = history.Events[n-1].ID
		}
		if !history.More || q.Since.IsZero() && q.After == 0 {
			return last, nil
		}
		q.After = last
	}
}

// followHistory prints what is new every second, until ctx ends. A server that goes away is waited for.
func followHistory(ctx context.Context, warn io.Writer, client *api.Client, q api.HistoryQuery, last uint64, print func([]api.Event) error) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	q.Limit = page
	away := false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		q.After = max(last, 1)
		next, err := printHistory(ctx, client, q, print)
		unreachable := (*api.Unreachable)(nil)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !errors.As(err, &unreachable):
			return err
		case err != nil && !away:
			fmt.Fprintln(warn, clean(err.Error()))
		case err == nil && away:
			fmt.Fprintln(warn, "the server answers again")
		}
		away = err != nil
		last = max(last, next)
	}
}

// eventPrinter prints events as they come.
type eventPrinter struct {
	out   io.Writer
	json  bool
	begun bool
}

func (p *eventPrinter) print(events []api.Event) error {
	if p.json {
		for _, e := range events {
			if err := printLine(p.out, e); err != nil {
				return err
			}
		}
		return nil
	}
	if len(events) == 0 {
		return nil
	}
	var t table
	if !p.begun {
		p.begun = true
		t.row(cell{text: "TIME", style: dim}, cell{text: kindColumn("WHAT"), style: dim}, cell{text: "SERVICE", style: dim}, cell{text: "BY", style: dim}, cell{text: "", style: dim})
	}
	now := time.Now()
	for _, e := range events {
		text := e.Text
		if was := e.Before; was != nil && was.Serving != nil && e.Author != "" {
			text += fmt.Sprintf(" (served %s before)", orNothing(*was.Serving))
		}
		t.row(cell{text: clock(e.Time, now), style: dim}, cell{text: kindColumn(e.Kind), style: kindStyle(e)}, cell{text: e.Service}, cell{text: orDash(e.Author)}, cell{text: text})
	}
	t.print(p.out, lookOf(p.out))
	return nil
}

// end says so if there was nothing.
func (p *eventPrinter) end() {
	if !p.json && !p.begun {
		fmt.Fprintln(p.out, "nothing has happened")
	}
}

// kindColumn gives all tables of one run the same width.
func kindColumn(kind string) string { return fmt.Sprintf("%-13s", strings.ReplaceAll(kind, "_", " ")) }

func kindStyle(e api.Event) style {
	switch {
	case e.Author != "":
		return bold
	case e.Kind == api.EventSelection:
		return yellow
	case e.Kind == api.EventVerdict && e.After != nil:
		return verdictStyle(e.After.Verdict)
	}
	return plain
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// printLine prints v as one line of JSON.
func printLine(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
