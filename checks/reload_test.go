package checks

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Everything at once, for the race detector: reloads, rounds and readers while probes hang, fail and panic.
func TestReloadsAndReadersWhileProbesRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		f := &fake{name: "odd", run: func(ctx context.Context) Result {
			switch rand.N(4) {
			case 0:
				return hangs(ctx)
			case 1:
				panic("now and then")
			}
			wait(ctx, rand.N(time.Second))
			return Result{OK: rand.N(2) == 0}
		}}
		b.start(t)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 50 {
					var list []*Check
					for i := range rand.N(20) {
						c := check(fmt.Sprint(i), f)
						c.Interval = time.Duration(4+rand.N(3)) * time.Second
						list = append(list, c)
					}
					b.Set(list, b.States())
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					b.Round(ctx)
					cancel()
					for _, c := range list {
						b.Snapshot(c.ID)
					}
					<-time.After(rand.N(5 * time.Second))
				}
			})
		}
		wg.Wait()
		b.Set([]*Check{check("last", &fake{name: "well", run: answers(true)})}, nil)
		synctest.Wait()
		if running, _ := f.busy(); running != 0 {
			t.Errorf("%d probes of removed checks go on", running)
		}
		if jobs := b.cron.Jobs(); len(jobs) != 1 || len(b.lanes) != 1 {
			t.Errorf("%d gocron jobs and %d lanes for one check", len(jobs), len(b.lanes))
		}
		before := len(b.transitions())
		after(time.Minute)
		for _, tr := range b.transitions()[before:] {
			if tr.Check.ID != "last" {
				t.Errorf("a removed check was reported: %+v", tr)
			}
		}
		b.stop()
	})
}
