package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func releaseCommand() *cobra.Command {
	return clientCommand(&cobra.Command{
		Use:   "release SERVICE",
		Short: "End a service's override, or let it go back at once",
		Long: `End the override of a service: from now on its checks decide again. Without an override, a service goes
back at once to a better target that is up again, whatever failback says: by hand, not before it has been up for
so long, or only in a period.`,
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
