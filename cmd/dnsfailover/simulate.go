package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"dnsfailover/dnsfailover/api"
)

func simulateCommand() *cobra.Command {
	var at, output string
	var s api.Supposition
	cmd := &cobra.Command{
		Use:   "simulate [SERVICE] [--at TIME]",
		Short: "Show what would be served at an instant",
		Long: `Show what each service would serve at an instant, with which TTL and why, and what would change next. The server
starts from what is so now, and follows its overrides, windows and failbacks up to then, with the functions
that decide. Nothing changes.

With --down and --up, the checks of a target find that from now on; with --override, an operator
switches to a target now, until released. Each can be given several times.`,
		Example: `  dnsfailover simulate --at "2030-01-31 03:10"
  dnsfailover simulate web --at +2h --down web/primary
  dnsfailover simulate --override web/backup -o json`,
		Args:              arguments("[SERVICE]"),
		ValidArgsFunction: completeNames(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "table" && output != "json" {
				return usagef("--output %q is neither table nor json", output)
			}
			now := time.Now()
			var err error
			if s.At, err = parseInstant("--at", at, now); err != nil {
				return err
			}
			if len(args) > 0 {
				s.Service = args[0]
			}
			client := dial(cmd)
			defer client.Close()
			simulation, err := client.Simulate(cmd.Context(), s)
			if err != nil {
				return err
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), simulation)
			}
			printSimulation(cmd.OutOrStdout(), simulation, now, lookOf(cmd.OutOrStdout()))
			return nil
		},
	}
	cmd.Flags().StringVar(&at, "at", "+0s", "the instant: a `time` such as 15:04 or \"2030-01-31 15:04\", or how far ahead, such as +2h")
	cmd.Flags().StringSliceVar(&s.Down, "down", nil, "suppose that this `SERVICE/TARGET` is down from now on")
	cmd.Flags().StringSliceVar(&s.Up, "up", nil, "suppose that this `SERVICE/TARGET` is up from now on")
	cmd.Flags().StringSliceVar(&s.Override, "override", nil, "suppose a switch to this `SERVICE/TARGET` now")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "print a `format`: table or json")
	return clientCommand(cmd)
}

func printSimulation(w io.Writer, s api.Simulation, now time.Time, l look) {
	ahead := "now"
	if d := s.At.Sub(s.Now); d >= time.Second {
		ahead = "in " + short(until(s.At, s.Now))
	}
	fmt.Fprintf(w, "at %s, %s:\n", s.At.In(now.Location()).Format(time.DateTime), ahead)
	t := table{spare: []int{5, 4}} // what comes next, the reason
	var head []cell
	for _, title := range []string{"SERVICE", "SERVES", "TTL", "RULE", "WHY", "NEXT"} {
		head = append(head, cell{text: title, style: dim, right: title == "TTL"})
	}
	t.row(head...)
	for _, service := range s.Services {
		next := "-"
		if n := service.NextChange; n != nil {
			next = fmt.Sprintf("%s at %s", orNothing(n.Serving), clock(n.At, now))
		}
		t.row(cell{text: service.Name, style: bold}, cell{text: served(service)}, cell{text: fmt.Sprintf("%ds", service.TTL), right: true},
			cell{text: service.Rule}, cell{text: service.Reason}, cell{text: next})
	}
	t.print(w, l)
	if len(s.Services) == 0 {
		fmt.Fprintln(w, "there are no services: the zones are served as their files say")
	}
}
