package control

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/policy"
	"dnsfailover/dnsfailover/state"
)

const (
	// maxAheadOf bounds how far simulations look. Windows of the configuration have no end.
	maxAheadOf = 10 * 365 * 24 * time.Hour
	// maxEdges bounds how many known edges a simulation follows before it leaps to a while before the instant that is asked for.
	maxEdges, leap = 10_000, 25 * time.Hour
	// supposed is the reason of what a simulation supposes.
	supposed = "supposed"
)

// Simulate returns what would be served at an instant, starting from what is so at now. It only reads what was published.
func (c *Control) Simulate(s api.Supposition, now time.Time) (api.Simulation, error) {
	b := c.board.Load()
	switch {
	case s.At.Before(now):
		s.At = now
	case s.At.Sub(now) > maxAheadOf:
		return api.Simulation{}, refuse(http.StatusUnprocessableEntity, "%s is more than ten years ahead", text(s.At))
	}
	views := b.views
	if s.Service != "" {
		v, err := b.service(s.Service)
		if err != nil {
			return api.Simulation{}, err
		}
		views = []*view{v}
	}
	suppose := make(map[*view]*managed, len(b.views))
	of := func(path string) (*managed, int, error) {
		v, target, err := b.locate(path)
		if err != nil {
			return nil, 0, err
		}
		if suppose[v] == nil {
			suppose[v] = &managed{view: *v}
		}
		return suppose[v], target, nil
	}
	for _, l := range []struct {
		paths []string
		apply func(m *managed, target int)
	}{
		{s.Down, func(m *managed, target int) { m.suppose(target, checks.Down, now) }},
		{s.Up, func(m *managed, target int) { m.suppose(target, checks.Up, now) }},
		{s.Override, func(m *managed, target int) {
			m.impose(&state.Override{Target: m.target(target), Since: now.UTC(), Reason: supposed})
		}},
	} {
		for _, path := range l.paths {
			m, target, err := of(path)
			if err != nil {
				return api.Simulation{}, err
			}
			l.apply(m, target)
		}
	}
	out := api.Simulation{At: s.At.UTC(), Now: now.UTC(), Services: []api.Service{}}
	onlooker := &Control{probes: unguarded{}} // which knows nothing of what probes see now
	for _, v := range views {
		m := suppose[v]
		if m == nil {
			m = &managed{view: *v}
		}
		m.unfold(v, now, s.At)
		shown := onlooker.show(&m.view, s.At)
		shown.Ahead = m.changes(s.At)
		out.Services = append(out.Services, shown)
	}
	return out, nil
}

// suppose makes v the verdict of all addresses of a target, since now.
func (s *managed) suppose(target int, v checks.Verdict, now time.Time) {
	facts := make([]policy.Fact, len(s.in.Facts[target]))
	for a := range facts {
		facts[a] = policy.Fact{State: checks.State{Verdict: v, Since: now, RunOK: v == checks.Up}, Reason: supposed}
	}
	s.in.Facts = slices.Clone(s.in.Facts)
	s.in.Facts[target] = facts
}

// unfold follows the known edges from now to at, as control would. What was supposed holds in place of what v, the view as it
// was published, has.
func (s *managed) unfold(v *view, now, at time.Time) {
	look := func(now time.Time) {
		step := s.ahead.Steps[s.ahead.At(now)]
		s.in.Auto, s.in.Flaps = step.Auto, step.Flaps
		if !s.in.Override.Active(now) {
			s.impose(nil)
		}
		s.in.Now, s.in.Plan = now, s.in.Plan.At(now)
		next := policy.Look(s.in)
		s.ledger = s.ledger.Replaced(s.ahead, next, now)
		s.adopt(next)
	}
	s.ahead = v.ahead
	look(now)
	for edges := 0; ; edges++ {
		next := s.ahead.Next()
		if next.IsZero() || next.After(at) {
			return
		}
		if edges == maxEdges && next.Before(at.Add(-leap)) {
			next = at.Add(-leap)
		}
		if !next.After(s.in.Now) { // can't be; a simulation must end all the same
			next = s.in.Now.Add(time.Millisecond)
		}
		look(next)
	}
}

// service returns the view of a service, or says which there are.
func (b *board) service(name string) (*view, error) {
	if v := b.find(name); v != nil {
		return v, nil
	}
	var names []string
	for _, v := range b.views {
		names = append(names, v.name())
	}
	return nil, refuse(http.StatusNotFound, "there is no service %q%s", name, suggest(name, names, "there are"))
}

// locate finds a target by SERVICE/TARGET.
func (b *board) locate(path string) (v *view, target int, err error) {
	service, name, ok := strings.Cut(path, "/")
	if !ok {
		return nil, 0, refuse(http.StatusUnprocessableEntity, "%q names no target: write SERVICE/TARGET, as in web/primary", path)
	}
	if v, err = b.service(service); err != nil {
		return nil, 0, err
	}
	names := targets(v.in.Service)
	if target = slices.Index(names, name); target < 0 {
		return nil, 0, refuse(http.StatusNotFound, "service %q has no target %q%s", service, name, suggest(name, names, "it has"))
	}
	return v, target, nil
}

// Cause says in words which known edge leads to what a service serves next; empty if none is known.
func (c *Control) Cause(service string, now time.Time) string {
	v := c.board.Load().find(service)
	if v == nil {
		return ""
	}
	return v.ahead.Cause(v.ahead.At(now), v.target)
}
