package control

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/state"
)

// Bounds of an override: a shorter one is over before a cache notices, a longer one is better taken until released.
const (
	minOverride = time.Second
	maxOverride = 10 * 365 * 24 * time.Hour
	maxText     = 500 // octets of a reason or an author
)

// propose makes the override that s asks for, or says why not.
func (c *Control) propose(sv *managed, s api.Switch, now time.Time) (state.Override, error) {
	o := state.Override{Target: s.Target, Since: now, Reason: s.Reason, Author: s.Author}
	service := sv.in.Service
	target := index(service, s.Target)
	if target < 0 {
		return o, refuse(http.StatusNotFound, "service %q has no target %q%s", service.Name, s.Target, suggest(s.Target, targets(service), "it has"))
	}
	if len(s.Reason) > maxText || len(s.Author) > maxText {
		what, given := "reason", s.Reason
		if len(given) <= maxText {
			what, given = "author", s.Author
		}
		return o, refuse(http.StatusUnprocessableEntity, "%q has %d bytes: keep it to %d", what, len(given), maxText)
	}
	given := 0
	for _, set := range []bool{s.For != 0, s.Until != nil, s.UntilReleased} {
		if set {
			given++
		}
	}
	if given != 1 {
		return o, refuse(http.StatusUnprocessableEntity, "say how long with exactly one of \"for\", \"until\" and \"until_released\"")
	}
	switch {
	case s.UntilReleased:
	case s.Until != nil:
		o.Until = *s.Until
		if !o.Until.After(now) {
			return o, refuse(http.StatusUnprocessableEntity, "until %s is over: it is %s", text(o.Until), text(now))
		}
		if o.Until.After(now.Add(maxOverride)) {
			return o, refuse(http.StatusUnprocessableEntity, "until %s is more than ten years ahead: take until_released", text(o.Until))
		}
	case math.IsNaN(s.For), s.For < minOverride.Seconds(), s.For > maxOverride.Seconds():
		return o, refuse(http.StatusUnprocessableEntity, "\"for\" is %.10g seconds: it must be from 1 second to 10 years", s.For)
	default:
		o.Until = now.Add(time.Duration(s.For * float64(time.Second)))
	}
	o.Since, o.Until = o.Since.Round(0).UTC(), o.Until.Round(0).UTC() // an expiry goes by the wall clock
	if sv.in.Verdict(target) == checks.Down && !s.Force {
		return o, refuse(http.StatusConflict, "target %q of service %q is down: %s; with force (--force) it is switched to all the same", s.Target, service.Name, c.lastResults(sv, target))
	}
	return o, nil
}

// lastResults says what the last probes of a target saw, those that failed.
func (c *Control) lastResults(sv *managed, target int) string {
	var parts []string
	for a, address := range sv.in.Service.Targets[target].Addresses {
		fact := sv.in.Facts[target][a]
		if fact.State.Verdict != checks.Down {
			continue
		}
		shown := c.showAddress(address, fact)
		if shown.LastResult == "" {
			shown.LastResult = "no result since the start"
		}
		parts = append(parts, shown.Address+": "+shown.LastResult)
	}
	return strings.Join(parts, ", ")
}

// find returns the service with that name, or says which there are.
func (c *Control) find(service string) (*managed, error) {
	if s := c.byName[service]; s != nil {
		return s, nil
	}
	var names []string
	for _, s := range c.services {
		names = append(names, s.name())
	}
	return nil, refuse(http.StatusNotFound, "there is no service %q%s", service, suggest(service, names, "there are"))
}

// list names the first of names.
func list(names []string) string {
	const most = 10
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// refuse returns an *api.Problem.
func refuse(status int, format string, args ...any) error {
	return &api.Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

// interrupted makes of the end of the server a problem; the end of whoever asks stays what it is.
func interrupted(err error) error {
	if errors.Is(err, errStopped) {
		return refuse(http.StatusServiceUnavailable, "%v", err)
	}
	return err
}

func text(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func untilText(t time.Time) string {
	if t.IsZero() {
		return "released"
	}
	return text(t)
}
