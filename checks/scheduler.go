package checks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/google/uuid"
)

// Scheduler runs checks. It is safe for concurrent use.
type Scheduler struct {
	log      *slog.Logger
	report   func(Transition)
	panics   limitedLog
	overruns limitedLog
	epoch    time.Time
	ctx      context.Context // ends with Run; every probe's context descends from it
	cancel   context.CancelFunc
	probes   sync.WaitGroup
	runners  atomic.Pointer[map[string]*runner] // by ID; the map is replaced, never changed

	traffic traffic

	starting sync.Mutex
	stopped  bool // no probe is started any more; guarded by starting

	suspending sync.Mutex
	suspended  map[string]bool // by ID; guarded by suspending

	mu    sync.Mutex
	lanes map[time.Duration]*lane
	cron  gocron.Scheduler // nil before Run
}

// NewScheduler returns a scheduler without checks. It calls report for each
// transition, for one check never concurrently and in order; report must not block, nor call Set.
func NewScheduler(log *slog.Logger, report func(Transition)) (*Scheduler, error) {
	if log == nil || report == nil {
		return nil, errors.New("a scheduler needs a log and somebody to report to")
	}
	s := &Scheduler{
		log: log, report: report, panics: limitedLog{log: log}, overruns: limitedLog{log: log},
		epoch: time.Now(), lanes: map[time.Duration]*lane{}, suspended: map[string]bool{},
	}
	s.traffic.limit = limit()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.runners.Store(&map[string]*runner{})
	return s, nil
}

// Set makes checks the ones that run, from now on. A check whose ID, probe and numbers equal
// those of one that runs goes on untouched, with its counters. A new or changed check starts from
// restored[ID] if that is there (zero State otherwise), and is probed at once, or, before Run, by Round.
// Of checks with one ID the first counts.
// Of a check that was removed nothing is reported once Set has returned.
func (s *Scheduler) Set(list []*Check, restored map[string]State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return
	}
	now := time.Now()
	old, next := *s.runners.Load(), make(map[string]*runner, len(list))
	var fresh []*runner
	for _, c := range list {
		if next[c.ID] != nil {
			continue
		}
		if r := old[c.ID]; r != nil && r.check.same(c) {
			next[c.ID] = r
			continue
		}
		r := newRunner(s, s.lane(c.Interval), c, restored[c.ID], now)
		next[c.ID] = r
		fresh = append(fresh, r)
	}
	s.runners.Store(&next)
	for id, r := range old {
		if next[id] != r {
			r.remove()
			s.leave(r.lane)
		}
	}
	for i, r := range fresh {
		r.lane.put(r, now.Add(time.Duration(i)*moment(len(fresh), r.check.Interval)))
	}
}

// lane returns the lane of an interval with one more member. The caller holds mu.
func (s *Scheduler) lane(interval time.Duration) *lane {
	l := s.lanes[interval]
	if l == nil {
		l = &lane{interval: interval, epoch: s.epoch}
		s.lanes[interval] = l
		if s.cron != nil {
			s.begin(l)
		}
	}
	l.members++
	return l
}

// leave takes one member from a lane and drops it when that was the last. The caller holds mu.
func (s *Scheduler) leave(l *lane) {
	if l.members--; l.members > 0 {
		return
	}
	delete(s.lanes, l.interval)
	if s.cron != nil {
		if err := s.cron.RemoveJob(l.job); err != nil {
			s.log.Error("lane goes on ticking", "interval", l.interval, "error", err)
		}
	}
}

// begin makes a lane tick. The caller holds mu.
func (s *Scheduler) begin(l *lane) {
	l.resume(time.Now(), s.startAt)
	job, err := s.cron.NewJob(gocron.DurationJob(tick(l.interval)), gocron.NewTask(s.tick, l),
		gocron.WithEventListeners(gocron.AfterJobRunsWithPanic(func(_ uuid.UUID, _ string, p any) {
			s.panics.warn("tick panicked", "interval", l.interval, "panic", p)
		})))
	if err != nil {
		s.log.Error("lane does not tick", "interval", l.interval, "error", err)
		return
	}
	l.job = job.ID()
}

// tick has the probes started that are due in a lane before its next tick.
func (s *Scheduler) tick(l *lane) {
	if s.ctx.Err() != nil {
		return
	}
	for _, r := range l.due(time.Now()) {
		s.startAt(r)
	}
}

// startAt has a probe of r, which is in no queue, started when it is due.
func (s *Scheduler) startAt(r *runner) {
	s.starting.Lock()
	defer s.starting.Unlock()
	if s.stopped {
		return
	}
	s.probes.Add(1)
	wait := time.Until(r.due)
	if wait <= 0 {
		go s.turn(r)
		return
	}
	time.AfterFunc(wait, func() { s.turn(r) })
}

// turn probes, or, if too many probes are under way, puts r back to wait for its turn.
func (s *Scheduler) turn(r *runner) {
	defer s.probes.Done()
	if !s.traffic.enter() {
		r.lane.wait(r)
		return
	}
	defer s.traffic.leave()
	r.probe(r.ctx)
}

// Round probes every check that has not been probed yet once, all at the same time, and returns when all
// have ended or ctx is done; probes that are under way then are cancelled and count for nothing.
func (s *Scheduler) Round(ctx context.Context) {
	s.mu.Lock()
	ended, started := make(chan struct{}), 0
	for _, r := range *s.runners.Load() {
		if !r.snap.Load().Last.Start.IsZero() || !r.lane.take(r) {
			continue
		}
		started++
		s.probes.Go(func() {
			both, cancel := context.WithCancel(r.ctx)
			stop := context.AfterFunc(ctx, cancel)
			r.probe(both)
			stop()
			cancel()
			select {
			case ended <- struct{}{}:
			case <-ctx.Done():
			}
		})
	}
	s.mu.Unlock()
	for range started {
		select {
		case <-ended:
		case <-ctx.Done():
			return
		}
	}
}

// Run keeps the schedule until ctx ends, then cancels the probes under way and returns when they have
// ended. A scheduler runs once.
func (s *Scheduler) Run(ctx context.Context) error {
	if err := s.start(); err != nil {
		return err
	}
	<-ctx.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	// First the probes, then gocron: it spins while a job is under way.
	s.starting.Lock()
	s.stopped = true
	s.starting.Unlock()
	s.cancel()
	err := s.cron.Shutdown()
	s.probes.Wait()
	if err != nil {
		return fmt.Errorf("stop the schedule: %w", err)
	}
	return nil
}

func (s *Scheduler) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cron != nil {
		return errors.New("the scheduler has been run before")
	}
	cron, err := gocron.NewScheduler()
	if err != nil {
		return fmt.Errorf("start the schedule: %w", err)
	}
	s.cron = cron
	for _, l := range s.lanes {
		s.begin(l)
	}
	cron.Start()
	return nil
}

// Snapshot returns what is known of the check with that ID; false if there is none.
func (s *Scheduler) Snapshot(id string) (Snapshot, bool) {
	r := (*s.runners.Load())[id]
	if r == nil {
		return Snapshot{}, false
	}
	return *r.snap.Load(), true
}

// States returns the state of each check by ID.
func (s *Scheduler) States() map[string]State {
	runners := *s.runners.Load()
	states := make(map[string]State, len(runners))
	for id, r := range runners {
		states[id] = r.snap.Load().State
	}
	return states
}
