package checks

import "time"

// hurryGap separates the starts of two probes of a check of which the second is hurried.
const hurryGap = 200 * time.Millisecond

// Suspend has the results of checks not count from now on, and makes their states those that are given, by ID. They are
// probed all the same, so that what they see can be shown. It holds for a check of that ID that Set brings later, too.
func (s *Scheduler) Suspend(states map[string]State) {
	runners := s.suspend(states, true)
	now := time.Now()
	for id, state := range states {
		if r := runners[id]; r != nil {
			r.suspend(state, now)
		}
	}
}

// Resume has the results of probes that begin from now on count again. The checks are probed as soon as can be, and the
// first result of each that counts is reported, whatever it is.
func (s *Scheduler) Resume(ids []string) {
	resumed := make(map[string]State, len(ids))
	for _, id := range ids {
		resumed[id] = State{}
	}
	runners := s.suspend(resumed, false)
	now := time.Now()
	for i, id := range ids {
		if r := runners[id]; r != nil {
			r.ask(now, true, time.Duration(i)*moment(len(ids), r.check.Interval))
		}
	}
}

// Hurry has checks probed as soon as can be. Results are reported, whatever they are, up to the first of a probe that
// begins from now on.
func (s *Scheduler) Hurry(ids []string) {
	now, runners := time.Now(), *s.runners.Load()
	for _, id := range ids {
		if r := runners[id]; r != nil {
			r.ask(now, false, 0)
		}
	}
}

// suspend notes which checks are suspended or not any more, and returns those that run.
func (s *Scheduler) suspend(ids map[string]State, suspended bool) map[string]*runner {
	s.suspending.Lock()
	defer s.suspending.Unlock()
	for id := range ids {
		if suspended {
			s.suspended[id] = true
		} else {
			delete(s.suspended, id)
		}
	}
	return *s.runners.Load()
}

func (s *Scheduler) isSuspended(id string) bool {
	s.suspending.Lock()
	defer s.suspending.Unlock()
	return s.suspended[id]
}

// suspend makes state the runner's, which no result changes any more.
func (r *runner) suspend(state State, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.suspended, r.counts = true, now
	snap := *r.snap.Load()
	snap.State, snap.Earliest = state, time.Time{}
	r.snap.Store(&snap)
}

// ask makes the runner's check due, a while after now, and has its results reported up to the first of a probe that
// begins from now on. If resume is set, results count again from there on.
func (r *runner) ask(now time.Time, resume bool, after time.Duration) {
	r.mu.Lock()
	if resume {
		r.suspended, r.counts = false, now
	}
	r.told, r.asked = false, now
	due := r.soon(now, after)
	r.mu.Unlock()
	if r.lane.take(r) {
		r.lane.put(r, due)
	}
}

// soon returns when a probe that is asked for may start. The caller holds mu.
func (r *runner) soon(now time.Time, after time.Duration) time.Time {
	due := now.Add(after)
	if last := r.snap.Load().Last.Start; !last.IsZero() && due.Before(last.Add(hurryGap)) {
		due = last.Add(hurryGap)
	}
	return due
}
