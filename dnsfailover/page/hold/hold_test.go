package hold

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var limits = Limits{For: 20 * time.Second, Max: 1000, Bytes: 1 << 20, Parallel: 4}

// visitors enter a gate and note in what order they were let pass, or why not.
type visitors struct {
	g       *Gate
	service time.Duration // how long the upstream takes to begin to answer
	mu      sync.Mutex
	passed  []int
	refused map[int]error
	most    int // before the upstream at once
	now     int
	all     sync.WaitGroup
}

func (v *visitors) come(ctx context.Context, n, size int) {
	arrived := time.Now()
	v.all.Go(func() {
		leave, err := v.g.Enter(ctx, netip.Addr{}, arrived, size)
		v.mu.Lock()
		if err != nil {
			v.refused[n] = err
			v.mu.Unlock()
			return
		}
		v.passed = append(v.passed, n)
		v.now++
		v.most = max(v.most, v.now)
		v.mu.Unlock()
		time.Sleep(v.service)
		v.mu.Lock()
		v.now--
		v.mu.Unlock()
		leave()
		leave() // once is meant
	})
	synctest.Wait()
}

func (v *visitors) why(n int) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.refused[n]
}

func visit(l Limits) *visitors {
	return &visitors{g: New(l, &Counts{}), service: placeTime / 2, refused: map[int]error{}}
}

func TestOpenGateHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := visit(limits)
		for n := range 10 {
			v.come(t.Context(), n, 100)
		}
		if s := v.g.Status(); s.State != Open || s.Waiting != 0 || len(v.passed) != 10 {
			t.Errorf("ten requests came to an open gate: %+v", s)
		}
		v.all.Wait()
	})
}

func TestPauseHoldsAndResumeReleasesTheOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := visit(limits)
		v.g.Pause()
		for n := range 20 {
			v.come(t.Context(), n, 100)
			time.Sleep(10 * time.Millisecond)
		}
		if s := v.g.Status(); s.State != Paused || s.Waiting != 20 || s.Bytes != 2000 {
			t.Errorf("twenty requests came to a paused gate: %+v", s)
		}
		v.g.Resume()
		synctest.Wait()
		v.come(t.Context(), 20, 100) // who comes now is behind those who waited
		v.all.Wait()
		// Goroutines that are let go together may run in any order.
		for i, n := range v.passed {
			if d := i - n; d >= limits.Parallel || d <= -limits.Parallel {
				t.Errorf("let pass in the order %v", v.passed)
			}
		}
		if len(v.passed) != 21 {
			t.Errorf("let pass: %v", v.passed)
		}
		if v.most > limits.Parallel {
			t.Errorf("%d were let go at once, of %d that may", v.most, limits.Parallel)
		}
		if s := v.g.Status(); s.Waiting != 0 || s.Bytes != 0 || v.g.counts.Released.Load() != 21 {
			t.Errorf("at the end: %+v", s)
		}
	})
}

func TestHeldRequestsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limits
		l.Max, l.Bytes = 3, 1000
		v := visit(l)
		v.g.Pause()
		for n := range 4 {
			v.come(t.Context(), n, 100)
		}
		if !errors.Is(v.why(3), ErrFull) {
			t.Errorf("the fourth of three that may wait: %v", v.why(3))
		}
		time.Sleep(l.For)
		v.all.Wait()
		for n := range 3 {
			if !errors.Is(v.why(n), ErrLate) {
				t.Errorf("request %d has waited for too long: %v", n, v.why(n))
			}
		}
		v.come(t.Context(), 4, 900)
		v.come(t.Context(), 5, 101)
		if !errors.Is(v.why(5), ErrFull) {
			t.Errorf("the octet that is too much: %v", v.why(5))
		}
		gone, cancel := context.WithCancel(t.Context())
		v.come(gone, 6, 100)
		cancel()
		synctest.Wait()
		if !errors.Is(v.why(6), context.Canceled) {
			t.Errorf("a client that went away: %v", v.why(6))
		}
		if s := v.g.Status(); s.Waiting != 1 || s.Bytes != 900 || v.g.counts.Full.Load() != 2 || v.g.counts.Late.Load() != 3 {
			t.Errorf("at the end: %+v", s)
		}
		v.g.Resume()
		v.all.Wait()
	})
}

func TestNobodyWaitsWhereNoneMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := visit(Limits{})
		v.g.Pause()
		v.come(t.Context(), 0, 0)
		if !errors.Is(v.why(0), ErrFull) {
			t.Errorf("held by a gate that holds nobody: %v", v.why(0))
		}
		v.g.Resume()
		if v.g.Missing(time.Now(), func(context.Context) error { return errors.New("refused") }) {
			t.Error("a gate that holds nobody says that a request may wait")
		}
		v.come(t.Context(), 1, 0)
		v.all.Wait()
		if len(v.passed) != 1 {
			t.Error("a gate that holds nobody kept a request from finding out for itself")
		}
	})
}

func TestStopRefusesWhoWaitsAndLetsFinishWhoIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := visit(limits)
		v.come(t.Context(), 0, 100)
		v.g.Pause()
		v.come(t.Context(), 1, 100)
		v.g.Stop()
		v.come(t.Context(), 2, 100)
		for n := 1; n <= 2; n++ {
			if !errors.Is(v.why(n), ErrStopped) {
				t.Errorf("request %d: %v", n, v.why(n))
			}
		}
		v.g.Resume()
		v.come(t.Context(), 3, 100)
		v.all.Wait()
		if !slices.Equal(v.passed, []int{0, 3}) {
			t.Errorf("passed: %v", v.passed)
		}
	})
}

// TestWhoStaysKeepsNobodyUp: those who were let go first are never answered, as streams that nobody ends and bodies that hardly flow are.
func TestWhoStaysKeepsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := visit(limits)
		v.service = time.Hour
		v.g.Pause()
		for n := range 3 * limits.Parallel {
			v.come(t.Context(), n, 1)
		}
		v.g.Resume()
		for n := range 60 {
			v.come(t.Context(), 100+n, 1)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if len(v.passed) != 3*limits.Parallel+60 || len(v.refused) > 0 {
			t.Errorf("%d were let pass of those who waited and who came in the minute after, and not let pass: %v", len(v.passed), v.refused)
		}
		if s := v.g.Status(); s.State != Open || s.Waiting > 0 {
			t.Errorf("at the end: %+v", s)
		}
		v.all.Wait()
	})
}

func TestMissingUpstreamIsAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limits
		l.Parallel = 1
		v := visit(l)
		back := time.Now().Add(5 * time.Second)
		tries := 0
		try := func(context.Context) error {
			tries++
			if time.Now().Before(back) {
				return errors.New("connection refused")
			}
			return nil
		}
		v.g.Missing(time.Now(), try)
		v.g.Missing(time.Now(), try) // one looks for all
		for n := range 3 {
			v.come(t.Context(), n, 100)
		}
		if s := v.g.Status(); s.State != Missing || s.Waiting != 3 {
			t.Errorf("the upstream is missing: %+v", s)
		}
		v.all.Wait()
		if late := time.Since(back) - 3*v.service; late > 2*retry {
			t.Errorf("let go %s after the upstream was back", late)
		}
		if !slices.Equal(v.passed, []int{0, 1, 2}) {
			t.Errorf("passed: %v", v.passed)
		}
		if tries > 60 {
			t.Errorf("tried %d times in five seconds", tries)
		}
	})
}

func TestMissingUpstreamIsNotLookedForWhenNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
		v := visit(limits)
		v.g.Missing(time.Now(), func(context.Context) error { return errors.New("connection refused") })
		v.come(t.Context(), 0, 100)
		v.all.Wait()
		if !errors.Is(v.why(0), ErrLate) {
			t.Errorf("the upstream never came back: %v", v.why(0))
		}
		time.Sleep(2 * retry)
		if s := v.g.Status(); s.State != Open {
			t.Errorf("nobody waits any more: %+v", s)
		}
	})
}

func TestWhoComesBackIsStillTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := visit(limits)
		first := time.Now()
		leave, err := v.g.Enter(t.Context(), netip.Addr{}, first, 1)
		if err != nil {
			t.Fatal(err)
		}
		leave() // it was let pass, and then the upstream was found missing
		time.Sleep(time.Second)
		v.g.Pause()
		v.come(t.Context(), 1, 1)
		v.all.Go(func() {
			leave, err := v.g.Enter(t.Context(), netip.Addr{}, first, 1)
			if err != nil {
				t.Error(err)
				return
			}
			v.mu.Lock()
			v.passed = append(v.passed, 0)
			v.mu.Unlock()
			leave()
		})
		synctest.Wait()
		v.g.limits.Parallel = 1
		v.g.Resume()
		v.all.Wait()
		if !slices.Equal(v.passed, []int{0, 1}) {
			t.Errorf("let pass in the order %v", v.passed)
		}
		time.Sleep(limits.For)
		if v.g.Missing(first, func(context.Context) error { return nil }) {
			t.Error("the upstream is missing again, and a request that has waited for long enough may wait on")
		}
		v.g.Pause()
		if _, err := v.g.Enter(t.Context(), netip.Addr{}, first, 1); !errors.Is(err, ErrLate) {
			t.Errorf("time counts from the arrival: %v", err)
		}
	})
}

func TestOneClientTakesNoMoreThanItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		greedy, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
		share := limits
		share.PerClient = 2
		g := New(share, &Counts{})
		g.Pause()
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error, share.Max)
		enter := func(client netip.Addr) {
			now := time.Now()
			go func() {
				leave, err := g.Enter(ctx, client, now, 1)
				if err == nil {
					leave()
				}
				results <- err
			}()
			synctest.Wait()
		}
		for range 2 {
			enter(greedy)
		}
		for range 2 {
			if enter(greedy); !errors.Is(<-results, ErrShare) {
				t.Error("one more than its share finds a place")
			}
		}
		enter(other)
		if s := g.Status(); s.Waiting != 3 || g.counts.Share.Load() != 2 || g.counts.Full.Load() != 0 {
			t.Errorf("%+v", s)
		}
		cancel() // those who leave give their places back
		for range 3 {
			<-results
		}
		ctx = t.Context()
		for range 2 {
			enter(greedy)
		}
		g.Resume()
		for range 2 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if len(g.each) != 0 {
			t.Errorf("nobody waits, and it is remembered of %v", g.each)
		}
	})
}
