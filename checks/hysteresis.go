package checks

import "time"

// State is what a check has established. It can be stored and restored.
type State struct {
	Verdict Verdict
	// Since is when Verdict was reached; zero while it has been unknown from the start.
	Since time.Time
	// Run counts the latest results in a row that were alike, RunOK says which.
	Run   int
	RunOK bool
}

// Observe returns the state after one more result, which was known at the instant at. Fall failures in a
// row turn the verdict down, rise successes in a row turn it up, from unknown no sooner than from the other.
func (s State) Observe(ok bool, at time.Time, fall, rise int) State {
	if s.Run > 0 && s.RunOK == ok {
		s.Run++
	} else {
		s.Run, s.RunOK = 1, ok
	}
	switch {
	case ok && s.Verdict != Up && s.Run >= rise:
		s.Verdict, s.Since = Up, at
	case !ok && s.Verdict != Down && s.Run >= fall:
		s.Verdict, s.Since = Down, at
	}
	return s
}

// Contrary says whether the latest results speak against the verdict. Against unknown every result does.
func (s State) Contrary() bool {
	switch s.Verdict {
	case Up:
		return s.Run > 0 && !s.RunOK
	case Down:
		return s.Run > 0 && s.RunOK
	default:
		return s.Run > 0
	}
}

// Needed returns how many more results, at least one, the verdict takes to change if all of them speak
// against it. From unknown it can change both ways; the shorter one counts.
func (s State) Needed(fall, rise int) int {
	if s.RunOK {
		rise -= s.Run
	} else {
		fall -= s.Run
	}
	switch s.Verdict {
	case Up:
		return max(fall, 1)
	case Down:
		return max(rise, 1)
	default:
		return max(min(fall, rise), 1)
	}
}

// Earliest returns the first instant at which the verdict can change while a contrary run is under way,
// zero otherwise: the next probe starts no sooner than next, the others one recheck after each other, and
// the last of those that are needed may answer at once.
func (s State) Earliest(next time.Time, recheck time.Duration, fall, rise int) time.Time {
	if !s.Contrary() {
		return time.Time{}
	}
	return next.Add(time.Duration(s.Needed(fall, rise)-1) * recheck)
}

// transits says whether the step from s to next is a transition: the verdict changes, or a contrary run
// begins or ends. While the verdict is unknown one run can end and another begin at the same result.
func (s State) transits(next State) bool {
	begins := next.Contrary() && next.Run == 1
	ends := s.Contrary() && !next.Contrary()
	return next.Verdict != s.Verdict || begins || ends
}
