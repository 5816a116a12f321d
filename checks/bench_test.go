package checks

import (
	"context"
	"fmt"
	"log/slog"
	"syscall"
	"testing"
	"time"
)

// BenchmarkScheduler runs 10,000 checks that do nothing at an interval of 1 s for a few seconds of real
// time, and reports the share of one core that the process takes.
func BenchmarkScheduler(b *testing.B) {
	s, err := NewScheduler(slog.New(slog.DiscardHandler), func(Transition) {})
	if err != nil {
		b.Fatal(err)
	}
	var list []*Check
	states := map[string]State{}
	for i := range 10_000 {
		c := &Check{
			ID: fmt.Sprintf("web/primary@%d", i), Probe: &fake{name: "nothing", run: answers(true)},
			Interval: time.Second, Timeout: 500 * time.Millisecond, Recheck: 500 * time.Millisecond, Fall: 3, Rise: 3,
		}
		list, states[c.ID] = append(list, c), State{Verdict: Up}
	}
	s.Set(list, states)
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	<-second.C
	<-second.C
	used, began := cpu(b), time.Now()
	for b.Loop() {
		<-second.C
	}
	share := float64(cpu(b)-used) / float64(time.Since(began))
	b.ReportMetric(100*share, "%core")
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

// cpu returns the processor time that the process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
