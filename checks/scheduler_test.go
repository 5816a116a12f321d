package checks

import (
	"context"
	"fmt"
	"strings"
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

func TestAProbeThatOverrunsTheRecheckIsFollowedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		f := &fake{name: "hung", run: hangs}
		b.Set([]*Check{check("a", f)}, nil)
		b.start(t)
		after(12 * time.Second)
		starts := f.started()
		for i := 1; i < 3; i++ {
			if gap := starts[i].Sub(starts[i-1]); gap < 3*time.Second || gap > 3100*time.Millisecond {
				t.Errorf("probe %d came %s after the one before, want the timeout of 3s and a tick", i, gap)
			}
		}
		snap, _ := b.Snapshot("a")
		if ended := snap.Last.Start.Add(snap.Last.Took); snap.Next.Before(ended) {
			t.Errorf("the next probe is due %s before the end of the latest", ended.Sub(snap.Next))
		}
		first := b.transitions()[0]
		// The second result can come as soon as the first probe has ended, the third a recheck later.
		if want := starts[0].Add(5 * time.Second); !first.Earliest.Equal(want) {
			t.Errorf("earliest is %s off", first.Earliest.Sub(want))
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

func TestRoundProbesEveryCheckOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var fakes []*fake
		var list []*Check
		for i := range 50 {
			f := &fake{name: "slow", run: func(ctx context.Context) Result {
				wait(ctx, 2*time.Second)
				return Result{OK: i%2 == 0}
			}}
			fakes, list = append(fakes, f), append(list, check(fmt.Sprint(i), f))
		}
		b.Set(list, map[string]State{"1": {Verdict: Up}})
		began := time.Now()
		b.Round(t.Context())
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("the round took %s, want that of one probe", took)
		}
		// Peers' bug 1: one lost probe moves nothing.
		if got := b.States()["1"]; got.Verdict != Up || got.Run != 1 {
			t.Errorf("after one lost probe: %+v", got)
		}
		b.Round(t.Context())
		b.start(t)
		for i, f := range fakes {
			if n := len(f.started()); n != 1 {
				t.Errorf("check %d was probed %d times, want once", i, n)
			}
		}
		after(250 * time.Millisecond)
		if n := len(fakes[3].started()); n != 2 {
			t.Errorf("%d probes after the recheck was due, want 2", n)
		}
	})
}

func TestRoundEndsWithItsContextAndCountsNothingThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.Set([]*Check{check("a", &fake{name: "hung", run: hangs})}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		b.Round(ctx)
		if took := time.Since(began); took != time.Second {
			t.Errorf("the round took %s, want its context's 1s", took)
		}
		synctest.Wait()
		if snap, _ := b.Snapshot("a"); snap.State.Run != 0 || snap.Stats.Failures != 0 {
			t.Errorf("a probe that we cut short was counted: %+v", snap)
		}
		b.start(t)
		after(3100 * time.Millisecond)
		if snap, _ := b.Snapshot("a"); snap.State.Run != 1 || snap.Stats.Late != 0 {
			t.Errorf("after the first probe of the schedule: %+v", snap)
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

func TestAPanickingProbeIsAFailedResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		f := &fake{name: "boom", run: func(context.Context) Result { panic("index out of range") }}
		b.Set([]*Check{check("a", f)}, nil)
		b.start(t)
		after(5 * time.Second)
		snap, _ := b.Snapshot("a")
		if snap.State.Verdict != Down || snap.Last.Reason != "the probe itself crashed: index out of range" {
			t.Errorf("snapshot %+v", snap)
		}
		b.stop()
		if n := strings.Count(b.log.String(), "probe panicked"); n != 1 {
			t.Errorf("%d log lines for %d panics within 10s, want 1:\n%s", n, len(f.started()), b.log.String())
		}
	})
}

func TestAProbeThatIgnoresItsDeadlineIsCountedAndLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		f := &fake{name: "deaf", run: func(context.Context) Result {
			<-time.After(time.Minute)
			return Result{}
		}}
		b.Set([]*Check{check("a", f)}, nil)
		b.start(t)
		after(5 * time.Second)
		if log := b.log.String(); !strings.Contains(log, "overruns its timeout") {
			t.Errorf("log: %q", log)
		}
		after(time.Minute)
		if snap, _ := b.Snapshot("a"); snap.Stats.Overruns != 1 {
			t.Errorf("stats %+v", snap.Stats)
		}
		if _, most := f.busy(); most != 1 {
			t.Errorf("%d probes of one check at once", most)
		}
		b.stop()
	})
}

func TestARestoredContraryRunIsReportedWhenItGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		c := check("a", &fake{name: "ill", run: answers(false)})
		b.Set([]*Check{c}, map[string]State{"a": {Verdict: Up, Run: 1}})
		if snap, _ := b.Snapshot("a"); !snap.Earliest.Equal(time.Now().Add(2 * time.Second)) {
			t.Errorf("earliest %s from now, want a recheck", time.Until(snap.Earliest))
		}
		b.start(t)
		after(time.Second)
		got := b.transitions()
		if len(got) != 1 || got[0].State.Run != 2 || got[0].Earliest.IsZero() {
			t.Fatalf("transitions %+v", got)
		}
		after(3 * time.Second)
		if got = b.transitions(); len(got) != 2 || got[1].State.Verdict != Down {
			t.Errorf("transitions %+v", got)
		}
	})
}

// Whoever listens may have taken something else as established than what the check was restored with, in a reload that
// a report crossed.
func TestTheFirstResultOfACheckIsAlwaysReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var lacks atomic.Bool
		lacks.Store(true)
		c := check("a", &fake{name: "well", run: func(context.Context) Result { return Result{OK: true, Inconclusive: lacks.Load()} }})
		was := State{Verdict: Up, Since: time.Now(), Run: 9, RunOK: true}
		b.Set([]*Check{c}, map[string]State{"a": was})
		b.start(t)
		after(time.Second)
		if got := b.transitions(); len(got) != 0 {
			t.Errorf("a result that says nothing was reported: %+v", got)
		}
		lacks.Store(false)
		after(time.Minute)
		was.Run++
		if got := b.transitions(); len(got) != 1 || got[0].State != was || got[0].From != Up || !got[0].Earliest.IsZero() {
			t.Errorf("transitions %+v", got)
		}
	})
}

func TestWhatThisHostLacksSaysNothingOfTheTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		f := &fake{name: "no files left", run: func(context.Context) Result {
			return Result{Inconclusive: true, Reason: "too many open files on this host"}
		}}
		c := check("a", f)
		b.Set([]*Check{c}, map[string]State{"a": {Verdict: Up, Run: 7, RunOK: true}})
		b.start(t)
		after(time.Minute)
		snap, _ := b.Snapshot("a")
		if snap.State != (State{Verdict: Up, Run: 7, RunOK: true}) || len(b.transitions()) > 0 {
			t.Errorf("state %+v, transitions %v", snap.State, b.transitions())
		}
		if blind := time.Since(snap.Blind); blind < 50*time.Second || blind > time.Minute {
			t.Errorf("blind for %v", blind)
		}
		if snap.Last.Reason == "" || snap.Stats.Inconclusive == 0 || snap.Stats.Failures != 0 {
			t.Errorf("the results don't show: %+v", snap)
		}
	})
}
