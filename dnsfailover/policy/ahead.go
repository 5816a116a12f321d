package policy

import (
	"slices"
	"time"

	"dnsfailover/checks"
	"dnsfailover/zones"
)

// Ahead is what is served from an instant on, as far as it is known: the decision now and those at the
// edges ahead, and the timeline made of them.
type Ahead struct {
	Timeline *zones.Timeline
	Steps    []Planned // as many as the timeline has segments
	next     time.Time
}

// Planned is a decision and when it is served.
type Planned struct {
	Decision
	// Edge is the instant of the known change that leads to the decision; of the first, that of the decision.
	Edge time.Time
	// From is the instant from which it is served: Edge, or, if a window starts there, a second before it, so that no cache
	// holds the target that the window switches away from while it is open.
	From time.Time
	// Override is the one that holds, or nil.
	Override *Override
}

// maxSegments bounds a timeline. What lies behind is looked at when control wakes up at the first edge.
const maxSegments = 4

// Look evaluates the decision over in at in.Now and at each known edge ahead.
func Look(in Input) *Ahead {
	// One more than is served: it tells whether an edge ends the last segment.
	var steps []Planned
	var changes []int64
	in.Facts, in.Flaps = present(in.Facts, in.Now), past(in.Flaps, in.Now)
	at := in
	for len(steps) <= maxSegments {
		p := Planned{Decision: Decide(at), Edge: at.Now, From: at.Now}
		if at.Override.Active(at.Now) {
			p.Override = at.Override
		}
		at.Auto, at.Flaps = p.Auto, p.Flaps
		steps = append(steps, p)
		changes = append(changes, nanos(change(at, p.Selection)))
		if p.Next.IsZero() {
			break
		}
		at.Now = p.Next
	}
	for i := range steps[1:] {
		steps[i+1].From = begin(steps[:i+2])
	}
	next := steps[0].Next
	if len(steps) > 1 && steps[1].From.After(in.Now) {
		next = steps[1].From
	}
	for len(steps) > 1 && !steps[1].From.After(in.Now) { // served already, though its edge is still to come
		steps, changes = steps[1:], changes[1:]
	}
	served := min(len(steps), maxSegments)
	segments := make([]zones.Segment, served)
	for i := range segments {
		s := &segments[i]
		s.From, s.Change = steps[i].From.UnixNano(), changes[i]
		if j := i + 1 + slices.IndexFunc(steps[i+1:], func(p Planned) bool { return !p.Selection.Equal(steps[i].Selection) }); j > i {
			s.Edge = steps[j].Edge.UnixNano()
		} else {
			s.Edge = nanos(steps[len(steps)-1].Next) // what lies behind was not looked at
		}
		if steps[i].Target != 0 {
			s.Note = steps[i].Reason
		}
		in.fill(s, steps[i].Selection)
	}
	return &Ahead{Timeline: &zones.Timeline{Segments: segments, Staff: staff(in)}, Steps: steps[:served], next: next}
}

// fill makes s answer with selection.
func (in *Input) fill(s *zones.Segment, selection Selection) {
	s.Min, s.Max = uint32(in.Service.MinTTL/time.Second), uint32(in.Service.MaxTTL/time.Second)
	s.A, s.AAAA = zones.Records(selection.Addresses, false), zones.Records(selection.Addresses, true)
}

// present returns facts with nothing in them that is to have come about after now: the clock was set back since, and
// an edge that is counted from it would move on with the clock.
func present(facts [][]Fact, now time.Time) [][]Fact {
	changed := facts
	for t := range facts {
		for a, f := range facts[t] {
			if !f.after(now) {
				continue
			}
			if &changed[0] == &facts[0] {
				changed = slices.Clone(facts)
			}
			if &changed[t][0] == &facts[t][0] {
				changed[t] = slices.Clone(facts[t])
			}
			changed[t][a] = f.present(now)
		}
	}
	return changed
}

// after tells whether something in f is to have come about after now.
func (f Fact) after(now time.Time) (found bool) {
	f.each(func(_ int, fact *Fact) { found = found || fact.State.Since.After(now) })
	return found
}

// present returns f with nothing in it that is to have come about after now.
func (f Fact) present(now time.Time) Fact {
	out := f
	f.each(func(i int, fact *Fact) {
		if fact.State.Since.After(now) {
			then := *fact
			then.State.Since = now
			out = out.With(i, then)
		}
	})
	return out
}

// At returns the step that is served at now, by the same clock and the same comparison as the timeline.
func (a *Ahead) At(now time.Time) int {
	i, n := len(a.Steps)-1, now.UnixNano()
	for i > 0 && n < a.Timeline.Segments[i].From {
		i--
	}
	return i
}

// Then returns the next step after step i that serves something else, or -1.
func (a *Ahead) Then(i int) int {
	for j := i + 1; j < len(a.Steps); j++ {
		if !a.Steps[j].Selection.Equal(a.Steps[i].Selection) {
			return j
		}
	}
	return -1
}

// Next returns the instant at which the decision is to be looked at again though nothing has happened;
// zero if there is none.
func (a *Ahead) Next() time.Time { return a.next }

// run is a run of contrary results under way, the first instant at which it can change its verdict, and to what.
type run struct {
	target, address, part int // part is -1 if one check alone watches the address
	at                    time.Time
	to                    checks.Verdict
}

// maxRuns bounds how many runs are tried in every combination; a further one is taken for one that matters.
const maxRuns = 6

// change returns the earliest instant at which the runs of contrary results that are under way could change
// selection, which is decided over in; zero if they can't. Each set of runs is let come true as early as it can:
// two may matter together that don't alone.
func change(in Input, selection Selection) time.Time {
	runs := in.runs()
	var first time.Time
	if len(runs) > maxRuns {
		first, runs = runs[maxRuns].at, runs[:maxRuns]
	}
	for set := 1; set < 1<<len(runs); set++ {
		var flips []run
		for i, r := range runs {
			if set&(1<<i) != 0 {
				flips = append(flips, r)
			}
		}
		if last := flips[len(flips)-1].at; first.IsZero() || last.Before(first) {
			first = earlier(first, in.differs(selection, flips))
		}
	}
	return first
}

// runs returns the runs under way in the order in which they can end.
func (in *Input) runs() []run {
	var runs []run
	for t := range in.Facts {
		for a := range in.Facts[t] {
			in.Facts[t][a].each(func(part int, f *Fact) {
				if f.Earliest.IsZero() || f.Frozen != "" || in.Frozen != nil {
					return
				}
				at := f.Earliest
				if at.Before(in.Now) {
					at = in.Now
				}
				// From unknown the results to come may turn the verdict both ways.
				if f.State.Verdict != checks.Up {
					runs = append(runs, run{t, a, part, at, checks.Up})
				}
				if f.State.Verdict != checks.Down {
					runs = append(runs, run{t, a, part, at, checks.Down})
				}
			})
		}
	}
	slices.SortStableFunc(runs, func(a, b run) int { return a.at.Compare(b.at) })
	return runs
}

// patience is how many edges differs looks at behind the last flip: windows come again for ever.
const patience = 8

// differs lets flips, which are in order, come true one after another and returns the first instant at which
// something else than selection is served; zero if that does not happen. After many edges it takes the next for one.
func (in Input) differs(selection Selection, flips []run) time.Time {
	in.Facts = slices.Clone(in.Facts)
	for edges := 0; ; edges++ {
		c := choose(&in)
		if !in.serves(c.target, selection) {
			return in.Now
		}
		in.Flaps, _ = in.flaps(c)
		in.Auto = c.auto
		switch {
		case len(flips) > 0 && (c.next.IsZero() || !c.next.Before(flips[0].at)):
			in.Now = flips[0].at
			in.flip(flips[0])
			flips, edges = flips[1:], 0
		case edges > patience && !c.next.IsZero():
			return c.next
		case !c.next.IsZero():
			in.Now = c.next
		default:
			return time.Time{}
		}
	}
}

func (in *Input) serves(target int, s Selection) bool {
	return target == s.Target && slices.Equal(in.addresses(target), s.Addresses)
}

// flip lets a run's verdict come true.
func (in *Input) flip(r run) {
	facts := slices.Clone(in.Facts[r.target])
	facts[r.address] = facts[r.address].With(r.part, Fact{State: checks.State{Verdict: r.to, Since: r.at}})
	in.Facts[r.target] = facts
}

// nanos returns t in Unix nanoseconds, 0 for the zero instant.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
