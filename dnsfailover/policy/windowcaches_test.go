package policy

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnsfailover/dnsfailover/config"
)

// drawWindows draws a service with windows and perhaps an override.
func drawWindows(t *rapid.T) Input {
	in := drawInput(t)
	for len(in.Service.Targets) < 2 {
		in = drawInput(t)
	}
	in.Service.MinTTL, in.Service.MaxTTL = max(in.Service.MinTTL, time.Second), max(in.Service.MaxTTL, time.Second)
	targets := len(in.Service.Targets)
	in.Service.Guard = config.GuardWarn
	var once []Window
	for i := range rapid.IntRange(0, 3).Draw(t, "once") {
		start := at(drawDuration(t, -time.Minute, 4*time.Minute, "start"))
		once = append(once, Window{
			ID: fmt.Sprintf("w%d", i), Target: rapid.IntRange(0, targets-1).Draw(t, "to"),
			Start: start, End: start.Add(drawDuration(t, time.Second, 2*time.Minute, "length")),
		})
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "recurring") {
		w := every(t, rapid.SampledFrom([]string{"*/2 * * * *", "* * * * *", "1-59/3 * * * *", "0 * * * *", "2 12 1 3 *"}).Draw(t, "cron"), "UTC",
			drawDuration(t, time.Second, 90*time.Second, "for"), rapid.IntRange(0, targets-1).Draw(t, "to"))
		w.ID = fmt.Sprintf("web-%d", i+1)
		in.Service.Windows = append(in.Service.Windows, w)
	}
	in.Plan = NewPlan(in.Service, once, in.Now)
	return in
}

// given is an answer that was given.
type given struct {
	at     time.Time
	ttl    time.Duration
	target int
}

// held returns until when caches keep g: one that counts exactly, and one that counts in whole seconds from some phase on
// and keeps a TTL of 0 until its next one.
func (g given) held(phase time.Duration) (exact, coarse time.Time) {
	tick := g.at.Add(-phase).Truncate(time.Second).Add(phase)
	return g.at.Add(g.ttl), tick.Add(g.ttl + time.Second)
}

// TestNoCachePointsAwayFromAnOpenWindow runs random services with probes that come true or don't, windows and overrides, under
// a control that wakes up late, and asks all the time. In [start, end) of a window no cache points at what it switches
// away from; an override and an older window may leave what they serve in coarse caches for a second. A TTL of 0 is served
// only in the two seconds before an edge, and none above max.
func TestNoCachePointsAwayFromAnOpenWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawWindows(t)
		until := at(5 * time.Minute)
		flips := in.runs()
		flips = slices.DeleteFunc(flips, func(run) bool { return rapid.Bool().Draw(t, "does not come true") })
		phase := drawDuration(t, 0, 999*time.Millisecond, "phase")
		slack := drawDuration(t, 0, 3*time.Second, "wakes late")

		var a *Ahead
		look := func() { // and adopt, as control does: a failback is done, though the period in which it may be is over
			a = Look(in)
			in.Auto, in.Flaps = a.Steps[0].Auto, a.Steps[0].Flaps
		}
		look()
		wake := func(now time.Time) {
			s := a.Steps[a.At(now)]
			in.Auto, in.Flaps, in.Now = s.Auto, s.Flaps, now
		}
		var answers []given
		step := drawDuration(t, 300*time.Millisecond, 1100*time.Millisecond, "asks every")
		ruled := Decide(in) // by what, and since when, and by what before
		since, shared, away := in.Now, false, -1
		held := time.Time{} // until when an override or a window held last
		edge := nextEdge(in, in.Now)
		for now := in.Now; now.Before(until); now = now.Add(step) {
			for len(flips) > 0 && !flips[0].at.After(now) {
				wake(latest(flips[0].at, in.Now))
				in.Facts = slices.Clone(in.Facts)
				in.flip(flips[0])
				flips = flips[1:]
				look()
				edge = earlier(nextEdge(in, in.Now), edge)
			}
			if next := a.Next(); !next.IsZero() && !next.Add(slack).After(now) {
				wake(now)
				look()
			}
			segment := a.Timeline.At(now.UnixNano())
			g := given{now, time.Duration(segment.TTL(now.UnixNano())) * time.Second, a.Steps[a.At(now)].Target}
			if g.ttl > in.Service.MaxTTL {
				t.Fatalf("TTL %v above max", g.ttl)
			}
			for ; !edge.IsZero() && !edge.After(now); edge = nextEdge(in, edge) {
				d := Decide(advanced(in, edge))
				if d.Rule != ruled.Rule || d.Window != nil && *d.Window != *ruled.Window {
					if ruled.Rule == RuleOverride || ruled.Rule == RuleWindow {
						held = edge
					}
					since, shared = edge, edge.Sub(held) < lead || edge.Sub(epoch) < lead
					away = Decide(advanced(in, edge.Add(-1))).Target
				}
				ruled = d
			}
			soon := earlier(edge, nextEdge(in, now))
			horizon := a.Steps[len(a.Steps)-1].Next // from a second before it on, a control that is late knows nothing
			if !horizon.IsZero() && !horizon.After(now.Add(lead)) {
				continue
			}
			if g.ttl == 0 && (soon.IsZero() || soon.Sub(now) >= 2*time.Second) {
				t.Fatalf("TTL 0 at %v, and the next edge is %v", now.Sub(epoch), edge.Sub(epoch))
			}
			answers = append(answers, g)

			// What is decided now, of which the answers tell a second in advance only where a window starts.
			then := advanced(in, now)
			d := Decide(then)
			if g.target != d.Target && !starts(then, g.target) {
				t.Fatalf("at %v t%d is served, decided was t%d by %s", now.Sub(epoch), g.target, d.Target, d.Rule)
			}
			if (d.Rule == RuleWindow || d.Rule == RuleOverride) && g.target != d.Target && g.target == d.Under {
				t.Fatalf("at %v t%d is served, which %s keeps clients away from", now.Sub(epoch), g.target, d.Rule)
			}
			answers = slices.DeleteFunc(answers, func(g given) bool {
				exact, coarse := g.held(phase)
				return !exact.After(now) && !coarse.After(now)
			})
			for _, old := range answers {
				exact, _ := old.held(phase)
				// What was held is let go exactly: caches may keep it for a second more.
				if d.Rule == RuleWindow && old.target != d.Target && old.at.Before(since) && old.target == away && !(shared && !exact.After(now) && now.Sub(since) < time.Second) {
					t.Fatalf("in %s, %v after it began to decide, a cache holds t%d, given %v before with TTL %v",
						d.Window.ID, now.Sub(since), old.target, since.Sub(old.at), old.ttl)
				}
			}
		}
	})
}

// starts tells whether within a second a window to target starts.
func starts(in Input, target int) bool {
	for e := nextEdge(in, in.Now); !e.IsZero() && e.Sub(in.Now) <= lead; e = nextEdge(in, e) {
		if d := Decide(advanced(in, e)); d.Rule == RuleWindow && d.Target == target {
			return true
		}
	}
	return false
}
