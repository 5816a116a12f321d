package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dnsfailover/dnsfailover/api"
)

// Exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 3
)

// usageError says that a command was called in a way that makes no sense.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

func exitCode(err error) int {
	var usage *usageError
	var unreachable *api.Unreachable
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &unreachable):
		return exitUnreachable
	}
	return exitFailed
}

// explain returns what is printed of an error, which may have several lines.
func explain(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	lines := strings.Split(err.Error(), "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

// arguments returns a check that there is one argument for each name; those in brackets may be missing.
func arguments(names ...string) cobra.PositionalArgs {
	need := 0
	for _, name := range names {
		if !strings.HasPrefix(name, "[") {
			need++
		}
	}
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < need:
			return usagef("%s is missing", names[len(args)])
		case len(args) > len(names):
			return usagef("%q is one argument too many", args[len(names)])
		}
		for i, arg := range args {
			if arg == "" {
				return usagef("%s is empty", strings.Trim(names[i], "[]"))
			}
		}
		return nil
	}
}

// noSuchCommand refuses what is no command, and says which one may be meant.
func noSuchCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if like := root.SuggestionsFor(args[0]); len(like) > 0 {
		return usagef("there is no command %q: did you mean %q?", args[0], like[0])
	}
	return usagef("there is no command %q", args[0])
}

// badFlag refuses a flag, and says which one may be meant.
func badFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		known := &cobra.Command{SuggestionsMinimumDistance: cmd.Root().SuggestionsMinimumDistance} // it can tell names that look alike
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			known.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
		})
		if like := known.SuggestionsFor(unknown.GetSpecifiedName()); len(like) > 0 {
			return usagef("%s: did you mean --%s?", err, like[0])
		}
	}
	return &usageError{err.Error()}
}

// onlyConfig refuses arguments, and says how a file is given.
func onlyConfig(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
			return usagef("%s has no command %q: did you mean %s?", cmd.CommandPath(), args[0], like[0])
		}
	}
	if len(args) == 1 && args[0] != "" && !cmd.Flags().Changed("config") {
		return usagef("%q is one argument too many: did you mean --config %s?", args[0], args[0])
	}
	return arguments()(cmd, args)
}
