package checks

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A fake is a probe that does what the test says, on the bubble's clock.
type fake struct {
	name string
	run  func(ctx context.Context) Result

	mu      sync.Mutex
	starts  []time.Time
	running int
	most    int // probes that ran at the same time
}

func (f *fake) String() string { return f.name }

func (f *fake) Run(ctx context.Context) Result {
	f.mu.Lock()
	f.starts = append(f.starts, time.Now())
	f.running++
	f.most = max(f.most, f.running)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.running--
		f.mu.Unlock()
	}()
	return f.run(ctx)
}

func (f *fake) started() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]time.Time(nil), f.starts...)
}

// busy returns how many probes run now, and how many at most did so at the same time.
func (f *fake) busy() (now, most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running, f.most
}

func answers(ok bool) func(context.Context) Result {
	return func(context.Context) Result { return Result{OK: ok, Reason: "as told"} }
}

// hangs waits for the deadline.
func hangs(ctx context.Context) Result {
	<-ctx.Done()
	return Result{Reason: "hung"}
}

// wait passes virtual time, less if ctx ends.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// A bench is a scheduler under test, which runs in a synctest bubble.
type bench struct {
	*Scheduler
	log  bytes.Buffer
	stop func()

	mu   sync.Mutex
	seen []Transition
	at   []time.Time
}

func newBench(t *testing.T) *bench {
	b := &bench{}
	s, err := NewScheduler(slog.New(slog.NewTextHandler(&b.log, nil)), func(tr Transition) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.seen, b.at = append(b.seen, tr), append(b.at, time.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Scheduler = s
	return b
}

// start runs the scheduler until stop is called, at the latest when the test ends.
func (b *bench) start(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(func() { b.stop() })
	synctest.Wait()
}

func (b *bench) transitions() []Transition {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Transition(nil), b.seen...)
}

// after passes virtual time and lets everything settle.
func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func check(id string, p Probe) *Check {
	return &Check{
		ID: id, Probe: p, Interval: 10 * time.Second, Timeout: 3 * time.Second, Recheck: 2 * time.Second,
		Fall: 3, Rise: 5,
	}
}
