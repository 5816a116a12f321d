package main

import (
	"context"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"dnsfailover/dnsfailover"
)

func serveCommand() *cobra.Command {
	var config, level, format string
	cmd := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Run the server in the foreground",
		Long: `Run the server in the foreground. It logs to standard error.

SIGHUP makes it read the configuration and the zones again, as "dnsfailover reload" does: what is
bad is refused and named, and the server goes on as before. SIGTERM or ^C answers what has
arrived and stops.`,
		Example: `  dnsfailover serve --config /etc/dnsfailover/dnsfailover.yaml
  dnsfailover serve --config dnsfailover.yaml --log-level debug --log-format json`,
		Args: onlyConfig,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if config == "" {
				return usagef("--config is missing")
			}
			return inForeground(cmd, level, format, func(ctx context.Context, log *slog.Logger, reload <-chan struct{}) error {
				return dnsfailover.Serve(ctx, dnsfailover.Options{ConfigFile: config, Log: log, Version: version(), Reload: reload})
			})
		},
	}
	cmd.Flags().StringVarP(&config, "config", "c", "", "the configuration `file`")
	cmd.Flags().StringVar(&level, "log-level", "info", "log from this `level` on: debug, info, warn or error")
	cmd.Flags().StringVar(&format, "log-format", "text", "the log's `format`: text or json")
	return cmd
}

func newLog(w io.Writer, level, format string) (*slog.Logger, error) {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	from, ok := levels[strings.ToLower(level)]
	if !ok {
		return nil, usagef("--log-level %q is none of debug, info, warn and error", level)
	}
	options := &slog.HandlerOptions{Level: from}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, usagef("--log-format %q is neither text nor json", format)
}
