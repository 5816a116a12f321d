package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"dnsfailover/dnsfailover"
)

func validateCommand() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use:   "validate --config FILE",
		Short: "Check a configuration and its zones, and say how fast each service fails over",
		Long: `Check a configuration and its zones with the code that "serve" runs before it listens. Every problem
is printed as FILE:LINE:COLUMN: SENTENCE, all in one run, and the exit code is 1 if there is any.

If there is none, the worst case of each service is printed: how long after the death of a target
another one is served, and how long until every correct cache has followed.`,
		Example: `  dnsfailover validate --config dnsfailover.yaml && dnsfailover reload`,
		Args:    onlyConfig,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if config == "" {
				return usagef("--config is missing")
			}
			report := dnsfailover.Validate(config)
			for _, p := range report.Problems {
				fmt.Fprintln(cmd.ErrOrStderr(), clean(p))
			}
			for _, w := range report.Warnings {
				fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", clean(w))
			}
			if n := len(report.Problems); n > 0 {
				return fmt.Errorf("%s has %s", config, countOf(n, "problem"))
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is good\n", clean(config))
			printBounds(cmd.OutOrStdout(), report.Services)
			return nil
		},
	}
	cmd.Flags().StringVarP(&config, "config", "c", "", "the configuration `file`")
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

// tenths rounds d up to a tenth of a second: a bound must hold.
func tenths(d time.Duration) string {
	const tenth = 100 * time.Millisecond
	return ((d + tenth - 1) / tenth * tenth).String()
}
