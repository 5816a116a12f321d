package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
)

// probeServices runs the checks of all targets once, and sums up what was seen.
func probeServices(cmd *cobra.Command, file string) error {
	cfg, _ := config.Load(file) // it has just been found good
	if cfg == nil {
		return fmt.Errorf("%s has changed meanwhile", file)
	}
	w := cmd.OutOrStdout()
	l := lookOf(w)
	var errs []error
	var sum table
	sum.row(cell{text: "  SERVICE"}, cell{text: "TARGET"}, cell{text: "ADDRESS"}, cell{text: "SEEN"})
	for _, service := range cfg.Services {
		fmt.Fprintf(w, "\n%s:\n", clean(service.Name))
		seen, err := probeTargets(cmd.Context(), w, service.Targets)
		if err != nil {
			return err
		}
		if err := failures(seen); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", service.Name, err))
		}
		for _, p := range seen {
			sum.row(cell{text: "  " + service.Name}, cell{text: p.target}, cell{text: p.at.IP.String()}, p.summary())
		}
	}
	fmt.Fprintln(w, "Seen from here, all in all:")
	sum.print(w, l)
	printUnproved(w, cfg.Services)
	return errors.Join(errs...)
}

// summary says in one line what was seen.
func (p *probed) summary() cell {
	switch {
	case p.watch == nil:
		return cell{text: "no check: it counts as up", style: dim}
	case p.result == nil:
		return cell{text: "reports by itself", style: dim}
	}
	text := p.result.Reason
	if p.watch.Name != "" {
		text = p.watch.Name + ": " + text
	}
	switch {
	case p.result.Inconclusive:
		return cell{text: "inconclusive: " + text, style: yellow}
	case !p.result.OK:
		return cell{text: "failed: " + text, style: red}
	}
	return cell{text: "OK: " + text, style: green}
}

// printUnproved names the services of which nothing has shown that visitors of a backup see a notice.
func printUnproved(w io.Writer, services []config.Service) {
	for _, s := range services {
		backups := s.Targets[1:]
		if len(backups) == 0 || slices.ContainsFunc(backups, hasPageCheck) {
			continue
		}
		name := strings.TrimPrefix(strings.TrimSuffix(s.Records[0].Name, "."), "*.")
		fmt.Fprintf(w, "\n%s: whether %s shows a maintenance page isn't known. If it is a page host, give it\n  check: {page: \"https://%s/\"}\n",
			clean(s.Name), clean(backups[0].Name), clean(name))
	}
}

// hasPageCheck says that a target's notice is watched.
func hasPageCheck(t config.Target) bool {
	for _, a := range t.Addresses {
		for _, watch := range a.Checks {
			if p, ok := watch.Check.Probe.(*checks.HTTPProbe); ok && p.Notice {
				return true
			}
		}
	}
	return false
}
