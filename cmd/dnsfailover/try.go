package main

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"dnsfailover/cmd/dnsfailover/try"
)

func tryCommand() *cobra.Command {
	var auto, verbose bool
	cmd := &cobra.Command{
		Use:   "try",
		Short: "Show a failover on loopback, with no configuration",
		Long: `Run a nameserver, a primary and a backup web host and the admin address on loopback, on high
ports, with no configuration and no privileges. It prints what to type in another terminal, takes the
primary down and up when you press a key, and shows how the answers and their TTLs change.`,
		Example: `  dnsfailover try
  dnsfailover try --auto`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			opt := try.Options{
				Out: cmd.OutOrStdout(), Auto: auto, NewLine: "\n", Version: version(), Command: commandName(), Log: slog.New(slog.DiscardHandler),
			}
			if verbose {
				opt.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			}
			if !auto {
				restore := rawKeys(&opt)
				defer restore()
			}
			return try.Run(cmd.Context(), opt)
		},
	}
	cmd.Flags().BoolVar(&auto, "auto", false, "play all by itself, and end")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "show the server's log")
	return cmd
}

// commandName returns what starts this program from another terminal: its name if the PATH leads to it, or
// else its path. That of `go run` is a temporary one, which is there as long as it runs.
func commandName() string {
	path, err := os.Executable()
	if err != nil {
		return "dnsfailover"
	}
	return nameOnPath(path)
}

func nameOnPath(path string) string {
	found, err := exec.LookPath(filepath.Base(path))
	if err != nil {
		return path
	}
	us, err1 := os.Stat(path)
	other, err2 := os.Stat(found)
	if err1 != nil || err2 != nil || !os.SameFile(us, other) {
		return path
	}
	return filepath.Base(path)
}

// rawKeys sends what is typed to opt.Keys, on a terminal key by key. The function it returns
// restores the terminal.
func rawKeys(opt *try.Options) (restore func()) {
	restore = func() {}
	if fd := int(os.Stdin.Fd()); term.IsTerminal(fd) {
		if before, err := term.MakeRaw(fd); err == nil {
			opt.NewLine = "\r\n"
			restore = func() { _ = term.Restore(fd, before) }
		}
	}
	keys := make(chan byte)
	opt.Keys = keys
	go func() {
		one := make([]byte, 1)
		for {
			if _, err := os.Stdin.Read(one); err != nil {
				return
			}
			if one[0] > ' ' || one[0] == 3 {
				keys <- one[0]
			}
		}
	}()
	return restore
}
