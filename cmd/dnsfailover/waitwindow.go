package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"dnsfailover/dnsfailover/api"
)

// waitForWindow returns when a window is open and no correct cache points elsewhere.
func waitForWindow(ctx context.Context, out io.Writer, client *api.Client, id string) error {
	w := windowWaiter{
		out: out, id: id,
		windows: func(ctx context.Context) ([]api.Window, error) {
			all, err := client.Windows(ctx)
			return all.Windows, err
		},
		service: func(ctx context.Context, name string) (api.Service, error) { return getService(ctx, client, name) },
	}
	if err := w.wait(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("interrupted; window %s stays: \"dnsfailover window cancel %s\" takes it back", id, id)
}

// windowWaiter waits for a window.
type windowWaiter struct {
	out     io.Writer
	id      string
	windows func(ctx context.Context) ([]api.Window, error)
	service func(ctx context.Context, name string) (api.Service, error)
}

// wait shows a bar on a terminal that is wanted in colour, and a line at the begin and one at the end elsewhere. It asks again and
// again, since the window may be cancelled or overridden meanwhile.
func (w *windowWaiter) wait(ctx context.Context) error {
	l := lookOf(w.out)
	bar := waiter{out: w.out}
	tick := time.NewTicker(drawEvery)
	defer tick.Stop()
	begin := time.Now()
	var window api.Window
	var asked time.Time
	for {
		now := time.Now()
		if asked.IsZero() || now.Sub(asked) >= askEvery || !now.Before(window.HoldsFrom) {
			next, err := w.ask(ctx)
			if err != nil {
				bar.clear(l.color)
				return err
			}
			if asked.IsZero() && !l.color && now.Before(next.HoldsFrom) {
				fmt.Fprintf(w.out, "%s\n", clean(next.Service+": "+windowText(next, now)+"; safe in "+short(until(next.HoldsFrom, now))))
			}
			window, asked = next, now
			if next.Open && !now.Before(next.HoldsFrom) {
				return w.end(ctx, next, l.color)
			}
		}
		if l.color {
			text := fmt.Sprintf("%s: %s -> %s", window.ID, window.Service, window.Target)
			fmt.Fprint(w.out, "\r"+countdown(text, begin, window.HoldsFrom, now, l)+clearLine)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			bar.clear(l.color)
			return ctx.Err()
		}
	}
}

func (w *windowWaiter) ask(ctx context.Context) (api.Window, error) {
	all, err := w.windows(ctx)
	if err != nil {
		return api.Window{}, err
	}
	i := slices.IndexFunc(all, func(a api.Window) bool { return a.ID == w.id })
	if i < 0 {
		return api.Window{}, fmt.Errorf("there is no window %q, or it is over: \"dnsfailover window list\" shows those that there are", w.id)
	}
	return all[i], nil
}

// end says that it is safe, if the window's target is what is served.
func (w *windowWaiter) end(ctx context.Context, window api.Window, color bool) error {
	service, err := w.service(ctx, window.Service)
	(&waiter{out: w.out}).clear(color)
	if err != nil {
		return err
	}
	if service.Serving != window.Target {
		return fmt.Errorf("window %s is open, but %s serves %s and not %s: %s", window.ID, service.Name, orNothing(service.Serving), window.Target, service.Reason)
	}
	fmt.Fprintf(w.out, "safe: %s\n", safe(service))
	return nil
}
