package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func pageStatusCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what a page host does for each site, and why",
		Long: `Show what a page host does for each site, and why. What is amiss comes first, a line each. With -o json it is the document of GET
/api/v1/page.`,
		Example: `  dnsfailover page status
  dnsfailover page status -o json | jq -r '.sites[] | .name + " " + .mode'`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return usagef("--output %q is neither table nor json", output)
			}
			client := pageSocket.dial(cmd)
			defer client.Close()
			status, err := client.Page(cmd.Context())
			if err != nil {
				return err
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), status)
			}
			for _, p := range status.Problems {
				fmt.Fprintf(cmd.ErrOrStderr(), "problem: %s\n", clean(p))
			}
			var t table
			t.row(cell{text: "SITE"}, cell{text: "MODE"}, cell{text: "UNTIL"}, cell{text: "WAITING", right: true}, cell{text: "NOTICES", right: true}, cell{text: "PASSED", right: true}, cell{text: "BECAUSE"}, cell{text: "REASON"})
			for _, s := range status.Sites {
				until := "-"
				if s.Until != nil {
					until = s.Until.Local().Format("2006-01-02 15:04:05")
				}
				t.row(cell{text: clean(s.Name)}, cell{text: s.Mode}, cell{text: until}, cell{text: fmt.Sprint(s.Waiting), right: true},
					cell{text: fmt.Sprint(s.Notices), right: true}, cell{text: fmt.Sprint(s.Passed), right: true}, cell{text: clean(s.Because)}, cell{text: clean(s.Reason)})
			}
			t.print(cmd.OutOrStdout(), lookOf(cmd.OutOrStdout()))
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "print a `format`: table or json")
	return pageSocket.client(cmd)
}

func pageReloadCommand() *cobra.Command {
	return pageSocket.client(&cobra.Command{
		Use:   "reload",
		Short: "Make a page host read its configuration again",
		Long: `Make a page host read its configuration, templates and certificates again, as SIGHUP does. A bad configuration changes nothing. Every
problem is printed, and the exit code is 1 if there is any. A page host that is part of a server is reloaded with it, by "dnsfailover reload".`,
		Example:           `  dnsfailover page --config page.yaml --check && dnsfailover page reload`,
		Args:              arguments(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return reload(cmd, pageSocket) },
	})
}
