package policy

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnsfailover/checks"
)

// up, down and failing are facts that were established long ago; failing's verdict can change in that time.
func up() Fact {
	return Fact{State: checks.State{Verdict: checks.Up, Since: epoch.Add(-time.Hour), Run: 9, RunOK: true}}
}

func down() Fact {
	return Fact{State: checks.State{Verdict: checks.Down, Since: epoch.Add(-time.Hour), Run: 9}, Reason: "connection refused"}
}

func changing(f Fact, in time.Duration) Fact {
	f.State.Run, f.State.RunOK = 1, f.State.Verdict == checks.Down
	f.Earliest = epoch.Add(in)
	return f
}

func TestOnlyARunThatCouldChangeTheSelectionBoundsTheTTL(t *testing.T) {
	for name, c := range map[string]struct {
		facts    [][]Fact
		auto     int
		override *Override
		after    time.Duration
		allDown  string
		want     time.Duration // from now to Change; 0: none
	}{
		"no run":                             {facts: [][]Fact{{up()}, {up()}}},
		"the serving target fails":           {facts: [][]Fact{{changing(up(), 4*time.Second)}, {up()}}, want: 4 * time.Second},
		"a backup fails":                     {facts: [][]Fact{{up()}, {changing(up(), 4*time.Second)}}},
		"a better target recovers, no delay": {facts: [][]Fact{{changing(down(), 8*time.Second)}, {up()}}, auto: 1, want: 8 * time.Second},
		"a better target recovers, and waits": {
			facts: [][]Fact{{changing(down(), 8*time.Second)}, {up()}},
			auto:  1, after: time.Minute, want: 68 * time.Second,
		},
		"the serving target fails underneath an override":   {facts: [][]Fact{{changing(up(), 4*time.Second)}, {up()}}, override: &Override{Target: 1}},
		"the target of an override fails, its only address": {facts: [][]Fact{{up()}, {changing(up(), 4*time.Second)}}, override: &Override{Target: 1}},
		"one of its addresses fails": {
			facts:    [][]Fact{{up()}, {up(), changing(up(), 4*time.Second)}},
			override: &Override{Target: 1}, want: 4 * time.Second,
		},
		"two runs that matter only together": {
			// Alone the failure of the primary leads to hold, and the backup's recovery to nothing.
			facts:   [][]Fact{{changing(up(), 4*time.Second)}, {changing(down(), 6*time.Second)}},
			allDown: "hold", want: 6 * time.Second,
		},
		"nothing proved, and all that comes in speaks for it": {facts: [][]Fact{{changing(Fact{}, time.Second)}, {up()}}, want: time.Second},
		"a run that is overdue can end at once":               {facts: [][]Fact{{changing(up(), -time.Second)}, {up()}}, want: -time.Nanosecond},
		"more runs than are tried in every combination": {
			facts: [][]Fact{{up()}, {
				changing(up(), 1*time.Second), changing(up(), 2*time.Second), changing(up(), 3*time.Second),
				changing(up(), 4*time.Second), changing(up(), 5*time.Second), changing(up(), 6*time.Second), changing(up(), 7*time.Second),
			}},
			want: 7 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := Input{Service: service(len(c.facts[0]), len(c.facts[1])), Facts: c.facts, Auto: c.auto, Override: c.override, Now: epoch}
			in.Service.Failback.After = c.after
			if c.allDown == "hold" {
				in.Service.AllDown = "hold"
			}
			want := int64(0)
			if c.want != 0 {
				want = epoch.Add(max(c.want, 0)).UnixNano()
			}
			if got := Look(in).Timeline.Segments[0].Change; got != want {
				t.Errorf("the selection can change in %v, wanted %v", time.Duration(got-epoch.UnixNano()), c.want)
			}
		})
	}
}

// future lets the world go on from in.Now, with flips at their instants in order, and returns the first instant
// from t on at which something else is served than then. It knows nothing of timelines.
func future(in Input, t time.Time, flips []run) (time.Time, bool) {
	var answered *Selection
	for {
		d := Decide(in)
		if answered != nil && !d.Selection.Equal(*answered) {
			return in.Now, true
		}
		in.Auto = d.Auto
		switch next := earlier(d.Next, t); {
		case answered == nil && (d.Next.IsZero() || t.Before(d.Next)):
			answered, in.Now = &d.Selection, t
		case answered == nil:
			in.Now = next
		case len(flips) > 0 && (d.Next.IsZero() || flips[0].at.Before(d.Next)):
			in.Now, in.Facts = flips[0].at, append([][]Fact(nil), in.Facts...)
			in.flip(flips[0])
			flips = flips[1:]
		case !d.Next.IsZero():
			in.Now = d.Next
		default:
			return time.Time{}, false
		}
	}
}

func TestTTLNeverOutlivesTheEarliestPossibleChangeBeyondMin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		ahead := Look(in)
		at := in.Now.Add(drawDuration(t, 0, 3*time.Minute, "answered"))
		segment := ahead.Timeline.At(at.UnixNano())
		ttl := time.Duration(segment.TTL(at.UnixNano())) * time.Second

		// Nothing has happened until the answer. Afterwards runs come true or don't, at once or later.
		var flips []run
		late := in
		late.Now = at
		for _, r := range late.runs() {
			if rapid.Bool().Draw(t, "comes true") {
				flips = append(flips, r)
			}
		}
		if len(flips) > 0 && rapid.Bool().Draw(t, "later") {
			flips[len(flips)-1].at = flips[len(flips)-1].at.Add(drawDuration(t, 0, time.Minute, "delay"))
		}
		changed, ok := future(in, at, flips)
		if ok && ttl > in.Service.MinTTL && at.Add(ttl).After(changed) {
			t.Fatalf("at %v an answer promises %v, but after %v something else is served", at.Sub(in.Now), ttl, changed.Sub(at))
		}
		if changed, ok = future(in, at, nil); ok && ttl > 0 && at.Add(ttl).After(changed.Add(-time.Second)) {
			t.Fatalf("at %v an answer promises %v, but an edge lies %v ahead", at.Sub(in.Now), ttl, changed.Sub(at))
		}
		if ttl > in.Service.MaxTTL {
			t.Fatalf("TTL %v above max", ttl)
		}
	})
}

func TestTimelineServesWhatIsDecidedAtEachInstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		ahead := Look(in)
		if len(ahead.Steps) != len(ahead.Timeline.Segments) || len(ahead.Steps) > maxSegments {
			t.Fatalf("%d steps, %d segments", len(ahead.Steps), len(ahead.Timeline.Segments))
		}
		at := in.Now.Add(drawDuration(t, 0, 5*time.Minute, "at"))
		for { // decide as if woken at every edge
			d := Decide(in)
			if in.Auto = d.Auto; d.Next.IsZero() || at.Before(d.Next) {
				break
			}
			in.Now = d.Next
		}
		i := ahead.At(at)
		if got, want := ahead.Steps[i], Decide(in); !got.Selection.Equal(want.Selection) || got.Rule != want.Rule || got.Auto != want.Auto {
			t.Fatalf("step %d serves %+v, decided was %+v", i, got.Decision, want)
		}
		if ahead.Timeline.At(at.UnixNano()) != &ahead.Timeline.Segments[i] {
			t.Fatal("steps and segments part")
		}
	})
}

// TestNoCacheHoldsAnOverrideBeyondItsExpiry asks at every 10 ms before an expiry, and keeps the answer in
// caches of both kinds. Only an answer of the last second, whose TTL is 0, can be held beyond the expiry, by a cache that
// counts in whole seconds and keeps TTL 0 until its next one; drained_at counts that second in.
func TestNoCacheHoldsAnOverrideBeyondItsExpiry(t *testing.T) {
	in := Input{Service: service(1, 1), Facts: [][]Fact{{up()}, {up()}}, Now: epoch}
	expiry := epoch.Add(90*time.Second + 345*time.Millisecond)
	in.Override = &Override{Target: 1, Until: expiry}
	ahead := Look(in)
	if len(ahead.Steps) != 2 || ahead.Steps[1].Target != 0 || !ahead.Steps[1].From.Equal(expiry) {
		t.Fatalf("steps: %+v", ahead.Steps)
	}
	drained := Ledger{Since: epoch}.Served(ahead, expiry).DrainedAt()
	if want := expiry.Add(time.Second); !drained.Equal(want) {
		t.Errorf("drained at %v, wanted %v", drained, want)
	}
	for at := epoch; at.Before(expiry); at = at.Add(10 * time.Millisecond) {
		ttl := time.Duration(ahead.Timeline.At(at.UnixNano()).TTL(at.UnixNano())) * time.Second
		if at.Add(ttl).After(expiry) {
			t.Fatalf("%v before the expiry the TTL is %v", expiry.Sub(at), ttl)
		}
		for phase := time.Duration(0); phase < time.Second; phase += 50 * time.Millisecond {
			tick := at.Add(-phase).Truncate(time.Second).Add(phase)
			dropped := tick.Add(ttl + time.Second)
			if last := expiry.Sub(at) < time.Second; dropped.After(expiry) && !last || dropped.After(drained) {
				t.Fatalf("an answer given %v before the expiry is held until %v after it", expiry.Sub(at), dropped.Sub(expiry))
			}
		}
	}
	if at := expiry.Add(-61500 * time.Millisecond).UnixNano(); ahead.Timeline.At(at).TTL(at) != 60 {
		t.Error("the TTL is shortened sooner than the expiry demands")
	}
	if at := expiry.UnixNano(); ahead.Timeline.At(at).TTL(at) != 60 {
		t.Error("the TTL does not recover at the expiry")
	}
}

func TestFailbackIsAKnownEdge(t *testing.T) {
	back := up()
	back.State.Since = epoch.Add(-20 * time.Second)
	in := Input{Service: service(1, 1), Facts: [][]Fact{{back}, {up()}}, Auto: 1, Now: epoch}
	ahead := Look(in)
	edge := epoch.Add(40 * time.Second)
	if len(ahead.Steps) != 2 || !ahead.Steps[1].Edge.Equal(edge) || ahead.Steps[1].Target != 0 {
		t.Fatalf("steps: %+v", ahead.Steps)
	}
	if got := ahead.Timeline.Segments[0].TTL(epoch.UnixNano()); got != 39 {
		t.Errorf("40 s before the failback the TTL is %d, wanted 39", got)
	}
	if i := ahead.Then(0); i != 1 {
		t.Errorf("the next selection is step %d", i)
	}
}

func TestExpiryThatChangesNothingIsNoEdge(t *testing.T) {
	in := Input{Service: service(1, 1), Facts: [][]Fact{{up()}, {up()}}, Now: epoch}
	in.Override = &Override{Target: 0, Until: epoch.Add(30 * time.Second)}
	ahead := Look(in)
	if s := ahead.Timeline.Segments[0]; s.Edge != 0 || s.TTL(epoch.UnixNano()) != 60 {
		t.Errorf("edge %d, TTL %d", s.Edge, s.TTL(epoch.UnixNano()))
	}
	if got := ahead.Steps[ahead.At(in.Override.Until)]; got.Override != nil || got.Rule != RuleVerdicts {
		t.Errorf("after the expiry: %+v", got)
	}
	if ahead.Then(0) != -1 {
		t.Error("says that the selection will change")
	}
}

func BenchmarkLook(b *testing.B) {
	in := Input{Service: service(2, 2), Facts: [][]Fact{{changing(up(), time.Second), up()}, {up(), up()}}, Now: epoch}
	b.ReportAllocs()
	for b.Loop() {
		Look(in)
	}
}

// A segment says why it is served unless that is the first target.
func TestSegmentsSayWhyTheyAreNotThePrimary(t *testing.T) {
	in := Input{Service: service(1, 1), Facts: [][]Fact{{up()}, {up()}}, Override: &Override{Target: 1, Until: epoch.Add(time.Hour)}, Now: epoch}
	ahead := Look(in)
	if segments := ahead.Timeline.Segments; len(segments) != 2 || segments[0].Note != ahead.Steps[0].Reason || segments[0].Note == "" || segments[1].Note != "" {
		t.Errorf("notes of %+v", segments)
	}
}
