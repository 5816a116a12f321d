package policy

import (
	"fmt"
	"slices"
	"time"

	"dnsfailover/checks"
)

// Flap is an instant at which a service left a target because it was down, so that clients saw it. What happens
// underneath an override or a window is none.
type Flap struct {
	Target int
	At     time.Time
}

const (
	// flapMemory is for how long a flap counts.
	flapMemory = time.Hour
	// maxFlaps bounds how many are remembered of a service, the latest: half as many make any hold-down the longest.
	maxFlaps = 128
)

// hold says what keeps a service from going back to a better target.
type hold uint8

const (
	free hold = iota
	byDelay
	byPeriod
	byOperator
)

// failback says what keeps the service from going back to target, a better one that is up, and until when, if that is known.
func (in *Input) failback(target int) (held hold, until time.Time) {
	if in.Service.Failback.Manual {
		return byOperator, time.Time{}
	}
	left := in.holdDown(target)
	end := in.Now.Add(left)
	if only := in.Service.Failback.OnlyIn; only != nil {
		if first := only.First(end); !first.Equal(end) {
			return byPeriod, first
		}
	}
	if left > 0 {
		return byDelay, end
	}
	return free, time.Time{}
}

// holdDown returns how long target, which is up, must still be up before the service goes back to it. It must have been up
// for `after`, twice as long with each flap in the last hour but the first, up to the most that is configured. So the
// demand shrinks as flaps grow old, and the target meets it at the earliest instant at which it has been up for what is
// demanded then.
func (in *Input) holdDown(target int) time.Duration {
	// Up since an instant that is still to come means that the clock was set back.
	age := max(in.Now.Sub(in.upSince(target)), 0)
	flaps := recent(in.Flaps, target, in.Now)
	left := in.demand(len(flaps)) - age
	for i, f := range flaps { // once it and those before it are forgotten
		forgotten := flapMemory - in.Now.Sub(f.At)
		left = min(left, max(forgotten, in.demand(len(flaps)-i-1)-age))
	}
	return max(left, 0)
}

// demand returns how long a target must have been up that flapped so many times.
func (in *Input) demand(flaps int) time.Duration {
	demand, most := in.Service.Failback.After, in.Service.Failback.HoldDown
	if demand <= 0 {
		return 0
	}
	for ; flaps > 1 && demand < most; flaps-- {
		demand = min(2*demand, most)
	}
	return demand
}

// flaps returns those that count after c was decided over in, and whether c is one.
func (in *Input) flaps(c choice) (all []Flap, flapped bool) {
	old := slices.IndexFunc(in.Flaps, func(f Flap) bool { return in.Now.Sub(f.At) < flapMemory })
	if old >= 0 {
		all = in.Flaps[old:]
	}
	flapped = c.rule != RuleOverride && c.rule != RuleWindow && c.auto != in.Auto && in.Verdict(in.Auto) == checks.Down
	if !flapped {
		return all, false
	}
	if extra := len(all) + 1 - maxFlaps; extra > 0 {
		all = all[extra:]
	}
	return append(slices.Clip(all), Flap{in.Auto, in.Now}), true
}

// CountFlaps returns how many of flaps are those of target and count at now.
func CountFlaps(flaps []Flap, target int, now time.Time) int { return len(recent(flaps, target, now)) }

// recent returns the flaps of target that count at now.
func recent(flaps []Flap, target int, now time.Time) []Flap {
	var out []Flap
	for _, f := range flaps {
		if f.Target == target && now.Sub(f.At) < flapMemory {
			out = append(out, f)
		}
	}
	return out
}

// past returns flaps without those that are to come after now: the clock was set back since.
func past(flaps []Flap, now time.Time) []Flap {
	i := slices.IndexFunc(flaps, func(f Flap) bool { return f.At.After(now) })
	if i < 0 {
		return flaps
	}
	return flaps[:i]
}

// delay returns for how long the candidate will have been up at the instant until, to which it is held down.
func (in *Input) delay(until time.Time) time.Duration {
	return until.Sub(earliest(in.upSince(in.Candidate()), in.Now)).Round(time.Second)
}

// flapping says, behind how long the candidate must have been up, why that is more than `after`.
func (in *Input) flapping() string {
	target := in.Candidate()
	n := CountFlaps(in.Flaps, target, in.Now)
	if in.demand(n) == in.Service.Failback.After {
		return ""
	}
	return fmt.Sprintf(" (and not %s, since it failed %d times in the last hour)", in.Service.Failback.After, n)
}
