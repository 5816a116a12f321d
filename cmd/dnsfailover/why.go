package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dnsfailover/dnsfailover/api"
)

func whyCommand() *cobra.Command {
	var results bool
	var from string
	cmd := clientCommand(&cobra.Command{
		Use:   "why NAME [TYPE]",
		Short: "Explain the answer that is given now, rule by rule",
		Long: `Explain why the name is answered as it is now: the answer itself, with its TTL, what stands in its
authority section, and each rule that was looked at on the way to it. TYPE is A if it is left out. With
--results also the latest results of every check of the service that the name belongs to, up to 50 of each.

Services with staff answer it otherwise than the public: --client shows what the client with that address gets.`,
		Example: `  dnsfailover why www.example.com
  dnsfailover why www.example.com AAAA
  dnsfailover why www.example.com --results
  dnsfailover why www.example.com --client 192.0.2.7`,
		Args:              arguments("NAME", "[TYPE]"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			qtype := "A"
			if len(args) == 2 {
				qtype = args[1]
			}
			client := dial(cmd)
			defer client.Close()
			why, err := client.Why(cmd.Context(), args[0], qtype, from)
			if err != nil {
				return err
			}
			l := lookOf(cmd.OutOrStdout())
			printWhy(cmd.OutOrStdout(), why, l)
			if !results {
				return nil
			}
			if why.Service == "" {
				return fmt.Errorf("%s belongs to no service, so nothing is checked for it", args[0])
			}
			past, err := client.Results(cmd.Context(), why.Service, "")
			if err != nil {
				return err
			}
			printResults(cmd.OutOrStdout(), past, time.Now(), l)
			return nil
		},
	})
	cmd.Flags().StringVar(&from, "client", "", "explain the answer that the client with that `ADDRESS` gets")
	cmd.Flags().BoolVar(&results, "results", false, "show the latest results of the service's checks")
	return cmd
}

func printWhy(w io.Writer, why api.Why, l look) {
	fmt.Fprintf(w, "%s %s: %s\n", l.paint(bold, clean(why.Name)), clean(why.Type), clean(why.Rcode))
	for _, record := range why.Answer {
		fmt.Fprintf(w, "  %s\n", clean(strings.ReplaceAll(record, "\t", " ")))
	}
	for _, record := range why.Authority {
		fmt.Fprintf(w, "  authority: %s\n", clean(strings.ReplaceAll(record, "\t", " ")))
	}
	fmt.Fprintln(w)
	var t table
	if why.Zone != "" {
		t.row(cell{text: "  zone"}, cell{text: why.Zone})
	}
	if why.Service != "" {
		t.row(cell{text: "  service"}, cell{text: why.Service})
	}
	for i, step := range why.Steps {
		mark, style := "  ", dim
		if step.Applies {
			mark, style = "> ", plain
		}
		t.row(cell{text: fmt.Sprintf("%s%d. %s", mark, i+1, step.Rule), style: style}, cell{text: step.Text, style: style})
	}
	t.print(w, l)
}
