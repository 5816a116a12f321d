package checks

import (
	"context"
	"fmt"
	"hash/fnv"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// A runner keeps one check going, one probe at a time.
type runner struct {
	check  *Check
	sched  *Scheduler
	lane   *lane
	phase  time.Duration   // where in each interval the check is due
	ctx    context.Context // ends when the check is removed or the scheduler stops
	cancel context.CancelFunc

	// Guarded by lane.mu.
	due    time.Time
	late   bool   // since it was due, it has waited for over lateBy
	waited bool   // since it was due, there was no room for it
	slot   int    // index in the lane's queue; -1 while a probe is under way, or about to start
	shed   uint64 // turns left out before the probe under way; owned by whoever probes

	mu        sync.Mutex // held while a result is judged and reported, and by remove
	told      bool       // no result needs to be reported for its own sake; guarded by mu, as is all up to snap
	asked     time.Time  // if not told, results are reported up to one of a probe that began from here on
	suspended bool       // results don't count
	counts    time.Time  // results of probes that began before don't count
	results              // the latest ones
	snap      atomic.Pointer[Snapshot]
}

func newRunner(s *Scheduler, l *lane, c *Check, restored State, due time.Time) *runner {
	h := fnv.New64a()
	h.Write([]byte(c.ID))
	r := &runner{check: c, sched: s, lane: l, phase: time.Duration(h.Sum64() % uint64(c.Interval)), slot: -1, suspended: s.isSuspended(c.ID)}
	r.ctx, r.cancel = context.WithCancel(s.ctx)
	r.snap.Store(&Snapshot{State: restored, Next: due, Earliest: restored.Earliest(due, c.Recheck, c.Fall, c.Rise)})
	return r
}

// remove ends the runner: its probe is cancelled, and nothing of it is reported once remove has returned.
func (r *runner) remove() {
	r.mu.Lock()
	r.cancel()
	r.mu.Unlock()
	r.lane.take(r)
}

// probe probes once and puts the runner back into its lane. A probe that was cut short by the end of ctx
// says nothing about the target and counts for nothing.
func (r *runner) probe(ctx context.Context) {
	due := r.due
	if ctx.Err() == nil {
		start := time.Now()
		r.started(start)
		result, overran := r.run(ctx, start)
		if ctx.Err() == nil {
			var ok bool
			if due, ok = r.judge(result, start, overran); !ok {
				return
			}
		}
	}
	r.lane.put(r, due)
	r.hurryOn()
}

// started counts how late a probe is that starts now, and which turns were left out before it.
func (r *runner) started(now time.Time) {
	late := now.Sub(r.due)
	r.sched.traffic.started(late)
	r.late = r.late || late > lateBy
	if r.waited {
		r.shed = uint64(late / r.check.Interval)
		r.sched.traffic.shed.Add(r.shed)
	}
	r.waited = false
}

// hurryOn sees to it that a probe isn't waited for that was asked for between the end of the latest and its return to the lane.
func (r *runner) hurryOn() {
	now := time.Now()
	r.mu.Lock()
	asked, due := !r.told && r.snap.Load().Last.Start.Before(r.asked), r.soon(now, 0)
	r.mu.Unlock()
	if asked && r.lane.take(r) {
		r.lane.put(r, due)
	}
}

// run executes the probe under its own deadline.
func (r *runner) run(ctx context.Context, start time.Time) (result Result, overran bool) {
	c := r.check
	ctx, cancel := WithTimeout(ctx, c.Timeout)
	defer cancel()
	// A probe that never ends must not go unnoticed either.
	warn := time.AfterFunc(c.Timeout+lateBy, func() {
		r.sched.overruns.warn("probe overruns its timeout", "check", c.ID, "probe", Describe(c.Probe), "timeout", c.Timeout)
	})
	defer func() {
		overran = !warn.Stop()
		if p := recover(); p != nil {
			r.sched.panics.warn("probe panicked", "check", c.ID, "probe", Describe(c.Probe), "panic", p, "stack", string(debug.Stack()))
			result = Result{Reason: fmt.Sprintf("the probe itself crashed: %v", p)}
		}
		if result.Start.IsZero() {
			result.Start, result.Took = start, time.Since(start)
		}
	}()
	ctx = From(ctx, c.Source)
	if state := r.snap.Load().State; c.Other != nil && state.Verdict == Up && state.Contrary() && state.Run == 1 {
		return c.confirm(ctx), false
	}
	return c.Probe.Run(ctx), false
}

// judge observes the result of a probe that began at start, reports what it changes and returns when the
// next probe is due; false if the check has been removed meanwhile.
func (r *runner) judge(result Result, start time.Time, overran bool) (due time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return time.Time{}, false
	}
	c, now, old := r.check, time.Now(), r.snap.Load()
	state := old.State
	if c.Strict && result.Inconclusive {
		result.Inconclusive = false
	}
	counts := !result.Inconclusive && !r.suspended && !start.Before(r.counts)
	if counts {
		fall := c.Fall
		if result.Maintenance {
			fall = 1 // it says so itself
		}
		state = state.Observe(result.OK, now, fall, c.Rise)
	}
	// The first result that counts is always reported: whoever listens may take something else as established
	// than what was restored here. So is one that was asked for.
	answers := !r.told && !result.Inconclusive
	r.told = r.told || answers && !start.Before(r.asked)
	due = r.next(state, start, now)
	snap := &Snapshot{
		State: state, Last: result, Next: due, Stats: old.Stats,
		Earliest: state.Earliest(due, c.Recheck, c.Fall, c.Rise),
	}
	if result.Inconclusive {
		if snap.Blind = old.Blind; snap.Blind.IsZero() {
			snap.Blind = start
		}
	}
	snap.Stats.count(result)
	r.results.add(result)
	if r.late {
		snap.Stats.Late++
	}
	if overran {
		snap.Stats.Overruns++
	}
	snap.Stats.Shed += r.shed
	r.shed = 0
	r.snap.Store(snap)

	if old.State.transits(state) || answers {
		r.sched.report(Transition{Check: c, From: old.State.Verdict, State: state, Earliest: snap.Earliest, Result: result})
	}
	return due, true
}

// next returns when the probe after the one from start to end is due.
func (r *runner) next(state State, start, end time.Time) time.Time {
	c := r.check
	due := start.Add(c.Recheck)
	if !r.told && start.Before(r.asked) {
		due = r.soon(end, 0)
	} else if state.Verdict != Unknown && !state.Contrary() && (r.told || r.asked.IsZero()) {
		due = r.lane.regular(start, r.phase)
		// Back from rechecks the phase may be very near.
		if soonest := start.Add(min(c.Recheck, c.Interval)); due.Before(soonest) {
			due = soonest
		}
	}
	if due.Before(end) {
		due = end
	}
	return due
}
