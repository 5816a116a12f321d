package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func releaseCommand() *cobra.Command {
	return clientCommand(&cobra.Command{
		Use:   "release SERVICE",
		Short: "End a service's override",
		Long: `End the override of a service: from now on its checks decide again. A service with manual failback
goes back to its best target.`,
		Example:           `  dnsfailover release web`,
		Args:              arguments("SERVICE"),
		ValidArgsFunction: completeNames(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client := dial(cmd)
			defer client.Close()
			service, err := client.Release(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: released; %s\n", clean(service.Name), outcome(service, time.Now()))
			return nil
		},
	})
}
