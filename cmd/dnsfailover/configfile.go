package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"dnsfailover/dnsfailover/config"
)

// loaded reads a configuration with load, and prints what is wrong with one that can't be used.
func loaded[C any](cmd *cobra.Command, file string, load func(file string) (*C, []config.Problem)) (*C, error) {
	if file == "" {
		return nil, usagef("--config is missing")
	}
	cfg, problems := load(file)
	for _, p := range problems {
		fmt.Fprintln(cmd.ErrOrStderr(), clean(p.String()))
	}
	if cfg == nil {
		return nil, fmt.Errorf("%s has %s", file, countOf(len(problems), "problem"))
	}
	return cfg, nil
}
