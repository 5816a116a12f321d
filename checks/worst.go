package checks

import "time"

// WorstDetection returns the longest time from the death of a target that was up to the verdict down: the
// target dies right after it has answered a probe, the next one is as late as it can be, and every probe
// from then on waits for its whole timeout.
func WorstDetection(c *Check) time.Duration { return worst(c, c.Fall) }

// WorstRecovery returns the longest time from the return of a target that was down to the verdict up.
func WorstRecovery(c *Check) time.Duration { return worst(c, c.Rise) }

// worst is the longest time in which n results in a row are in, counted from the start of a probe that
// does not count. Every one of the n probes waits for a tick of its lane.
func worst(c *Check, n int) time.Duration {
	first := max(c.Interval+c.Interval/10, c.Recheck, c.Timeout)
	others := max(c.Recheck, c.Timeout)
	return first + c.Timeout + time.Duration(n-1)*others + time.Duration(n)*tick(c.Interval)
}
