package main

import (
	"context"
	"fmt"
	stdlog "log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"dnsfailover/dnsfailover/config"
	host "dnsfailover/dnsfailover/page"
)

func pageCommand() *cobra.Command {
	var file, level, format string
	var check bool
	cmd := &cobra.Command{
		Use:   "page --config FILE",
		Short: "Run the maintenance page host in the foreground",
		Long: `Run the maintenance page host: the backup that names point at while their site is down or worked on. It answers every request
with 503 and a notice in the form and language that the client asks for, tells when the site is expected back, and lets
staff through to the primary. It logs to standard error.

SIGHUP makes it read its configuration again, as "dnsfailover page reload" does; what is bad is refused and named, and it goes on as before. Certificates are followed as
their files change. SIGTERM or ^C lets requests under way finish.

The commands below speak to a running page host over its control socket.`,
		Example: `  dnsfailover page --config /etc/dnsfailover/page.yaml
  dnsfailover page --config page.yaml --check
  dnsfailover page stop www.example.com --message "new disks" --for 30m`,
		Args:                       onlyConfig,
		SuggestionsMinimumDistance: 2,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usagef("--config is missing")
			}
			if check {
				return checkPage(cmd, file)
			}
			return inForeground(cmd, level, format, func(ctx context.Context, log *slog.Logger, reload <-chan struct{}) error {
				return host.Serve(ctx, host.Options{ConfigFile: file, Log: log, Version: version(), Reload: reload})
			})
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "the configuration `file` of the page host")
	cmd.Flags().BoolVar(&check, "check", false, "only check the configuration, its templates and certificates")
	cmd.Flags().StringVar(&level, "log-level", "info", "log from this `level` on: debug, info, warn or error")
	cmd.Flags().StringVar(&format, "log-format", "text", "the log's `format`: text or json")
	cmd.AddCommand(pageStatusCommand(), pageReloadCommand(), pageOrderCommand("pause"), pageOrderCommand("resume"), pageOrderCommand("stop"), pageOrderCommand("forget"), pageLinkCommand())
	return cmd
}

// checkPage prints every problem of a page host's configuration.
func checkPage(cmd *cobra.Command, file string) error {
	cfg, err := loaded(cmd, file, config.LoadPage)
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", clean(w.String()))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s is good\n", clean(file))
	return nil
}

// inForeground runs a server with a log that never blocks it, and with a channel on which SIGHUP asks for a reload.
func inForeground(cmd *cobra.Command, level, format string, serve func(context.Context, *slog.Logger, <-chan struct{}) error) error {
	direct, err := newLog(cmd.ErrOrStderr(), level, format)
	if err != nil {
		return err
	}
	queue := newLogQueue(cmd.ErrOrStderr(), direct)
	defer queue.close()
	log, _ := newLog(queue, level, format)
	// Some of net/http knows no other log than Go's own: what it says there, strangers can make it say.
	defer stdlog.SetOutput(stdlog.Writer())
	stdlog.SetFlags(0)
	stdlog.SetOutput(slog.NewLogLogger(log.Handler(), slog.LevelDebug).Writer())
	// A reader of the log that goes away must not take the server with it.
	signal.Ignore(syscall.SIGPIPE)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	reload := make(chan struct{})
	go func() {
		for {
			select {
			case <-hangups: // those that come during a reload are one
			case <-cmd.Context().Done():
				return
			}
			select {
			case reload <- struct{}{}:
			case <-cmd.Context().Done():
				return
			}
		}
	}()
	return serve(cmd.Context(), log, reload)
}
