package checks

import "time"

// WorstDetection returns the longest time from the death of a target that was up to the verdict down: the
// target dies right after it has answered a probe, the next one is as late as it can be, and every probe
// from then on waits for its whole timeout and for a tick of its lane.
func WorstDetection(c *Check) time.Duration {
	first := max(c.Interval+c.Interval/10, c.Recheck, c.Timeout)
	others := max(c.Recheck, c.Timeout)
	if l, ok := c.Probe.(interface{ Lag() time.Duration }); ok {
		first += l.Lag()
	}
	return first + c.Timeout + time.Duration(c.Fall-1)*others + time.Duration(c.Fall)*tick(c.Interval)
}

// WorstAnswer returns the longest time from Hurry to the result of a probe that begins after it, of a target that is up:
// it answers within the timeout, but a probe may be under way that doesn't count.
func WorstAnswer(c *Check) time.Duration {
	return max(c.Timeout, hurryGap) + c.Timeout + tick(c.Interval)
}
