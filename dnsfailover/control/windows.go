package control

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/policy"
	"dnsfailover/dnsfailover/state"
)

// AddWindow plans a window. It returns when the window is stored and taken into account; an *api.Problem says why not. A dry
// run returns what would be served and when, and changes nothing.
func (c *Control) AddWindow(ctx context.Context, n api.NewWindow) (api.Window, error) {
	done, err := c.turn(ctx)
	if err != nil {
		return api.Window{}, err
	}
	defer done()
	var w state.Window
	var id string
	var shown api.Window
	err = c.consider(ctx, func(now time.Time) error {
		sv, err := c.find(n.Service)
		if err != nil {
			return err
		}
		if w, err = c.proposeWindow(sv, n, now); err != nil {
			return err
		}
		id = "w" + strconv.Itoa(c.lastWindow+1)
		would := sv.planning(id, w, now)
		shown = would.showStored(id, w, now)
		if n.DryRun {
			shown.Preview = would.preview(w, now)
			return nil
		}
		if doubts := shown.Problems; len(doubts) > 0 && sv.in.Service.Guard == config.GuardRefuse && !n.Force {
			return refuse(http.StatusConflict, "the window is refused, since guard is refuse: %s; with force (--force) it is planned all the same", strings.Join(doubts, "; "))
		}
		c.lastWindow++
		c.unsure(sv, now)
		return nil
	})
	if err != nil {
		return api.Window{}, err
	}
	if n.DryRun {
		return shown, nil
	}
	number, _ := strconv.Atoi(id[1:])
	if err := c.store.PutWindow(ctx, id, number, w); err != nil {
		return api.Window{}, refuse(http.StatusServiceUnavailable, "the window can't be stored, so it is not planned: %v", err)
	}
	return shown, c.replan(ctx, n.Service, func() (tell func()) {
		c.windows[id] = w
		return func() {
			c.log.Info("window planned", append(windowFacts(id, w), "author", w.Author, "reason", w.Reason, "holds_from", text(shown.HoldsFrom))...)
			c.windowAdded(id, w)
			c.warn(shown, "planned")
		}
	})
}

// CancelWindow takes a window back, or ends it if it is open. It returns when that is stored and served.
func (c *Control) CancelWindow(ctx context.Context, id, author string) (api.Window, error) {
	done, err := c.turn(ctx)
	if err != nil {
		return api.Window{}, err
	}
	defer done()
	var w state.Window
	var shown api.Window
	err = c.consider(ctx, func(now time.Time) error {
		var ok bool
		if w, ok = c.windows[id]; !ok {
			return c.noWindow(id)
		}
		sv := c.byName[w.Service]
		shown = sv.showStored(id, w, now)
		if sv != nil {
			c.unsure(sv, now)
		}
		return nil
	})
	if err != nil {
		return api.Window{}, err
	}
	if err := c.store.DeleteWindow(ctx, id); err != nil {
		return api.Window{}, refuse(http.StatusServiceUnavailable, "that window %s is cancelled can't be stored, so it stays: %v", id, err)
	}
	return shown, c.replan(ctx, w.Service, func() (tell func()) {
		delete(c.windows, id)
		return func() {
			c.log.Info("window cancelled", append(windowFacts(id, w), "planned_by", w.Author, "cancelled_by", author)...)
			c.windowCancelled(id, w, author)
		}
	})
}

// replan serves a stored change of the windows of a service: apply makes it and returns what logs it.
func (c *Control) replan(ctx context.Context, service string, apply func() (tell func())) error {
	later := "the window of service " + strconv.Quote(service) + " is stored, and the next start knows"
	_, err := c.serve(ctx, service, later, func(sv *managed, now time.Time) (tell func()) {
		tell = apply()
		if sv != nil {
			c.plan(sv, now)
		}
		return tell
	})
	return err
}

// plan makes the windows of a service those that are known now.
func (c *Control) plan(s *managed, now time.Time) {
	s.in.Plan = policy.NewPlan(s.in.Service, c.once(s.in.Service), now)
}

// once returns the one-shot windows of a service that have a place in its configuration, in the order in which they were planned.
func (c *Control) once(cfg *config.Service) []policy.Window {
	var out []policy.Window
	for _, id := range c.windowIDs() {
		if w := c.windows[id]; w.Service == cfg.Name && index(cfg, w.Target) >= 0 {
			out = append(out, planned(cfg, id, w))
		}
	}
	return out
}

func planned(cfg *config.Service, id string, w state.Window) policy.Window {
	return policy.Window{ID: id, Target: index(cfg, w.Target), Start: w.Start, End: w.End, Reason: w.Reason, Author: w.Author, Since: w.Since}
}

// windowIDs returns those of all one-shot windows, in the order in which they were planned.
func (c *Control) windowIDs() []string {
	return slices.SortedFunc(maps.Keys(c.windows), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
}

// planning returns a copy of s as it would be with w.
func (s *managed) planning(id string, w state.Window, now time.Time) *managed {
	would := &managed{view: s.view}
	once := append(s.in.Plan.Once(), planned(s.in.Service, id, w))
	would.in.Plan, would.in.Now = policy.NewPlan(s.in.Service, once, now), now
	next := policy.Look(would.in)
	would.ledger, would.ahead = would.ledger.Replaced(would.ahead, next, now), next
	return would
}

// preview returns what is served from before the TTL begins to count down to w until after its end.
func (s *managed) preview(w state.Window, now time.Time) []api.Preview {
	in := s.in
	if from := w.Start.Add(-s.in.Service.MaxTTL - 2*time.Second); from.After(now) {
		in.Now = from
	}
	var out []api.Preview
	for _, f := range policy.Forecast(in, w.End.Add(time.Second)) {
		p := api.Preview{At: f.At.UTC(), Serving: s.target(f.Target), Answers: []string{}, TTL: f.TTL, Rule: f.Rule, Reason: f.Reason}
		for _, a := range f.Addresses {
			p.Answers = append(p.Answers, a.String())
		}
		out = append(out, p)
	}
	return out
}

// noWindow refuses what can't be cancelled.
func (c *Control) noWindow(id string) error {
	for _, s := range c.services {
		for _, w := range s.in.Service.Windows {
			if w.ID == id {
				return refuse(http.StatusConflict, "window %s is in the configuration, at %s: remove it there and reload, or lay an override over it", id, w.Where)
			}
		}
	}
	ids := c.windowIDs()
	if len(ids) == 0 {
		return refuse(http.StatusNotFound, "there is no window %q: none is planned", id)
	}
	return refuse(http.StatusNotFound, "there is no window %q: there are %s", id, list(ids))
}

// windowFacts are what every log line about a one-shot window says.
func windowFacts(id string, w state.Window) []any {
	return []any{"window", id, "service", w.Service, "target", w.Target, "start", text(w.Start), "end", text(w.End)}
}

func windowText(w state.Window) string {
	out := fmt.Sprintf("to %s from %s to %s", w.Target, text(w.Start), text(w.End))
	if w.Reason != "" {
		out += ": " + w.Reason
	}
	return out
}

func (c *Control) windowAdded(id string, w state.Window) {
	c.happened(api.Event{
		Time: w.Since, Kind: api.EventWindowAdd, Service: w.Service, Target: w.Target, Window: id, Author: w.Author,
		Text: "planned window " + id + " " + windowText(w), Planned: true,
	})
}

func (c *Control) windowCancelled(id string, w state.Window, author string) {
	c.happened(api.Event{
		Kind: api.EventWindowCancel, Service: w.Service, Target: w.Target, Window: id, Author: author,
		Text: "cancelled window " + id + " " + windowText(w), Planned: true,
	})
}
