package checks

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAHealthyCheckIsProbedOncePerInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		f := &fake{name: "well", run: answers(true)}
		b.Set([]*Check{check("a", f)}, map[string]State{"a": {Verdict: Up}})
		b.start(t)
		after(time.Hour)
		starts := f.started()
		// Peers' bugs 8 and 14: nobody has asked anything for an hour.
		if n := len(starts); n < 355 || n > 365 {
			t.Errorf("%d probes in an hour, want about 360", n)
		}
		for i := 2; i < len(starts); i++ {
			if gap := starts[i].Sub(starts[i-1]); gap < 8900*time.Millisecond || gap > 11100*time.Millisecond {
				t.Errorf("probe %d came %s after the one before", i, gap)
			}
		}
		if got := b.transitions(); len(got) != 1 || got[0].State.Run != 1 {
			t.Errorf("a target that stayed up reported more than its first result: %v", got)
		}
		snap, ok := b.Snapshot("a")
		if !ok || snap.State.Verdict != Up || snap.State.Run != len(starts) || snap.Stats.Successes != uint64(len(starts)) {
			t.Errorf("snapshot %+v after %d probes", snap, len(starts))
		}
		if snap.Stats.Late != 0 || snap.Stats.Buckets[0] != uint64(len(starts)) {
			t.Errorf("stats %+v", snap.Stats)
		}
		if old := time.Since(snap.Last.Start); old > 11100*time.Millisecond {
			t.Errorf("the latest result is %s old", old)
		}
	})
}

func TestChecksAreSpreadOverTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var list []*Check
		var fakes []*fake
		states := map[string]State{}
		for i := range 1000 {
			f := &fake{name: "well", run: answers(true)}
			c := check(fmt.Sprintf("check %d", i), f)
			list, fakes = append(list, c), append(fakes, f)
			states[c.ID] = State{Verdict: Up}
		}
		b.Set(list, states)
		began := time.Now()
		b.start(t)
		after(1100 * time.Millisecond)
		for i, f := range fakes {
			if len(f.started()) != 1 {
				t.Fatalf("check %d: probed %d times in the first moment, want once", i, len(f.started()))
			}
		}
		after(time.Minute)
		var tenths [10]int
		for _, f := range fakes {
			starts := f.started()
			tenths[starts[len(starts)-1].Sub(began)%(10*time.Second)/time.Second]++
		}
		for i, n := range tenths {
			if n < 50 || n > 150 {
				t.Errorf("tenth %d of the interval has %d of 1000 probes", i, n)
			}
		}
	})
}

func TestTransitionsTellTheWholeStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var well atomic.Bool
		f := &fake{name: "told", run: func(context.Context) Result { return Result{OK: well.Load()} }}
		c := check("a", f)
		c.Rise = 2
		b.Set([]*Check{c}, nil)
		b.start(t)
		var story []string
		tell := func() {
			for _, tr := range b.transitions()[len(story):] {
				line := fmt.Sprintf("%s→%s run %d %v", tr.From, tr.State.Verdict, tr.State.Run, tr.State.RunOK)
				if !tr.Earliest.IsZero() {
					line += " earliest +" + tr.Earliest.Sub(tr.Result.Start).String()
				}
				story = append(story, line)
			}
		}
		well.Store(true)
		after(30 * time.Second)
		tell()
		well.Store(false)
		for b.transitions()[len(b.transitions())-1].State.RunOK {
			after(100 * time.Millisecond)
		}
		well.Store(true)
		after(30 * time.Second)
		tell()
		well.Store(false)
		after(30 * time.Second)
		tell()
		well.Store(true)
		after(30 * time.Second)
		tell()
		want := []string{
			"unknown→unknown run 1 true earliest +2s",
			"unknown→up run 2 true",
			"up→up run 1 false earliest +4s",
			"up→up run 1 true",
			"up→up run 1 false earliest +4s",
			"up→down run 3 false",
			"down→down run 1 true earliest +2s",
			"down→up run 2 true",
		}
		if diff := cmp.Diff(want, story); diff != "" {
			t.Errorf("transitions (-want +got):\n%s", diff)
		}
	})
}

// Peers' bugs 12 and 19, fault 27.
func TestAHangingTargetDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		hung, well := &fake{name: "hung", run: hangs}, &fake{name: "well", run: answers(true)}
		b.Set([]*Check{check("primary", hung), check("backup", well)}, nil)
		b.start(t)
		after(10 * time.Second)
		if got := b.States()["backup"].Verdict; got != Up {
			t.Errorf("backup is %s", got)
		}
		if got := b.States()["primary"].Verdict; got != Down {
			t.Errorf("primary is %s", got)
		}
		for _, f := range []*fake{hung, well} {
			if _, most := f.busy(); most != 1 {
				t.Errorf("%d probes of one check at once", most)
			}
		}
		after(time.Minute)
		starts := well.started()
		for i := 1; i < len(starts); i++ {
			if gap := starts[i].Sub(starts[i-1]); gap > 11100*time.Millisecond {
				t.Errorf("the backup's probe %d came %s after the one before", i, gap)
			}
		}
	})
}

// Peers' bug 9.
func TestARemovedCheckStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		cancelled := make(chan struct{})
		hung := &fake{name: "hung", run: func(ctx context.Context) Result {
			<-ctx.Done()
			close(cancelled)
			return Result{}
		}}
		c := check("a", hung)
		c.Interval, c.Timeout = 2*time.Hour, time.Hour
		well := &fake{name: "well", run: answers(true)}
		b.Set([]*Check{c, check("b", well)}, nil)
		b.start(t)
		after(time.Minute)
		if len(hung.started()) != 1 || len(b.cron.Jobs()) != 2 {
			t.Fatalf("%d probes, %d gocron jobs", len(hung.started()), len(b.cron.Jobs()))
		}
		b.Set([]*Check{check("b", well)}, nil)
		synctest.Wait()
		select {
		case <-cancelled:
		default:
			t.Error("the probe under way was not cancelled")
		}
		if _, ok := b.Snapshot("a"); ok {
			t.Error("the removed check still has a snapshot")
		}
		if jobs := b.cron.Jobs(); len(jobs) != 1 {
			t.Errorf("%d gocron jobs, want the empty lane's one gone", len(jobs))
		}
		before := len(well.started())
		b.Set(nil, nil)
		after(time.Hour)
		if n := len(well.started()); n != before {
			t.Errorf("%d probes of a removed check", n-before)
		}
		if jobs := b.cron.Jobs(); len(jobs) != 0 {
			t.Errorf("%d gocron jobs without a check", len(jobs))
		}
		for _, tr := range b.transitions() {
			if tr.Check.ID == "a" {
				t.Errorf("a cancelled probe was reported: %+v", tr)
			}
		}
		b.Set([]*Check{check("b", well)}, nil)
		after(time.Second)
		if n := len(well.started()); n != before+1 {
			t.Errorf("%d probes at once after the check is back, want 1", n-before)
		}
	})
}

func TestAReloadLeavesWhatDidNotChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		same, changed := &fake{name: "same", run: answers(true)}, &fake{name: "old", run: answers(true)}
		b.Set([]*Check{check("same", same), check("changed", changed)}, nil)
		b.start(t)
		after(time.Minute)
		was, _ := b.Snapshot("same")
		probes := len(same.started())

		anew := &fake{name: "new", run: answers(true)}
		down := State{Verdict: Down, Since: time.Now(), Run: 3}
		b.Set([]*Check{check("same", &fake{name: "same", run: answers(false)}), check("changed", anew), check("changed", same)},
			map[string]State{"same": down, "changed": down})
		synctest.Wait()
		if is, _ := b.Snapshot("same"); !cmp.Equal(was, is) {
			t.Errorf("the check that did not change: %s", cmp.Diff(was, is))
		}
		// It is probed at once: what was restored, and one success.
		if got, want := b.States()["changed"], (State{Verdict: Down, Since: down.Since, Run: 1, RunOK: true}); got != want {
			t.Errorf("the changed check is at %+v, want %+v", got, want)
		}
		after(150 * time.Millisecond)
		if n := len(anew.started()); n != 1 {
			t.Errorf("the changed check was probed %d times at once, want 1", n)
		}
		after(time.Minute)
		if len(same.started()) < probes+5 {
			t.Error("the check that did not change has stopped")
		}
	})
}

func TestTheEndCancelsProbesAndCountsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		f := &fake{name: "hung", run: hangs}
		b.Set([]*Check{check("a", f)}, map[string]State{"a": {Verdict: Up, Run: 1, RunOK: true}})
		b.start(t)
		after(time.Second)
		began := time.Now()
		b.stop()
		if took := time.Since(began); took != 0 {
			t.Errorf("the end took %s with a probe under way", took)
		}
		if running, _ := f.busy(); running != 0 {
			t.Error("a probe outlives the scheduler")
		}
		if got := b.States()["a"]; got.Run != 1 || !got.RunOK || len(b.transitions()) != 0 {
			t.Errorf("the cancelled probe was counted: %+v", got)
		}
		if err := b.Run(t.Context()); err == nil {
			t.Error("a scheduler runs twice")
		}
		b.Set([]*Check{check("b", f)}, nil)
		if _, ok := b.Snapshot("b"); ok {
			t.Error("a check was added after the end")
		}
		b.Round(t.Context())
		if n := len(f.started()); n != 1 {
			t.Errorf("%d probes after the end", n-1)
		}
	})
}
