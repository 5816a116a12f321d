package checks

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTickIsAFractionOfTheInterval(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{
		100 * time.Millisecond: 10 * time.Millisecond,
		time.Second:            20 * time.Millisecond,
		3 * time.Second:        60 * time.Millisecond,
		time.Hour:              100 * time.Millisecond,
	} {
		if got := tick(interval); got != want {
			t.Errorf("interval %s: tick %s, want %s", interval, got, want)
		}
	}
}

// Fault 53: an hour without a tick makes every check late once, and starts them one after the other.
func TestAfterASleepNothingIsCaughtUpInABurst(t *testing.T) {
	began := time.Now()
	l := &lane{interval: 10 * time.Second, epoch: began, ticked: began}
	for i := range 500 {
		l.put(&runner{ctx: context.Background(), slot: -1}, began.Add(time.Duration(i)*20*time.Millisecond))
	}
	awake := began.Add(time.Hour)
	total := 0
	for now := awake; now.Before(awake.Add(2 * time.Second)); now = now.Add(tick(l.interval)) {
		due := l.due(now)
		if len(due) > 101 {
			t.Errorf("%d probes at once, %s after the sleep", len(due), now.Sub(awake))
		}
		for _, r := range due {
			total++
			if !r.late {
				t.Error("a probe that should have run an hour ago is not late")
			}
		}
	}
	if total != 500 {
		t.Errorf("%d probes, want one for each of the 500 checks", total)
	}
}

func TestTheRegularScheduleKeepsItsPhase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		interval := time.Duration(rapid.Int64Range(int64(100*time.Millisecond), int64(time.Hour)).Draw(t, "interval"))
		phase := time.Duration(rapid.Int64Range(0, int64(interval)-1).Draw(t, "phase"))
		since := time.Duration(rapid.Int64Range(0, int64(1000*interval)).Draw(t, "since"))
		l := &lane{interval: interval, epoch: time.Now()}
		start := l.epoch.Add(since)
		due := l.regular(start, phase)
		if gap := due.Sub(start); gap < 0 || gap > interval+interval/10 {
			t.Fatalf("due %s after the start before", gap)
		}
		off := (due.Sub(l.epoch) - phase + interval/2) % interval
		if off -= interval / 2; off < -interval/20 || off > interval/20 {
			t.Fatalf("%s off its phase", off)
		}
	})
}
