package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func reloadCommand() *cobra.Command {
	return clientCommand(&cobra.Command{
		Use:   "reload",
		Short: "Make the server read its configuration and zones again",
		Long: `Make the server read its configuration and zones again. A bad configuration changes nothing; a bad zone
file leaves that zone as it was. Every problem is printed, and the exit code is 1 if there is any.`,
		Example:           `  dnsfailover validate --config dnsfailover.yaml && dnsfailover reload`,
		Args:              arguments(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return reload(cmd, serverSocket) },
	})
}

// reload makes what listens on a socket read its files again, and prints what that came to.
func reload(cmd *cobra.Command, s socket) error {
	client := s.dial(cmd)
	defer client.Close()
	result, err := client.Reload(cmd.Context())
	if err != nil {
		return err
	}
	for _, p := range result.Problems {
		fmt.Fprintln(cmd.ErrOrStderr(), clean(p))
	}
	for _, w := range result.Warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", clean(w))
	}
	if n := len(result.Problems); n > 0 && result.Changed {
		return fmt.Errorf("not everything was taken: %s", countOf(n, "problem"))
	} else if n > 0 {
		return fmt.Errorf("nothing was changed; the old configuration serves on: %s", countOf(n, "problem"))
	}
	fmt.Fprintln(cmd.OutOrStdout(), "reloaded")
	return nil
}
