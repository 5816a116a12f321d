package checks

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

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
