package control

import (
	"context"
	"net/http"
	"strconv"
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
	err = c.consider(ctx, func(now time.Time) error {
		sv, err := c.find(service)
		if err != nil {
			return err
		}
		if o, err = c.propose(sv, s, now); err != nil {
			return err
		}
		if s.DryRun {
			shown = c.rehearse(sv, o, now)
			return nil
		}
		c.unsure(sv, now)
		return nil
	})
	if err != nil || s.DryRun {
		return shown, err
	}
	if err := c.store.PutOverride(ctx, service, o); err != nil {
		return api.Service{}, refuse(http.StatusServiceUnavailable, "the override of service %q can't be stored, so it is not served: %v", service, err)
	}
	return c.serve(ctx, service, servedLater("override", service), func(sv *managed, _ time.Time) (tell func()) {
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
	err = c.consider(ctx, func(now time.Time) error {
		if stored, ok := c.overrides[service]; ok { // also one that is not applied
			o = &stored
			if sv := c.byName[service]; sv != nil {
				c.unsure(sv, now)
			}
			return nil
		}
		sv, err := c.find(service)
		if err != nil {
			return err
		}
		in := sv.in
		in.Now = now
		if !in.Held() {
			return refuse(http.StatusConflict, "service %q has no override, and no better target waits to take over", service)
		}
		back = sv.selection(now)
		back.Edge = time.Time{}
		back.Auto = sv.target(in.Candidate())
		return nil
	})
	if err != nil {
		return api.Service{}, err
	}
	if o != nil {
		if err := c.store.DeleteOverride(ctx, service); err != nil {
			return api.Service{}, refuse(http.StatusServiceUnavailable, "the release of service %q can't be stored, so the override stays: %v", service, err)
		}
		return c.serve(ctx, service, servedLater("release", service), func(sv *managed, _ time.Time) (tell func()) {
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
	return c.serve(ctx, service, servedLater("release", service), func(sv *managed, _ time.Time) (tell func()) {
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

// servedLater says of a change that only the next start will serve it.
func servedLater(what, service string) string {
	return "the " + what + " of service " + strconv.Quote(service) + " is stored, and the next start serves it"
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
