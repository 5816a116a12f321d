package dnsfailover

import (
	"fmt"
	"net/http"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

// Results returns the latest results of the checks of a service, or, if target is not empty, of that target.
func (s *instance) Results(service, target string) (api.Results, error) {
	out := api.Results{Service: service, Checks: []api.CheckResults{}}
	targets, err := s.targets(service, target)
	if err != nil {
		return out, err
	}
	for _, t := range targets {
		for _, a := range t.Addresses {
			for _, w := range a.Checks {
				shown := api.CheckResults{Check: w.Check.ID, Target: t.Name, Address: a.IP.String(), Results: []api.PastResult{}}
				for _, past := range s.scheduler.Results(w.Check.ID) {
					shown.Results = append(shown.Results, showPast(past))
				}
				out.Checks = append(out.Checks, shown)
			}
		}
	}
	return out, nil
}

// targets returns the targets of a service, or the one with that name if it is not empty.
func (s *instance) targets(service, target string) ([]config.Target, error) {
	for _, c := range s.services() {
		if c.Name != service {
			continue
		}
		if target == "" {
			return c.Targets, nil
		}
		for _, t := range c.Targets {
			if t.Name == target {
				return []config.Target{t}, nil
			}
		}
		return nil, &api.Problem{Status: http.StatusNotFound, Detail: fmt.Sprintf("service %q has no target %q", service, target)}
	}
	return nil, &api.Problem{Status: http.StatusNotFound, Detail: fmt.Sprintf("there is no service %q", service)}
}

func showPast(p checks.Past) api.PastResult {
	out := api.PastResult{
		At: p.At.UTC(), Result: "failure", TookMS: float64(p.Took) / float64(time.Millisecond), Reason: p.Reason, Warning: p.Warning,
	}
	switch {
	case p.Inconclusive:
		out.Result = "inconclusive"
	case p.OK:
		out.Result = "success"
	}
	return out
}
