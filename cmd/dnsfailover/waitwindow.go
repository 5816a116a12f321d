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

// wait returns when the window is open, holds, and its target is what is served. It may be cancelled or overridden meanwhile.
func (w *windowWaiter) wait(ctx context.Context) error {
	return await(ctx, w.out, func(ctx context.Context, now time.Time) (goal, error) {
		window, err := w.ask(ctx)
		if err != nil {
			return goal{}, err
		}
		if window.Open && !now.Before(window.HoldsFrom) {
			return w.open(ctx, window)
		}
		g := goal{name: fmt.Sprintf("%s: %s -> %s", window.ID, window.Service, window.Target), end: window.HoldsFrom}
		if now.Before(window.HoldsFrom) {
			g.line = window.Service + ": " + windowText(window, now) + "; safe in " + short(until(window.HoldsFrom, now))
		}
		return g, nil
	})
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

// open is the goal of a window that is open: reached, if the window's target is what is served.
func (w *windowWaiter) open(ctx context.Context, window api.Window) (goal, error) {
	service, err := w.service(ctx, window.Service)
	if err != nil {
		return goal{}, err
	}
	if service.Serving != window.Target {
		return goal{}, fmt.Errorf("window %s is open, but %s serves %s and not %s: %s", window.ID, service.Name, orNothing(service.Serving), window.Target, service.Reason)
	}
	return goal{safe: safe(service)}, nil
}
