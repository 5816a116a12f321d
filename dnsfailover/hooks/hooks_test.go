package hooks

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// event returns the nth event of a kind.
func event(n int, kind string) api.Event {
	serving, before := "backup", "primary"
	return api.Event{
		ID: uint64(n), Time: time.Now().UTC(), Kind: kind, Service: "web", Target: "backup", Text: fmt.Sprint("event ", n),
		Before: &api.Facts{Serving: &before}, After: &api.Facts{Serving: &serving, Rule: "verdicts", Reason: "primary is down"},
	}
}

// taker takes events as it is told to, and remembers when it was asked.
type taker struct {
	mu     sync.Mutex
	answer func(e api.Event, attempt int) *failure // nil: it takes everything
	begin  time.Time
	asked  []string // second and ID
}

func (k *taker) deliver(ctx context.Context, e api.Event) *failure {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = append(k.asked, fmt.Sprintf("%d:%d", int(time.Since(k.begin).Seconds()), e.ID))
	if k.answer == nil {
		return nil
	}
	return k.answer(e, len(k.asked))
}

// told returns what it was asked, when nothing more happens at this instant.
func (k *taker) told() []string {
	synctest.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.asked)
}

// with runs a hook that delivers to k.
func with(k *taker, cfg config.Hook) *Hooks {
	k.begin = time.Now()
	if cfg.On == nil {
		cfg.On = []string{api.EventSelection}
	}
	cfg.Name, cfg.Command, cfg.Timeout = "test", []string{"/none"}, 10*time.Second
	s := New(quiet, "test")
	h := newHook(cfg, s.log, "test")
	h.to = k
	s.hooks = []*hook{h}
	s.running.Go(h.run)
	return s
}

// TestAFailureIsTriedAgainWithGrowingPauses follows the attempts over an hour.
func TestAFailureIsTriedAgainWithGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		k := &taker{}
		k.answer = func(e api.Event, _ int) *failure {
			at = append(at, time.Since(k.begin))
			return &failure{reason: "no", again: true}
		}
		s := with(k, config.Hook{})
		defer s.Close()
		s.Add([]api.Event{event(1, api.EventSelection)})
		time.Sleep(30 * time.Second)
		if p := s.Problems(); len(p) != 1 || p[0] != "hook test fails: no; 1 events wait" {
			t.Errorf("problems %q", p)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		for i := 1; i < len(at); i++ {
			want := min(time.Second<<(i-1), maxPause)
			if got := at[i] - at[i-1]; got > want || got < want/2 {
				t.Errorf("pause %d is %v, want half of %v or more", i, got, want)
			}
		}
		if n := len(at); n < 15 || n > 40 || at[n-1] > tryFor {
			t.Errorf("%d attempts in %v", n, at[n-1])
		}
		if st := s.Stats()[0]; st.Failed != 1 || st.Queued != 0 || int(st.Attempts) != len(at) || st.Delivered != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestTheOrderStays has the second attempt succeed, and what came meanwhile follow.
func TestTheOrderStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &taker{answer: func(e api.Event, attempt int) *failure {
			if attempt == 1 {
				return &failure{reason: "no", again: true, after: 7 * time.Second}
			}
			return nil
		}}
		s := with(k, config.Hook{})
		defer s.Close()
		s.Add([]api.Event{event(1, api.EventSelection)})
		time.Sleep(time.Second)
		s.Add([]api.Event{event(2, api.EventSelection), event(3, api.EventVerdict)})
		time.Sleep(10 * time.Second)
		if want := []string{"0:1", "7:1", "7:2"}; !slices.Equal(k.told(), want) {
			t.Errorf("asked %v, want %v", k.told(), want)
		}
		if p := s.Problems(); len(p) != 0 {
			t.Errorf("problems %q", p)
		}
	})
}

// TestWhatCannotPassIsGivenUpAtOnce so that what follows isn't held up.
func TestWhatCannotPassIsGivenUpAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &taker{answer: func(e api.Event, _ int) *failure {
			if e.ID == 1 {
				return &failure{reason: "no"}
			}
			return nil
		}}
		s := with(k, config.Hook{})
		defer s.Close()
		s.Add([]api.Event{event(1, api.EventSelection), event(2, api.EventSelection)})
		synctest.Wait()
		if want := []string{"0:1", "0:2"}; !slices.Equal(k.told(), want) {
			t.Errorf("asked %v, want %v", k.told(), want)
		}
	})
}

// Fault 79, its bound: while somebody hangs, the queue has room for the latest events, and counts the others.
func TestFault79TheQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		k := &taker{answer: func(api.Event, int) *failure { <-hang; return nil }}
		s := with(k, config.Hook{})
		for n := 1; n <= maxQueue+500; n++ {
			s.Add([]api.Event{event(n, api.EventSelection)})
			if n == 1 {
				synctest.Wait()
			}
		}
		if st := s.Stats()[0]; st.Dropped != 500 || st.Queued != maxQueue {
			t.Errorf("%+v", st)
		}
		close(hang)
		synctest.Wait()
		st := s.Stats()[0]
		if last := k.told()[len(k.told())-1]; last != fmt.Sprintf("0:%d", maxQueue+500) || k.told()[1] != "0:501" || st.Queued != 0 {
			t.Errorf("from %s to %s, %+v", k.told()[1], last, st)
		}
		s.Close()
	})
}

// TestPlannedEventsAreMutedOrMarked during windows, but for the windows' own edges.
func TestPlannedEventsAreMutedOrMarked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			mute bool
			want string
		}{{false, "0:1 0:2 0:3"}, {true, "0:1 0:3"}} {
			k := &taker{}
			s := with(k, config.Hook{On: []string{api.EventSelection, api.EventWindowStart}, Mute: c.mute})
			start, planned, after := event(1, api.EventWindowStart), event(2, api.EventSelection), event(3, api.EventSelection)
			start.Planned, planned.Planned = true, true
			s.Add([]api.Event{start, planned, after})
			synctest.Wait()
			if got := strings.Join(k.told(), " "); got != c.want {
				t.Errorf("mute %t: told of %s, want %s", c.mute, got, c.want)
			}
			if muted := s.Stats()[0].Muted; (muted == 1) != c.mute {
				t.Errorf("mute %t: %d were muted", c.mute, muted)
			}
			s.Close()
		}
	})
}

func TestAHookIsToldOfItsServicesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &taker{}
		s := with(k, config.Hook{Services: []string{"api"}})
		defer s.Close()
		other := event(2, api.EventSelection)
		other.Service = "api"
		s.Add([]api.Event{event(1, api.EventSelection), other})
		synctest.Wait()
		if !slices.Equal(k.told(), []string{"0:2"}) {
			t.Errorf("told of %v", k.told())
		}
	})
}

// TestAReloadKeepsTheQueueOfWhatStays, and ends what is gone.
func TestAReloadKeepsTheQueueOfWhatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &taker{answer: func(api.Event, int) *failure { return &failure{reason: "no", again: true} }}
		s := with(k, config.Hook{})
		stays := s.hooks[0]
		s.Add([]api.Event{event(1, api.EventSelection)})
		time.Sleep(time.Second)
		fresh := config.Hook{Name: "fresh", Command: []string{"/none"}, Timeout: time.Second}
		s.Set([]config.Hook{fresh, stays.cfg})
		if s.hooks[1] != stays || s.hooks[0].cfg.Name != "fresh" {
			t.Fatal("the hook that stays was made anew")
		}
		if n := stays.figures().Queued; n != 1 {
			t.Errorf("%d events wait", n)
		}
		begin := time.Now()
		s.Close() // which gives up what has failed already
		if took := time.Since(begin); took > grace {
			t.Errorf("it took %v to end", took)
		}
	})
}

// TestTheEndWaitsForWhatHangsOnlyForAMoment, and lets the rest out.
func TestTheEndWaitsForWhatHangsOnlyForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(quiet, "test")
		h := newHook(config.Hook{Name: "test", On: []string{api.EventStopped}, Command: []string{"/none"}, Timeout: time.Minute}, quiet, "test")
		h.to = hanging{}
		s.hooks = []*hook{h}
		s.running.Go(h.run)
		s.Add([]api.Event{event(1, api.EventStopped)})
		begin := time.Now()
		s.Close()
		if took := time.Since(begin); took != grace {
			t.Errorf("it took %v to end", took)
		}
		k := &taker{}
		s = with(k, config.Hook{})
		s.Add([]api.Event{event(1, api.EventSelection), event(2, api.EventSelection)})
		s.Close()
		if len(k.told()) != 2 {
			t.Errorf("at the end %v went out", k.told())
		}
	})
}

type hanging struct{}

func (hanging) deliver(ctx context.Context, _ api.Event) *failure {
	<-ctx.Done()
	return &failure{reason: "no", again: true}
}
