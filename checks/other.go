package checks

import (
	"context"
	"fmt"
	"time"
)

// otherPatience is how long a failure waits for what the other family says.
const otherPatience = 300 * time.Millisecond

// confirm runs the check's probe, and beside it the same over the other family, of which it adds a note to a failure: who
// reads it sees whether the host is gone or a way to it. Each is over a connection of its own.
func (c *Check) confirm(ctx context.Context) Result {
	other := make(chan Result, 1)
	go func() {
		defer close(other)
		defer func() { _ = recover() }() // a probe that crashes tells nothing, and not twice
		other <- c.Other.Run(ctx)
	}()
	r := c.Probe.Run(ctx)
	if r.OK {
		return r
	}
	patience := time.NewTimer(otherPatience) // the verdict does not wait for a note
	defer patience.Stop()
	select {
	case o, told := <-other:
		switch {
		case !told || o.Inconclusive:
		case o.OK:
			r.Reason += fmt.Sprintf("; over %s it answers: %s", c.OtherName, o.Reason)
		default:
			r.Reason += fmt.Sprintf("; over %s too: %s", c.OtherName, o.Reason)
		}
	case <-patience.C:
		r.Reason += fmt.Sprintf("; over %s no answer either yet", c.OtherName)
	}
	return r
}
