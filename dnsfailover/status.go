package dnsfailover

import (
	"context"
	"fmt"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
)

// Status returns the state of everything at now.
func (s *instance) Status(now time.Time) api.Status {
	t := s.told.Load()
	stale := append(stale(t.world.Config.Checks, s.scheduler.Snapshot, now), s.control.Frozen()...)
	out := api.Status{
		Version: s.opt.Version, Started: s.started, Ready: len(stale) == 0,
		Problems: append(append([]string{}, t.problems()...), stale...),
		Services: s.control.Services(now), Zones: []api.Zone{}, Guards: s.control.Guards(),
	}
	out.Problems = append(out.Problems, s.answerProblems(now)...)
	out.Problems = append(out.Problems, s.control.Problems()...)
	if load := s.scheduler.Load(); load.UnderWay >= load.Limit {
		out.Problems = append(out.Problems, fmt.Sprintf("%d probes are under way, as many as may be (half of the files that may be open, at most 8192): others wait, and %d turns were left out so far", load.UnderWay, load.Shed))
	}
	out.Problems = append(out.Problems, s.control.WindowProblems(now)...)
	if notice := s.store.Notice(); notice != "" {
		out.Problems = append(out.Problems, notice)
	}
	out.Problems = append(out.Problems, s.hooks.Problems()...)
	if s.page != nil {
		out.Problems = append(out.Problems, s.page.Problems(now)...)
	}
	if notice := s.history.Notice(); notice != "" {
		out.Problems = append(out.Problems, notice)
	}
	for i, z := range t.world.Set.Zones() {
		state := t.world.zones[i]
		out.Zones = append(out.Zones, api.Zone{Name: z.Name(), Serial: z.Serial(), Loaded: state.loaded, Problem: state.problem})
		if z.Broken() {
			out.Ready = false
		}
	}
	return out
}

// slack is how late a probe may be before decisions count as stale.
const slack = 10 * time.Second

// stale says which checks are overdue, and which can't look, since this host lacks what a probe takes: then verdicts are old, and a
// failover would not come.
func stale(list []*checks.Check, known func(id string) (checks.Snapshot, bool), now time.Time) (problems []string) {
	overdue, blind, late, sightless := 0, 0, "", ""
	for _, c := range list {
		snapshot, ok := known(c.ID)
		patience := c.Interval + c.Timeout + slack
		if ok && !snapshot.Next.IsZero() && now.Sub(snapshot.Next) > patience {
			overdue++
			late = c.ID
		}
		if ok && !snapshot.Blind.IsZero() && now.Sub(snapshot.Blind) > patience {
			blind++
			sightless = c.ID + ": " + snapshot.Last.Reason
		}
	}
	if overdue > 0 {
		problems = append(problems, fmt.Sprintf("decisions are stale: %d checks are overdue, among them %s", overdue, late))
	}
	if blind > 0 {
		problems = append(problems, fmt.Sprintf("decisions are stale: of %d checks no probe could be run to its end, among them %s", blind, sightless))
	}
	return problems
}

// Switch overrides a service.
func (s *instance) Switch(ctx context.Context, service string, to api.Switch) (api.Service, error) {
	return s.control.Switch(ctx, service, to)
}

// Simulate returns what would be served at an instant.
func (s *instance) Simulate(of api.Supposition, now time.Time) (api.Simulation, error) {
	return s.control.Simulate(of, now)
}

// Windows returns the planned windows.
func (s *instance) Windows(now time.Time) []api.Window { return s.control.Windows(now) }

// AddWindow plans a window.
func (s *instance) AddWindow(ctx context.Context, n api.NewWindow) (api.Window, error) {
	return s.control.AddWindow(ctx, n)
}

// CancelWindow takes a window back.
func (s *instance) CancelWindow(ctx context.Context, id, author string) (api.Window, error) {
	return s.control.CancelWindow(ctx, id, author)
}

// Release ends the override of a service.
func (s *instance) Release(ctx context.Context, service, author string) (api.Service, error) {
	return s.control.Release(ctx, service, author)
}
