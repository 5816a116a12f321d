package dnsfailover

import (
	"context"
	"fmt"
	"time"

	"dnsfailover/dnsfailover/api"
)

// Status returns the state of everything at now.
func (s *instance) Status(now time.Time) api.Status {
	t := s.told.Load()
	stale := s.stale(t.world, now)
	out := api.Status{
		Version: s.opt.Version, Started: s.started, Ready: len(stale) == 0,
		Problems: append(append([]string{}, t.problems()...), stale...),
		Services: s.control.Services(now), Zones: []api.Zone{},
	}
	out.Problems = append(out.Problems, s.answerProblems(now)...)
	out.Problems = append(out.Problems, s.control.Problems()...)
	if notice := s.store.Notice(); notice != "" {
		out.Problems = append(out.Problems, notice)
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

// stale says which checks are overdue: then verdicts are old, and a failover would not come.
func (s *instance) stale(w *world, now time.Time) []string {
	overdue, example := 0, ""
	for _, c := range w.checks() {
		snapshot, ok := s.scheduler.Snapshot(c.ID)
		if ok && !snapshot.Next.IsZero() && now.Sub(snapshot.Next) > c.Interval+c.Timeout+slack {
			overdue++
			example = c.ID
		}
	}
	if overdue == 0 {
		return nil
	}
	return []string{fmt.Sprintf("decisions are stale: %d checks are overdue, among them %s", overdue, example)}
}

// Switch overrides a service.
func (s *instance) Switch(ctx context.Context, service string, to api.Switch) (api.Service, error) {
	return s.control.Switch(ctx, service, to)
}

// Release ends the override of a service.
func (s *instance) Release(ctx context.Context, service, author string) (api.Service, error) {
	return s.control.Release(ctx, service, author)
}
