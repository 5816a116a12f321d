package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dnsfailover/dnsfailover"
)

func validateCommand() *cobra.Command {
	var file string
	var live bool
	cmd := &cobra.Command{
		Use:   "validate --config FILE",
		Short: "Check a configuration and its zones, and say how fast each service fails over",
		Long: `Check a configuration and its zones with the code that "serve" runs before it listens. Every problem
is printed as FILE:LINE:COLUMN: SENTENCE, all in one run, and the exit code is 1 if there is any.

If there is none, the worst case of each service is printed: how long after the death of a target
another one is served, and how long until every correct cache has followed; and when each window comes next.

With --live, the checks of all targets are then run once, from here; a backup with a "page" check has to show its notice, with a
certificate that is valid for the name. At the end all that was seen is summed up, and services whose backup has no such check are named.
If one fails, the exit code is 1.`,
		Example: `  dnsfailover validate --config dnsfailover.yaml && dnsfailover reload
  dnsfailover validate --config dnsfailover.yaml --live`,
		Args: onlyConfig,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usagef("--config is missing")
			}
			report := dnsfailover.Validate(file)
			for _, p := range report.Problems {
				fmt.Fprintln(cmd.ErrOrStderr(), clean(p))
			}
			for _, w := range report.Warnings {
				fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", clean(w))
			}
			if n := len(report.Problems); n > 0 {
				return fmt.Errorf("%s has %s", file, countOf(n, "problem"))
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is good\n", clean(file))
			printBounds(cmd.OutOrStdout(), report.Services)
			printComing(cmd.OutOrStdout(), report.Windows)
			if live {
				return probeServices(cmd, file)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "the configuration `file`")
	cmd.Flags().BoolVar(&live, "live", false, "run every check once, too")
	return cmd
}

// printBounds prints the worst case of each service.
func printBounds(w io.Writer, services []dnsfailover.ServiceBound) {
	if len(services) == 0 {
		return
	}
	fmt.Fprintln(w, "\nWhen the target that is served dies, at the latest:")
	var t table
	for _, s := range services {
		text := "never fails over by itself: nothing watches its targets, or there is only one"
		if s.Detection > 0 {
			text = fmt.Sprintf("detected within %s, every cache follows within %s", tenths(s.Detection), tenths(s.Caches))
		}
		t.row(cell{text: "  " + s.Name + ":"}, cell{text: text})
	}
	t.print(w, look{})
}

// printComing prints when each window comes next, in its own time zone.
func printComing(w io.Writer, windows []dnsfailover.ComingWindow) {
	if len(windows) == 0 {
		return
	}
	fmt.Fprintln(w, "\nWindows come next:")
	var t table
	for _, c := range windows {
		var starts []string
		for _, at := range c.Starts {
			starts = append(starts, at.Format("Mon 2006-01-02 15:04 MST"))
		}
		t.row(cell{text: "  " + c.ID + ":"}, cell{text: fmt.Sprintf("to %s for %s, %s", c.Target, short(c.For), strings.Join(starts, ", "))})
	}
	t.print(w, look{})
}

// tenths rounds d up to a tenth of a second: a bound must hold.
func tenths(d time.Duration) string {
	const tenth = 100 * time.Millisecond
	return ((d + tenth - 1) / tenth * tenth).String()
}
