package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dnsfailover/dnsfailover/api"
)

// clientCommand makes cmd one that speaks to the server.
func clientCommand(cmd *cobra.Command) *cobra.Command { return serverSocket.client(cmd) }

// dial returns a client of the server that a client command is meant for.
func dial(cmd *cobra.Command) *api.Client { return serverSocket.dial(cmd) }

// findService returns the state of the service with that name.
func findService(status api.Status, name string) (api.Service, error) {
	var names []string
	for _, s := range status.Services {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	if len(names) == 0 {
		return api.Service{}, fmt.Errorf("there is no service %q: the configuration has none", name)
	}
	return api.Service{}, fmt.Errorf("there is no service %q: there are %s", name, strings.Join(names, ", "))
}

// completeNames offers the services for a first argument and the targets of that service for a second,
// up to max arguments.
func completeNames(max int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= max {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), time.Second)
		defer cancel()
		client := dial(cmd)
		defer client.Close()
		status, err := client.Status(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for _, service := range status.Services {
			switch {
			case len(args) == 0:
				names = append(names, service.Name)
			case service.Name == args[0]:
				for _, target := range service.Targets {
					names = append(names, target.Name)
				}
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
