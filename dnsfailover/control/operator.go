package control

import (
	"context"
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
		if o, refused = c.propose(sv, s, now); refused == nil && s.DryRun {
			shown = c.rehearse(sv, o, now)
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
	return c.serve(ctx, service, "override set", o, func(sv *managed) {
		c.overrides[service] = o
		if index(sv.in.Service, o.Target) >= 0 {
			sv.impose(&o)
		}
	})
}

// Release ends the override of a service. If there is none, but a better target waits for an operator because failback is manual,
// the service goes back to it. It returns when that is stored and served; an *api.Problem says why not.
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
		var sv *managed
		if sv, refused = c.find(service); refused != nil {
			return
		}
		in := sv.in
		in.Now = now
		switch stored, ok := c.overrides[service]; {
		case ok: // also one that is not applied
			o = &stored
		case in.Held():
			back = sv.selection(now)
			back.Auto = sv.target(in.Candidate())
		default:
			refused = refuse(http.StatusConflict, "service %q has no override", service)
		}
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
		o.Author = author
		return c.serve(ctx, service, "override released", *o, func(sv *managed) {
			delete(c.overrides, service)
			sv.impose(nil)
		})
	}
	if err := c.store.StoreSelection(ctx, service, back); err != nil {
		return api.Service{}, refuse(http.StatusServiceUnavailable, "the release of service %q can't be stored, so it stays where it is: %v", service, err)
	}
	return c.serve(ctx, service, "failback released", state.Override{Target: back.Auto, Author: author}, func(sv *managed) {
		if i := index(sv.in.Service, back.Auto); i >= 0 && sv.in.Held() {
			sv.in.Auto = i
		}
	})
}

// turn waits until no other operator's change is between the disk and the slot: the store and control must see
// changes of a service in the same order.
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

// serve applies a change that is stored, whether or not somebody still waits for it.
func (c *Control) serve(ctx context.Context, service, message string, o state.Override, apply func(*managed)) (shown api.Service, err error) {
	var refused error
	err = c.do(context.WithoutCancel(ctx), func() {
		now := c.current()
		var sv *managed
		if sv, refused = c.find(service); refused != nil {
			return
		}
		apply(sv)
		c.settle([]*managed{sv}, now, func() {
			c.log.Info(message, "service", service, "target", o.Target, "until", untilText(o.Until), "author", o.Author, "reason", o.Reason)
		})
		shown = c.show(&sv.view, now)
	})
	if err != nil {
		return shown, interrupted(err)
	}
	return shown, refused
}

// rehearse returns what would be served under o.
func (c *Control) rehearse(sv *managed, o state.Override, now time.Time) api.Service {
	would := managed{view: sv.view}
	would.impose(&o)
	would.in.Now = now
	next := policy.Look(would.in)
	would.ledger, would.ahead = would.ledger.Replaced(would.ahead, next, now), next
	return c.show(&would.view, now)
}
