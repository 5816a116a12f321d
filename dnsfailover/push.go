package dnsfailover

import (
	"fmt"
	"net/http"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
)

// Reporter returns what takes the reports of a target, for one who has its token or is trusted without. To a stranger it
// doesn't matter whether the token is wrong or the target isn't there: he learns no names.
func (s *instance) Reporter(service, target, token string, trusted bool) (func(api.Push), error) {
	targets, err := s.targets(service, target)
	var probes []*checks.PushProbe
	for _, t := range targets {
		for _, a := range t.Addresses {
			for _, w := range a.Checks {
				if p := s.scheduler.PushProbe(w.Check.ID); p != nil && (trusted || p.Accepts(token)) {
					probes = append(probes, p)
				}
			}
		}
	}
	switch {
	case len(probes) > 0:
	case !trusted:
		return nil, &api.Problem{Status: http.StatusUnauthorized, Detail: "no target of that name takes reports with the token that was sent"}
	case err != nil:
		return nil, err
	default:
		return nil, &api.Problem{Status: http.StatusNotFound, Detail: fmt.Sprintf("target %q of service %q has no push check", target, service)}
	}
	return func(p api.Push) {
		for _, probe := range probes {
			probe.Report(checks.Report{At: time.Now(), OK: p.Status != "down", Reason: p.Reason})
		}
	}, nil
}
