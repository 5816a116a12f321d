package main

import (
	"fmt"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"dnsfailover/dnsfailover/api"
)

// pageOrders are what a page host can be told of a site.
var pageOrders = map[string]struct{ short, long string }{
	"pause": {"Hold the requests for a site, until resume", `Hold the requests for a site: they wait, as many and as long as "hold" in its host says, and are passed on to the primary when it is
told to resume. For outages of seconds, such as a restart. At the end, if you give one, it is forgotten: configuration, file and
source decide again, also about those who wait.`},
	"resume": {"Pass all requests for a site on to its primary", `Pass all requests for a site on to its primary, those that wait first, the oldest before the others.`},
	"stop":   {"Show the notice of a site", `Show the notice of a site, with a message and an end if you give them, at which it is forgotten. Requests that are being passed on finish.`},
	"forget": {"Take back pause, resume or stop", `Take back pause, resume or stop: configuration, file and source decide again. It works also for a name that no host has any more.`},
}

func pageOrderCommand(mode string) *cobra.Command {
	var message, duration, until string
	cmd := &cobra.Command{
		Use:     mode + " SITE",
		Short:   pageOrders[mode].short,
		Long:    pageOrders[mode].long + "\nIt is about all names of the host, and kept over restarts and reloads. SITE is a name of a host in the configuration, or \"*\".",
		Example: "  dnsfailover page " + mode + " www.example.com",
		Args:    arguments("SITE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := api.PageOrder{Message: message}
			var err error
			if body.Until, err = endOf(cmd, duration, until, time.Now()); err != nil {
				return err
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
	switch mode {
	case "stop":
		cmd.Example += ` --message "new disks" --until 15:04`
		cmd.Flags().StringVar(&message, "message", "", "the reason, a `text` that visitors read")
	case "pause":
		cmd.Example += " --for 2m"
	default:
		return pageSocket.client(cmd)
	}
	cmd.Flags().StringVar(&duration, "for", "", "how long, as a `duration` such as 30m; then it is forgotten")
	cmd.Flags().StringVar(&until, "until", "", "until when, as a local `time` such as 15:04 or \"2030-01-31 15:04\", or in RFC 3339; then it is forgotten")
	return pageSocket.client(cmd)
}

// endOf returns the end that --for or --until gives; nil if neither is there.
func endOf(cmd *cobra.Command, duration, until string, now time.Time) (*time.Time, error) {
	lasts, ends := cmd.Flags().Changed("for"), cmd.Flags().Changed("until")
	switch {
	case lasts && ends:
		return nil, usagef("--for and --until both say how long: give one of them")
	case lasts:
		d, err := time.ParseDuration(duration)
		if err != nil || d < time.Second || d > longest {
			return nil, usagef("--for %q is no duration from 1s to %dh: give one such as 90s, 30m or 1h30m", duration, longest/time.Hour)
		}
		end := now.Add(d)
		return &end, nil
	case ends:
		end, err := parseAhead("--until", until, now)
		return &end, err
	}
	return nil, nil
}
