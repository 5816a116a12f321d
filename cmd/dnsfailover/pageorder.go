package main

import (
	"fmt"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"dnsfailover/dnsfailover/api"
)

func pageStatusCommand() *cobra.Command {
	return pageSocket.client(&cobra.Command{
		Use:     "status",
		Short:   "Show what a page host does for each site, and why",
		Example: `  dnsfailover page status`,
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client := pageSocket.dial(cmd)
			defer client.Close()
			status, err := client.Page(cmd.Context())
			if err != nil {
				return err
			}
			for _, p := range status.Problems {
				fmt.Fprintf(cmd.ErrOrStderr(), "problem: %s\n", clean(p))
			}
			var t table
			t.row(cell{text: "SITE"}, cell{text: "MODE"}, cell{text: "UNTIL"}, cell{text: "WAITING", right: true}, cell{text: "NOTICES", right: true}, cell{text: "PASSED", right: true}, cell{text: "BECAUSE"}, cell{text: "REASON"})
			for _, s := range status.Sites {
				until := "-"
				if s.Until != nil {
					until = s.Until.Local().Format("2006-01-02 15:04:05")
				}
				t.row(cell{text: clean(s.Name)}, cell{text: s.Mode}, cell{text: until}, cell{text: fmt.Sprint(s.Waiting), right: true},
					cell{text: fmt.Sprint(s.Notices), right: true}, cell{text: fmt.Sprint(s.Passed), right: true}, cell{text: clean(s.Because)}, cell{text: clean(s.Reason)})
			}
			t.print(cmd.OutOrStdout(), lookOf(cmd.OutOrStdout()))
			return nil
		},
	})
}

func pageReloadCommand() *cobra.Command {
	return pageSocket.client(&cobra.Command{
		Use:   "reload",
		Short: "Make a page host read its configuration again",
		Long: `Make a page host read its configuration, templates and certificates again, as SIGHUP does. A bad configuration changes nothing. Every
problem is printed, and the exit code is 1 if there is any. A page host that is part of a server is reloaded with it, by "dnsfailover reload".`,
		Example:           `  dnsfailover page --config page.yaml --check && dnsfailover page reload`,
		Args:              arguments(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return reload(cmd, pageSocket) },
	})
}

// pageOrders are what a page host can be told of a site.
var pageOrders = map[string]struct{ short, long string }{
	"pause": {"Hold the requests for a site, until resume", `Hold the requests for a site: they wait, as many and as long as "hold" in its host says, and are passed on to the primary when it is
told to resume. For outages of seconds, such as a restart.`},
	"resume": {"Pass all requests for a site on to its primary", `Pass all requests for a site on to its primary, those that wait first, the oldest before the others.`},
	"stop":   {"Show the notice of a site", `Show the notice of a site, with a message and an end if you give them. Requests that are being passed on finish.`},
	"forget": {"Take back pause, resume or stop", `Take back pause, resume or stop: configuration, file and source decide again. It works also for a name that no host has any more.`},
}

func pageOrderCommand(mode string) *cobra.Command {
	var message, duration string
	cmd := &cobra.Command{
		Use:     mode + " SITE",
		Short:   pageOrders[mode].short,
		Long:    pageOrders[mode].long + "\nIt is about all names of the host, and kept over restarts and reloads. SITE is a name of a host in the configuration, or \"*\".",
		Example: "  dnsfailover page " + mode + " www.example.com",
		Args:    arguments("SITE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := api.PageOrder{Message: message}
			if duration != "" {
				d, err := time.ParseDuration(duration)
				if err != nil || d < time.Second || d > longest {
					return usagef("--for %q is no duration of at least 1s: give one such as 90s, 30m or 1h30m", duration)
				}
				until := time.Now().Add(d).Truncate(time.Second)
				body.Until = &until
			}
			if u, err := user.Current(); err == nil {
				body.Author = u.Username
			}
			client := pageSocket.dial(cmd)
			defer client.Close()
			site, err := client.OrderPage(cmd.Context(), args[0], mode, body)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s (%s)\n", clean(site.Name), site.Mode, clean(site.Because))
			return nil
		},
	}
	if mode == "stop" {
		cmd.Example += ` --message "new disks" --for 30m`
		cmd.Flags().StringVar(&message, "message", "", "the reason, a `text` that visitors read")
		cmd.Flags().StringVar(&duration, "for", "", "how long, as a `duration` such as 30m; then it is forgotten")
	}
	return pageSocket.client(cmd)
}
