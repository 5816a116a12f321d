package main

import (
	"context"
	"fmt"
	"io"
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

// wait returns when the service is drained.
func (w *waiter) wait(ctx context.Context) error {
	return await(ctx, w.out, func(ctx context.Context, now time.Time) (goal, error) {
		service, err := w.get(ctx)
		if err == nil && w.want != "" && service.Serving != w.want {
			err = fmt.Errorf("%s serves %s and not %s any more: %s", service.Name, orNothing(service.Serving), w.want, service.Reason)
		}
		return drain(service, now), err
	})
}

// drain is the goal that a service is drained.
func drain(s api.Service, now time.Time) goal {
	if s.DrainedAt == nil || !s.DrainedAt.After(now) {
		return goal{safe: safe(s)}
	}
	return goal{
		name: s.Name + " -> " + orNothing(s.Serving), since: s.Since, end: *s.DrainedAt,
		line: fmt.Sprintf("%s: serves %s; %s", s.Name, served(s), drained(s, now)),
	}
}

// safe says what is safe about a service that is drained.
func safe(s api.Service) string {
	if s.DrainedAt == nil {
		return fmt.Sprintf("%s serves %s, and nothing else was served before", s.Name, served(s))
	}
	return fmt.Sprintf("%s serves %s, and no correct cache holds anything else", s.Name, served(s))
}
