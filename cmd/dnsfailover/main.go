// Command dnsfailover is an authoritative DNS server that answers with the addresses that work,
// and the client with which its operator speaks to it.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends us at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run runs one command line and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.AddCommand(
		serveCommand(),
		tryCommand(),
		validateCommand(),
		statusCommand(),
		whyCommand(),
		historyCommand(),
		simulateCommand(),
		switchCommand(),
		releaseCommand(),
		waitCommand(),
		windowCommand(),
		probeCommand(),
		pageCommand(),
		reloadCommand(),
		versionCommand(),
	)
	strictCompletion(root)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	command, err := root.ExecuteContextC(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "dnsfailover: %s\n", explain(err))
	}
	code := exitCode(err)
	if code == exitUsage {
		fmt.Fprintf(stderr, "run \"%s --help\" to see how it is used\n", command.CommandPath())
	}
	return code
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "dnsfailover",
		Short: "An authoritative DNS server that answers with the addresses that work",
		Long: `dnsfailover is an authoritative DNS server that watches the hosts behind its names and answers
with the addresses that work: the primary, or a backup that shows the maintenance page.

"serve" is the server. The commands that ask it or tell it something speak to it over its
control socket. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 server not reachable.`,
		Args:          noSuchCommand,
		RunE:          func(*cobra.Command, []string) error { return usagef("a command is missing") },
		SilenceErrors: true,
		SilenceUsage:  true,

		SuggestionsMinimumDistance: 2,
	}
	root.SetFlagErrorFunc(badFlag)
	// Alone, the root does nothing.
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if and .Runnable .HasParent}}", 1))
	return root
}

// strictCompletion makes cobra's completion command one that needs the name of a shell.
func strictCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		var shells []string
		for _, shell := range cmd.Commands() {
			shells = append(shells, shell.Name())
		}
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("a shell is missing: give one of %s", strings.Join(shells, ", "))
			}
			return usagef("there is no completion for %q: there is one for %s", args[0], strings.Join(shells, ", "))
		}
	}
}
