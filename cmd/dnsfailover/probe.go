package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
)

func probeCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "probe SERVICE [TARGET] --config FILE",
		Short: "Run a service's probes once, here, and show what they saw",
		Long: `Run the probes of a service's targets, or of one target, once and in the foreground: with the time that
each phase took and what was seen: headers, the certificate and its chain, a program's output. It needs no
server and changes nothing on one. The exit code is 1 if any probe failed, or could not tell. Push checks
are left out: their targets report to the server.`,
		Example: `  dnsfailover probe web --config dnsfailover.yaml
  dnsfailover probe web primary --config dnsfailover.yaml`,
		Args: arguments("SERVICE", "[TARGET]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := loaded(cmd, file, config.Load)
			if err != nil {
				return err
			}
			targets, err := chooseTargets(cfg, args)
			if err != nil {
				return err
			}
			return probeAll(cmd.Context(), cmd.OutOrStdout(), targets)
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "the configuration `file`")
	return cmd
}

// chooseTargets returns the targets of the service args[0], or only args[1] of it.
func chooseTargets(cfg *config.Config, args []string) ([]config.Target, error) {
	for _, service := range cfg.Services {
		if service.Name != args[0] {
			continue
		}
		if len(args) == 1 {
			return service.Targets, nil
		}
		for _, target := range service.Targets {
			if target.Name == args[1] {
				return []config.Target{target}, nil
			}
		}
		return nil, fmt.Errorf("service %q has no target %q", args[0], args[1])
	}
	return nil, fmt.Errorf("%s has no service %q", cfg.File, args[0])
}

// probeAll runs the probes one after another and prints each as soon as it has ended.
func probeAll(ctx context.Context, w io.Writer, targets []config.Target) error {
	seen, err := probeTargets(ctx, w, targets)
	if err != nil {
		return err
	}
	return failures(seen)
}

// probed is what was seen of an address of a target: by one of its checks, or without one.
type probed struct {
	target string
	at     config.Address
	watch  *config.Watch  // nil: nothing watches it
	result *checks.Result // nil: no probe was run
}

// failures says how many of the probes failed, or could not tell; nil if none did.
func failures(seen []probed) error {
	var ran, failed, untold int
	for _, p := range seen {
		switch {
		case p.result == nil:
			continue
		case p.result.Inconclusive:
			untold++
		case !p.result.OK:
			failed++
		}
		ran++
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s failed", failed, countOf(ran, "probe"))
	}
	if untold > 0 {
		return fmt.Errorf("%d of %s could not tell", untold, countOf(ran, "probe"))
	}
	return nil
}

// probeTargets is probeAll, and returns what was seen.
func probeTargets(ctx context.Context, w io.Writer, targets []config.Target) (seen []probed, err error) {
	l := lookOf(w)
	for _, target := range targets {
		for _, address := range target.Addresses {
			head := func(name string) {
				if name != "" {
					name = ": " + name
				}
				fmt.Fprintf(w, "%s\n", l.paint(bold, clean(fmt.Sprintf("%s at %s%s", target.Name, address.IP, name))))
			}
			if len(address.Checks) == 0 {
				head("")
				fmt.Fprintf(w, "  no check: it counts as up\n\n")
				seen = append(seen, probed{target: target.Name, at: address})
			}
			for i, watch := range address.Checks {
				head(watch.Name)
				if checks.Pushed(watch.Check.Probe) != nil {
					fmt.Fprintf(w, "  push: its reports go to the server, see dnsfailover status\n\n")
					seen = append(seen, probed{target.Name, address, &address.Checks[i], nil})
					continue
				}
				bounded, cancel := checks.WithTimeout(checks.From(checks.Detailed(ctx), watch.Check.Source), watch.Check.Timeout)
				result := watch.Check.Probe.Run(bounded)
				cancel()
				if err := ctx.Err(); err != nil {
					return seen, err
				}
				seen = append(seen, probed{target.Name, address, &address.Checks[i], &result})
				printResult(w, l, watch.Check, result)
			}
		}
	}
	return seen, nil
}

func printResult(w io.Writer, l look, check *checks.Check, result checks.Result) {
	from := ""
	if check.Source != (checks.Source{}) {
		from = ", from " + check.Source.String()
	}
	fmt.Fprintf(w, "  %s\n", clean(checks.Describe(check.Probe)+from))
	var t table
	for _, phase := range result.Phases {
		t.row(cell{text: "  " + phase.Name}, cell{text: millis(phase.Took), right: true})
	}
	t.row(cell{text: "  all"}, cell{text: millis(result.Took), right: true}, cell{text: fmt.Sprintf("of %s", check.Timeout), style: dim})
	t.print(w, l)
	for _, fact := range result.Seen {
		fmt.Fprintf(w, "  %s\n", l.paint(dim, clean(fact)))
	}
	if result.Warning != "" {
		fmt.Fprintf(w, "  %s: %s\n", l.paint(yellow, "warning"), clean(result.Warning))
	}
	outcome := l.paint(green, "OK")
	switch n := len(result.Phases); {
	case result.Inconclusive:
		outcome = l.paint(yellow, "inconclusive")
	case !result.OK && n > 0:
		outcome = l.paint(red, "failed") + " at " + result.Phases[n-1].Name
	case !result.OK:
		outcome = l.paint(red, "failed")
	}
	fmt.Fprintf(w, "  %s: %s\n\n", outcome, clean(result.Reason))
}
