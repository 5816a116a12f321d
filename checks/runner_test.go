package checks

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

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
