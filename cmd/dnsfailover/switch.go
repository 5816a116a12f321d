package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"dnsfailover/dnsfailover/api"
)

// longest is the longest --for that the server takes.
const longest = 10 * 365 * 24 * time.Hour

// switchFlags are the flags of switch.
type switchFlags struct {
	duration, until, reason            string
	untilReleased, wait, dryRun, force bool
}

func switchCommand() *cobra.Command {
	var f switchFlags
	cmd := &cobra.Command{
		Use:   "switch SERVICE TARGET (--for DURATION | --until TIME | --until-released)",
		Short: "Override what a service serves",
		Long: `Switch a service to one of its targets, whatever its checks say, until the time that must be given.
The override survives restarts and reloads, and ends by itself on the second.

A switch to a target that is down is refused unless --force is given. With --wait, the command ends
when every correct cache has dropped what was served before: it is safe then to take that down.
^C ends the waiting only; the override stays.
With --dry-run nothing changes; it is printed what would be served, and what then, as far as it is known.`,
		Example: `  dnsfailover switch web backup --for 30m --reason "kernel update" --wait && ssh primary reboot
  dnsfailover switch web backup --until 15:04
  dnsfailover switch web backup --until "2030-01-31 06:00" --dry-run
  dnsfailover switch web backup --until-released --force`,
		Args:              arguments("SERVICE", "TARGET"),
		ValidArgsFunction: completeNames(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := f.body(cmd, args[1], time.Now())
			if err != nil {
				return err
			}
			client := dial(cmd)
			defer client.Close()
			service, err := client.Switch(cmd.Context(), args[0], body)
			if err != nil {
				return err
			}
			verb := "switched"
			if f.dryRun {
				verb = "would be switched"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s; %s\n", clean(service.Name), verb, outcome(service, time.Now()))
			printAhead(cmd.OutOrStdout(), service.Ahead, time.Now())
			if !f.wait {
				return nil
			}
			w := waiter{out: cmd.OutOrStdout(), want: args[1], get: func(ctx context.Context) (api.Service, error) { return getService(ctx, client, args[0]) }}
			if err := w.wait(cmd.Context()); !errors.Is(err, context.Canceled) {
				return err
			}
			return fmt.Errorf("interrupted; the override to %s stays: \"dnsfailover release %s\" ends it", args[1], args[0])
		},
	}
	cmd.Flags().StringVar(&f.duration, "for", "", "how long, as a `duration` such as 30m or 1h30m")
	cmd.Flags().StringVar(&f.until, "until", "", "until when, as a local `time` such as 15:04 or \"2030-01-31 15:04\", or in RFC 3339")
	cmd.Flags().BoolVar(&f.untilReleased, "until-released", false, "until \"dnsfailover release\"")
	cmd.Flags().StringVar(&f.reason, "reason", "", "a `text` that status shows")
	cmd.Flags().BoolVar(&f.wait, "wait", false, "wait until it is drained")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "change nothing, print what would be served")
	cmd.Flags().BoolVar(&f.force, "force", false, "even if the target is down")
	return clientCommand(cmd)
}

// printAhead prints the known changes ahead, a line each.
func printAhead(w io.Writer, changes []api.NextChange, now time.Time) {
	for _, n := range changes {
		line := fmt.Sprintf("then %s at %s (in %s): %s", orNothing(n.Serving), clock(n.At, now), short(until(n.At, now)), n.Reason)
		if n.DrainedAt.After(n.At) {
			line += fmt.Sprintf("; drained at %s", clock(n.DrainedAt, now))
		}
		fmt.Fprintf(w, "  %s\n", clean(line))
	}
}

// body checks the flags and returns what is sent.
func (f *switchFlags) body(cmd *cobra.Command, target string, now time.Time) (api.Switch, error) {
	body := api.Switch{Target: target, Reason: f.reason, Force: f.force, DryRun: f.dryRun, UntilReleased: f.untilReleased}
	ends := 0
	for _, name := range []string{"for", "until", "until-released"} {
		if cmd.Flags().Changed(name) {
			ends++
		}
	}
	if ends != 1 || cmd.Flags().Changed("until-released") && !f.untilReleased {
		return body, usagef("say how long with exactly one of --for, --until and --until-released")
	}
	if f.wait && f.dryRun {
		return body, usagef("--wait has nothing to wait for with --dry-run")
	}
	if cmd.Flags().Changed("for") {
		d, err := time.ParseDuration(f.duration)
		if err != nil {
			return body, usagef("--for %q is no duration: give one such as 90s, 30m or 1h30m", f.duration)
		}
		if d < time.Second {
			return body, usagef("--for %s is too short: give at least 1s", f.duration)
		}
		if d > longest {
			return body, usagef("--for %s is too long: give at most 10 years, 87600h, or --until-released", f.duration)
		}
		body.For = d.Seconds()
	}
	if cmd.Flags().Changed("until") {
		at, err := parseAhead("--until", f.until, now)
		if err != nil {
			return body, err
		}
		body.Until = &at
	}
	if u, err := user.Current(); err == nil {
		body.Author = u.Username
	}
	return body, nil
}
