package control

import (
	"context"
	"errors"
	"net/http"
	"time"

	"dnsfailover/dnsfailover/api"
)

// An operator's change goes in four steps, whatever it is: it has its turn, is considered, is stored, and is served. Only
// the second and the last are control's; between them it goes on deciding while the disk takes its time.

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

// consider has control's goroutine find out whether a change can be made, and what it is; judge returns why not.
func (c *Control) consider(ctx context.Context, judge func(now time.Time) error) error {
	var refused error
	if err := c.do(ctx, func() { refused = judge(c.current()) }); err != nil {
		return interrupted(err)
	}
	return refused
}

// serve applies a change that is stored, whether or not somebody still waits for it, and returns the service as it is then: apply
// makes the change and returns what logs it, and later says what has become of it if the server is stopping. The service is nil if the
// configuration has it no more. Its caller has the turn.
func (c *Control) serve(ctx context.Context, service, later string, apply func(sv *managed, now time.Time) (tell func())) (shown api.Service, err error) {
	err = c.do(context.WithoutCancel(ctx), func() {
		now := c.current()
		sv := c.byName[service]
		tell := apply(sv, now)
		if sv == nil {
			c.publish(nil)
			tell()
			shown = api.Service{Name: service, Records: []string{}, Answers: []string{}, Targets: []api.Target{}}
			return
		}
		c.settle([]*managed{sv}, now, tell)
		shown = c.show(&sv.view, now)
	})
	if errors.Is(err, errStopped) {
		return shown, refuse(http.StatusServiceUnavailable, "%v: %s", err, later)
	}
	if err == nil {
		c.recorded(ctx)
	}
	return shown, err
}

// current follows the edges that have passed, and returns the instant up to which it did.
func (c *Control) current() time.Time {
	c.wake()
	return time.Now()
}
