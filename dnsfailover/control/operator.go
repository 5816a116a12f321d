package control

import (
	"context"
	"errors"
	"net/http"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/policy"
	"dnsfailover/dnsfailover/state"
)

// Switch overrides a service. It returns when the override is stored and served; an *api.Problem says why not.
// An override that the service has is replaced. A dry run returns what would be served, and changes nothing.
func (c *Control) Switch(ctx context.Context, service string, s api.Switch) (api.Service, error) {
	done, err := c.turn(ctx)
	if err != nil {
		return api.Service{}, err
	}
	defer done()
	var o state.Override
	var shown api.Service
	var refused error
	err = c.do(ctx, func() {
		now := c.current()
		var sv *managed
		if sv, refused = c.find(service); refused != nil {
			return
		}
		switch o, refused = c.propose(sv, s, now); {
		case refused != nil:
		case s.DryRun:
			shown = c.rehearse(sv, o, now)
		default:
			c.unsure(sv, now)
		}
	})
	switch {
	case err != nil:
		return api.Service{}, interrupted(err)
	case refused != nil, s.DryRun:
		return shown, refused
	}
	if err := c.store.PutOverride(ctx, service, o); err != nil {
		return api.Service{}, refuse(http.StatusServiceUnavailable, "the override of service %q can't be stored, so it is not served: %v", service, err)
	}
	return c.serve(ctx, service, "override", func(sv *managed) (tell func()) {
		facts := append(overrideFacts(service, o), "author", o.Author, "reason", o.Reason)
		if old, ok := c.overrides[service]; ok {
			replaces := old.Target + " until " + untilText(old.Until)
			if old.Author != "" {
				replaces += " by " + old.Author
			}
			facts = append(facts, "replaces", replaces)
		}
		before := sv.facts()
		c.overrides[service] = o
		sv.impose(&o)
		return func() {
			c.log.Info("override set", facts...)
			c.switched(sv, o, before)
		}
	})
}

// Release ends the override of a service. If there is none, but a better target waits to take over, for an operator, until it has
// been up for long enough, or for its period, the service goes back to it. An override that has no place in the configuration is deleted. It returns when that is stored and served; an *api.Problem says why not.
func (c *Control) Release(ctx context.Context, service, author string) (api.Service, error) {
	done, err := c.turn(ctx)
	if err != nil {
		return api.Service{}, err
	}
	defer done()
	var o *state.Override
	var back state.Selection
	var refused error
	err = c.do(ctx, func() {
		now := c.current()
		if stored, ok := c.overrides[service]; ok { // also one that is not applied
			o = &stored
			if sv := c.byName[service]; sv != nil {
				c.unsure(sv, now)
			}
			return
		}
		var sv *managed
		if sv, refused = c.find(service); refused != nil {
			return
		}
		in := sv.in
		in.Now = now
		if !in.Held() {
			refused = refuse(http.StatusConflict, "service %q has no override, and no better target waits to take over", service)
			return
		}
		back = sv.selection(now)
		back.Edge = time.Time{}
		back.Auto = sv.target(in.Candidate())
	})
	switch {
	case err != nil:
		return api.Service{}, interrupted(err)
	case refused != nil:
		return api.Service{}, refused
	case o != nil:
		if err := c.store.DeleteOverride(ctx, service); err != nil {
			return api.Service{}, refuse(http.StatusServiceUnavailable, "the release of service %q can't be stored, so the override stays: %v", service, err)
		}
		return c.serve(ctx, service, "release", func(sv *managed) (tell func()) {
			before := sv.facts()
			before.Override = showOverride(o)
			delete(c.overrides, service)
			if sv != nil {
				sv.impose(nil)
			}
			return func() {
				c.log.Info("override released", append(overrideFacts(service, *o), "set_by", o.Author, "released_by", author, "reason", o.Reason)...)
				c.released(service, sv, author, "ended the override "+overridden(*o), before)
			}
		})
	}
	if err := c.store.StoreSelection(ctx, service, back); err != nil {
		return api.Service{}, refuse(http.StatusServiceUnavailable, "the release of service %q can't be stored, so it stays where it is: %v", service, err)
	}
	return c.serve(ctx, service, "release", func(sv *managed) (tell func()) {
		before := sv.facts()
		if sv.in.Held() {
			sv.in.Auto = index(sv.in.Service, back.Auto)
		}
		return func() {
			c.log.Info("failback released", "service", service, "target", back.Auto, "released_by", author)
			c.released(service, sv, author, "let go back to "+back.Auto, before)
		}
	})
}

// turn waits until no other operator's change is between the disk and the slot, and no world is being replaced: the
// store and control must see changes of a service in the same order, and what was found of it must still be there.
func (c *Control) turn(ctx context.Context) (done func(), err error) {
	select {
	case c.operator <- struct{}{}:
		return func() { <-c.operator }, nil
	case <-ctx.Done():
		return nil, interrupted(ctx.Err())
	}
}

// current follows the edges that have passed, and returns the instant up to which it did.
func (c *Control) current() time.Time {
	c.wake()
	return time.Now()
}

// serve applies a change that is stored, whether or not somebody still waits for it: what says what it is, apply
// makes it and returns what logs it. The service is nil if the configuration has it no more. Its caller has the turn.
func (c *Control) serve(ctx context.Context, service, what string, apply func(*managed) (tell func())) (shown api.Service, err error) {
	err = c.do(context.WithoutCancel(ctx), func() {
		now := c.current()
		sv := c.byName[service]
		tell := apply(sv)
		if sv == nil {
			c.publish(nil)
			tell()
			shown = api.Service{Name: service, Records: []string{}, Answers: []string{}, Targets: []api.Target{}}
			return
		}
		c.settle([]*managed{sv}, now, tell)
		shown = c.show(&sv.view, now)
	})
	if err == nil {
		c.recorded(ctx)
	}
	if errors.Is(err, errStopped) {
		return shown, refuse(http.StatusServiceUnavailable, "%v: the %s of service %q is stored, and the next start serves it", err, what, service)
	}
	return shown, err
}

// overrideFacts are what every log line about an override says.
func overrideFacts(service string, o state.Override) []any {
	return []any{"service", service, "target", o.Target, "until", untilText(o.Until)}
}

// rehearse returns what would be served under o.
func (c *Control) rehearse(sv *managed, o state.Override, now time.Time) api.Service {
	would := managed{view: sv.view}
	would.impose(&o)
	would.in.Now = now
	next := policy.Look(would.in)
	would.ledger, would.ahead = would.ledger.Replaced(would.ahead, next, now), next
	shown := c.show(&would.view, now)
	shown.Ahead = would.changes(now)
	return shown
}
