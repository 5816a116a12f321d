package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"dnsfailover/dnsfailover/api"
)

func statusCommand() *cobra.Command {
	var watch bool
	var output string
	cmd := &cobra.Command{
		Use:   "status [SERVICE]",
		Short: "Show services, targets and verdicts, and what is served",
		Long: `Show each service: what it serves, by which rule and since when, the TTL of an answer given now, whether
every correct cache has dropped what was served before (it is drained then), and its targets with
the verdict on each address. In that table, the first VERDICT is the target's (as many addresses as
it needs are up), the second the address's own; FOR is how long it has held. RUN is how many probes
in a row, up to the last, came out alike: "fall" failures make an address down, "rise" successes up.
A terminal that is too narrow gets fewer columns.

With --watch, a terminal shows it anew every second; elsewhere each change is one line. With -o json
it is the document of GET /api/v1/status.`,
		Example: `  dnsfailover status
  dnsfailover status web --watch
  dnsfailover status -o json | jq -r '.services[] | .name + " " + .serving'`,
		Args:              arguments("[SERVICE]"),
		ValidArgsFunction: completeNames(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "table" && output != "json" {
				return usagef("--output %q is neither table nor json", output)
			}
			if watch && output == "json" {
				return usagef("--watch shows a table: leave out -o json")
			}
			client := dial(cmd)
			defer client.Close()
			get := func() (api.Status, error) {
				status, err := client.Status(cmd.Context())
				if err != nil || len(args) == 0 {
					return status, err
				}
				service, err := findService(status, args[0])
				status.Services = []api.Service{service}
				return status, err
			}
			status, err := get()
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			switch {
			case watch && isTerminal(out):
				return watchScreen(cmd.Context(), out, get)
			case watch:
				return watchLines(cmd.Context(), out, status, get)
			case output == "json":
				return printJSON(out, status)
			}
			printStatus(out, status, time.Now(), lookOf(out))
			return nil
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show it until interrupted")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "print a `format`: table or json")
	return clientCommand(cmd)
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
