package checks

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestWorstDetectionOfTheDefaults(t *testing.T) {
	c := check("a", nil)
	// 11 s to the next probe, its 3 s, two more of 3 s (they outlast the recheck), three ticks.
	if got, want := WorstDetection(c), 20300*time.Millisecond; got != want {
		t.Errorf("detection %s, want %s", got, want)
	}
}

// A trial is one target that dies and comes back.
type trial struct {
	check      Check
	deadAt     time.Duration // after it was found up
	backAt     time.Duration // after it was found down
	alive      time.Duration // how long an answer takes
	dead       time.Duration // how long a failure takes; the timeout cuts it
	justProbed bool          // it dies right after a probe has begun
}

func drawTrial(t *rapid.T) trial {
	ms := func(name string, lo, hi int64) time.Duration {
		return time.Duration(rapid.Int64Range(lo, hi).Draw(t, name)) * time.Millisecond
	}
	interval := ms("interval", 200, 8_000)
	timeout := ms("timeout", 50, interval.Milliseconds()-1)
	return trial{
		check: Check{
			ID: rapid.StringN(1, 20, -1).Draw(t, "id"), Interval: interval, Timeout: timeout,
			Recheck: ms("recheck", 50, interval.Milliseconds()),
			Fall:    rapid.IntRange(1, 5).Draw(t, "fall"), Rise: rapid.IntRange(1, 5).Draw(t, "rise"),
		},
		deadAt: ms("dead at", 0, 3*interval.Milliseconds()),
		backAt: ms("back at", 0, 3*interval.Milliseconds()),
		alive:  ms("alive", 0, timeout.Milliseconds()-1),
		dead:   rapid.SampledFrom([]time.Duration{0, time.Millisecond, timeout / 2, timeout, time.Hour}).Draw(t, "dead"),
	}
}

// run plays the trial in a bubble and returns how long the scheduler took to see death.
func (tr trial) run(t *testing.T) (detection time.Duration, story []Transition, at []time.Time) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var alive atomic.Bool
		alive.Store(true)
		f := &fake{name: "target", run: func(ctx context.Context) Result {
			if !alive.Load() {
				wait(ctx, tr.dead)
				return Result{}
			}
			wait(ctx, tr.alive)
			return Result{OK: ctx.Err() == nil}
		}}
		c := tr.check
		c.Probe = f
		b.Set([]*Check{&c}, map[string]State{c.ID: {Verdict: Up, Run: 1, RunOK: true}})
		b.start(t)
		until := func(v Verdict) {
			for b.States()[c.ID].Verdict != v {
				after(tick(c.Interval))
			}
		}
		after(c.Interval + tr.deadAt)
		if tr.justProbed {
			for n := len(f.started()); len(f.started()) == n; {
				after(tick(c.Interval))
			}
		}
		alive.Store(false)
		died := time.Now()
		until(Down)
		detection = b.States()[c.ID].Since.Sub(died)
		after(tr.backAt)
		alive.Store(true)
		until(Up)
		b.stop()
		story, at = b.seen, b.at
	})
	return detection, story, at
}

func TestNothingIsSlowerThanTheWorstCase(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tr := drawTrial(rt)
		detection, story, at := tr.run(t)
		if worst := WorstDetection(&tr.check); detection > worst {
			rt.Errorf("death was seen after %s, later than the worst case of %s", detection, worst)
		}
		checkEarliest(rt, story, at)
	})
}

// The bound is not a loose one: with a bad moment of death it is nearly reached.
func TestTheWorstCaseIsNearlyReached(t *testing.T) {
	tr := trial{check: *check("a", nil), dead: time.Hour, justProbed: true}
	detection, _, _ := tr.run(t)
	if worst := WorstDetection(&tr.check); detection > worst || detection < worst-tr.check.Interval/5-500*time.Millisecond {
		t.Errorf("detection took %s, worst case %s", detection, worst)
	}
}

// Peers' bug 4: no verdict changes before the instant that was announced as the earliest possible one.
func TestNoVerdictChangesBeforeItWasPossible(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tr := drawTrial(rt)
		results := rapid.SliceOfN(rapid.Bool(), 1, 40).Draw(rt, "results")
		took := rapid.SliceOfN(rapid.Int64Range(0, int64(tr.check.Timeout)), 1, 10).Draw(rt, "took")
		var story []Transition
		var at []time.Time
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			n := 0
			c := tr.check
			c.Probe = &fake{name: "mixed", run: func(ctx context.Context) Result {
				ok, d := results[n%len(results)], time.Duration(took[n%len(took)])
				n++
				wait(ctx, d)
				return Result{OK: ok}
			}}
			b.Set([]*Check{&c}, nil)
			b.start(t)
			after(15 * c.Interval)
			b.stop()
			story, at = b.seen, b.at
		})
		checkEarliest(rt, story, at)
	})
}

func checkEarliest(t *rapid.T, story []Transition, at []time.Time) {
	var announced time.Time
	for i, tr := range story {
		if tr.State.Verdict != tr.From && at[i].Before(announced) {
			t.Errorf("%s turned %s %s before the earliest instant", tr.From, tr.State.Verdict, announced.Sub(at[i]))
		}
		if tr.State.Contrary() == tr.Earliest.IsZero() {
			t.Errorf("contrary run %v, earliest %v", tr.State.Contrary(), tr.Earliest)
		}
		announced = tr.Earliest
	}
}

// The announced instant is not needlessly early: when every probe fails at once, only ticks come between.
func TestTheEarliestInstantIsExact(t *testing.T) {
	tr := trial{check: *check("a", nil)}
	_, story, at := tr.run(t)
	for i, tr := range story[1:] {
		if tr.State.Verdict == tr.From {
			continue
		}
		announced, needed := story[i].Earliest, tr.State.Run-1
		if late := at[i+1].Sub(announced); late < 0 || late > time.Duration(needed)*tick(tr.Check.Interval) {
			t.Errorf("%s turned %s %s after the earliest instant", tr.From, tr.State.Verdict, late)
		}
	}
}
