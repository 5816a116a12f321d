package main

import (
	"context"
	"fmt"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dnsfailover/dnsfailover/api"
)

func windowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "window",
		Short: "Plan maintenance",
		Long: `Plan periods in which a service is switched to one of its targets. Caches count down to them: from
the start of a window that was planned in time, no correct cache points elsewhere. A window survives restarts
and reloads. An override comes before it; of two windows that are open the one that started later wins.

What comes again is written into the configuration, under "windows" of the service.`,
		Args: noSuchSubcommand,
		RunE: func(*cobra.Command, []string) error { return usagef("say what to do: add, list or cancel") },
	}
	cmd.AddCommand(windowAddCommand(), windowListCommand(), windowCancelCommand())
	return cmd
}

func noSuchSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usagef("there is no command %q: there are window add, list and cancel", cmd.Name()+" "+args[0])
}

// windowFlags are the flags of window add.
type windowFlags struct {
	start, duration, reason string
	wait, dryRun, force     bool
}

func windowAddCommand() *cobra.Command {
	var f windowFlags
	cmd := &cobra.Command{
		Use:   "add SERVICE TARGET --start TIME --for DURATION",
		Short: "Plan a window",
		Long: `Plan a window in which a service is switched to a target. It is said from which second on no correct
cache points elsewhere: the start, unless the window is announced later than the caches need.

What is doubtful about it (the target is down, it overlaps another window, an override lies over it, it
ends before the caches have followed) is said now, an hour and a minute before the start in the log, and in
"status" meanwhile. With "guard: refuse" in the configuration it is refused, unless --force is given.

With --wait, the command ends when the window is open and safe. With --dry-run nothing changes; it is
printed what would be served and when.`,
		Example: `  dnsfailover window add web backup --start 03:00 --for 10m --reason "kernel update"
  dnsfailover window add web backup --start "2030-01-31 03:00" --for 1h --dry-run
  dnsfailover window add web backup --start 03:00 --for 10m --wait && ssh primary reboot`,
		Args:              arguments("SERVICE", "TARGET"),
		ValidArgsFunction: completeNames(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := f.body(args[0], args[1], time.Now())
			if err != nil {
				return err
			}
			client := dial(cmd)
			defer client.Close()
			w, err := client.AddWindow(cmd.Context(), body)
			if err != nil {
				return err
			}
			printPlanned(cmd.OutOrStdout(), w, f.dryRun, time.Now())
			if !f.wait {
				return nil
			}
			return waitForWindow(cmd.Context(), cmd.OutOrStdout(), client, w.ID)
		},
	}
	cmd.Flags().StringVar(&f.start, "start", "", "when: a local `time` such as 03:00 or \"2030-01-31 03:00\", one in RFC 3339, or how far ahead, such as +2h")
	cmd.Flags().StringVar(&f.duration, "for", "", "how long, as a `duration` such as 30m or 1h30m")
	cmd.Flags().StringVar(&f.reason, "reason", "", "a `text` that status shows")
	cmd.Flags().BoolVar(&f.wait, "wait", false, "wait until it is open and no cache points elsewhere")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "change nothing, print what would be served and when")
	cmd.Flags().BoolVar(&f.force, "force", false, "even if something is doubtful about it")
	return clientCommand(cmd)
}

// body checks the flags and returns what is sent.
func (f *windowFlags) body(service, target string, now time.Time) (api.NewWindow, error) {
	body := api.NewWindow{Service: service, Target: target, Reason: f.reason, Force: f.force, DryRun: f.dryRun}
	if f.start == "" || f.duration == "" {
		return body, usagef("say when with --start and how long with --for")
	}
	if f.wait && f.dryRun {
		return body, usagef("--wait has nothing to wait for with --dry-run")
	}
	var err error
	if body.Start, err = parseInstant("--start", f.start, now); err != nil {
		return body, err
	}
	d, err := time.ParseDuration(f.duration)
	if err != nil {
		return body, usagef("--for %q is no duration: give one such as 90s, 30m or 1h30m", f.duration)
	}
	if d < time.Second || d > longestWindow {
		return body, usagef("--for %s must be from 1s to 744h, 31 days", f.duration)
	}
	body.For = d.Seconds()
	if u, err := user.Current(); err == nil {
		body.Author = u.Username
	}
	return body, nil
}

// longestWindow is the longest --for of a window that the server takes.
const longestWindow = 31 * 24 * time.Hour

func windowListCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the windows that are open or to come",
		Long: `List all windows that are open or to come, in the order of their starts, and what is doubtful about them. Those that
come again show when. With -o json it is the document of GET /api/v1/windows.`,
		Example: `  dnsfailover window list`,
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return usagef("--output %q is neither table nor json", output)
			}
			client := dial(cmd)
			defer client.Close()
			all, err := client.Windows(cmd.Context())
			if err != nil {
				return err
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), all)
			}
			printWindows(cmd.OutOrStdout(), all.Windows, time.Now(), lookOf(cmd.OutOrStdout()))
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "print a `format`: table or json")
	return clientCommand(cmd)
}

func windowCancelCommand() *cobra.Command {
	return clientCommand(&cobra.Command{
		Use:               "cancel ID",
		Short:             "Cancel a window, or end it if it is open",
		Long:              `Cancel a window that was planned with "window add". If it is open it ends at once.`,
		Example:           `  dnsfailover window cancel w3`,
		Args:              arguments("ID"),
		ValidArgsFunction: completeWindows,
		RunE: func(cmd *cobra.Command, args []string) error {
			client := dial(cmd)
			defer client.Close()
			w, err := client.CancelWindow(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			was := "it was to start"
			if w.Open {
				was = "it was open since"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n", clean(fmt.Sprintf("%s: cancelled; %s %s, %s to %s", w.ID, was, clock(w.Start, time.Now()), w.Service, w.Target)))
			return nil
		},
	})
}

// completeWindows offers the windows that can be cancelled.
func completeWindows(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), time.Second)
	defer cancel()
	client := dial(cmd)
	defer client.Close()
	all, err := client.Windows(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	for _, w := range all.Windows {
		if !w.Recurring {
			ids = append(ids, w.ID+"\t"+strings.TrimSpace(w.Service+" to "+w.Target+" "+w.Start.Local().Format(time.DateTime)))
		}
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
