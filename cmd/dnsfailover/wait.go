package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dnsfailover/dnsfailover/api"
)

func waitCommand() *cobra.Command {
	var window string
	cmd := &cobra.Command{
		Use:   "wait SERVICE",
		Short: "Wait until a service is drained",
		Long: `Wait until no correct cache holds what the service served before: it is safe then to take that down.
If the service changes again meanwhile, the wait goes on for that change.

With --window ID it is waited until that window is open and no correct cache points elsewhere, which is its start
if it was planned in time.`,
		Example: `  dnsfailover switch web backup --for 30m && dnsfailover wait web && ssh primary reboot
  dnsfailover wait web --window w3 && ssh primary reboot`,
		Args:              arguments("SERVICE"),
		ValidArgsFunction: completeNames(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client := dial(cmd)
			defer client.Close()
			if window != "" {
				return waitForWindow(cmd.Context(), cmd.OutOrStdout(), client, window)
			}
			w := waiter{out: cmd.OutOrStdout(), get: func(ctx context.Context) (api.Service, error) { return getService(ctx, client, args[0]) }}
			return w.wait(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&window, "window", "", "wait for a planned window by its `ID`")
	return clientCommand(cmd)
}

func getService(ctx context.Context, client *api.Client, name string) (api.Service, error) {
	status, err := client.Status(ctx)
	if err != nil {
		return api.Service{}, err
	}
	return findService(status, name)
}

// waiter waits until a service is drained.
type waiter struct {
	out io.Writer
	get func(ctx context.Context) (api.Service, error)
	// want is the target that must be served all the time; if it is empty, any may.
	want string
}

const (
	askEvery  = time.Second
	drawEvery = 200 * time.Millisecond
)

// wait returns when the service is drained: with a bar on a terminal that is wanted in colour, with a line at
// the begin and one at the end elsewhere. It asks again and again, since the service may change meanwhile.
func (w *waiter) wait(ctx context.Context) error {
	bar := lookOf(w.out).color
	tick := time.NewTicker(drawEvery)
	defer tick.Stop()
	begin := time.Now()
	var service api.Service
	var asked time.Time
	for {
		now := time.Now()
		if asked.IsZero() || now.Sub(asked) >= askEvery || drainedBy(service, now) {
			next, err := w.get(ctx)
			if err == nil && w.want != "" && next.Serving != w.want {
				err = fmt.Errorf("%s serves %s and not %s any more: %s", next.Name, orNothing(next.Serving), w.want, next.Reason)
			}
			if err != nil {
				w.clear(bar)
				return err
			}
			first := asked.IsZero()
			service, asked = next, now
			if drainedBy(service, now) {
				w.clear(bar)
				fmt.Fprintf(w.out, "safe: %s\n", safe(service))
				return nil
			}
			if first && !bar {
				fmt.Fprintf(w.out, "%s: serves %s; %s\n", clean(service.Name), clean(served(service)), drained(service, now))
			}
		}
		if bar {
			fmt.Fprint(w.out, "\r"+progress(service, begin, now, lookOf(w.out))+clearLine)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.clear(bar)
			return ctx.Err()
		}
	}
}

func (w *waiter) clear(bar bool) {
	if bar {
		fmt.Fprint(w.out, "\r"+clearLine)
	}
}

func drainedBy(s api.Service, now time.Time) bool {
	return s.DrainedAt == nil || !s.DrainedAt.After(now)
}

func safe(s api.Service) string {
	if s.DrainedAt == nil {
		return clean(fmt.Sprintf("%s serves %s, and nothing else was served before", s.Name, served(s)))
	}
	return clean(fmt.Sprintf("%s serves %s, and no correct cache holds anything else", s.Name, served(s)))
}

// progress draws how far a service is drained: from the begin of the change, or of the wait if that is later, to the end.
func progress(s api.Service, begin, now time.Time, l look) string {
	if s.Since.After(begin) {
		begin = s.Since
	}
	return countdown(clean(s.Name)+" -> "+clean(orNothing(s.Serving)), begin, *s.DrainedAt, now, l)
}

// countdown draws how much of the time from begin to end is over, and what is left.
func countdown(text string, begin, end, now time.Time, l look) string {
	const width = 30
	done := 0
	if whole := end.Sub(begin); whole > 0 {
		done = min(max(int(float64(width)*float64(now.Sub(begin))/float64(whole)), 0), width)
	}
	bar := l.paint(green, strings.Repeat("#", done)) + l.paint(dim, strings.Repeat(".", width-done))
	return fmt.Sprintf("%s [%s] %s left", text, bar, short(until(end, now)))
}
