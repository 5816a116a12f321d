package policy

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnsfailover/checks"
)

// parts returns one part for each fact: c0, c1…
func parts(facts ...Fact) []Part {
	var out []Part
	for i, f := range facts {
		out = append(out, Part{[]string{"http", "tcp", "dns"}[i], f})
	}
	return out
}

func TestSeveralChecksMakeOneVerdict(t *testing.T) {
	u, up, d := checks.Unknown, checks.Up, checks.Down
	for _, c := range []struct {
		need int
		vs   []checks.Verdict
		want checks.Verdict
		age  int // of the verdict; the first check's is 1, the next one's 2…
	}{
		{2, []checks.Verdict{up, up}, up, 1},
		{2, []checks.Verdict{up, d}, d, 2},
		{2, []checks.Verdict{d, d}, d, 2},
		{2, []checks.Verdict{up, u}, u, 0},
		{2, []checks.Verdict{d, u}, d, 1},
		{1, []checks.Verdict{up, d}, up, 1},
		{1, []checks.Verdict{d, u}, u, 0},
		{1, []checks.Verdict{d, d}, d, 1},
		{2, []checks.Verdict{up, d, up}, up, 1},
		{2, []checks.Verdict{d, up, d}, d, 1},
		{2, []checks.Verdict{up, d, u}, u, 0},
	} {
		var facts []Fact
		for i, v := range c.vs {
			facts = append(facts, Fact{State: checks.State{Verdict: v, Since: epoch.Add(-time.Duration(i+1) * time.Minute)}})
		}
		got := Combine(c.need, parts(facts...)).State
		want := time.Time{}
		if c.age > 0 {
			want = epoch.Add(-time.Duration(c.age) * time.Minute)
		}
		if got.Verdict != c.want || !got.Since.Equal(want) {
			t.Errorf("%v with need %d is %v since %v, wanted %v since %v", c.vs, c.need, got.Verdict, got.Since, c.want, want)
		}
	}
}

// An address that needs all of its checks is like a target that needs all of its addresses, and so on: the TTL that they
// lead to is the same.
func TestChecksOfAnAddressBoundTheTTLAsAddressesOfATargetDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 3).Draw(t, "checks")
		need := rapid.IntRange(1, n).Draw(t, "need")
		var several []Fact
		for range n {
			several = append(several, drawPart(t, epoch))
		}
		backup := []Fact{drawPart(t, epoch)}
		auto := rapid.IntRange(0, 1).Draw(t, "auto")
		after := drawDuration(t, 0, 90*time.Second, "after")
		one := Input{Service: service(1, 1), Facts: [][]Fact{{Combine(need, parts(several...))}, backup}, Auto: auto, Now: epoch}
		many := Input{Service: service(n, 1), Facts: [][]Fact{several, backup}, Auto: auto, Now: epoch}
		many.Service.Targets[0].Need = need
		one.Service.Failback.After, many.Service.Failback.After = after, after
		a, b := Look(one), Look(many)
		if a.Steps[0].Target != b.Steps[0].Target || a.Steps[0].Rule != b.Steps[0].Rule || !a.Next().Equal(b.Next()) {
			t.Fatalf("%+v as checks, %+v as addresses", a.Steps[0].Decision, b.Steps[0].Decision)
		}
		// Which of several addresses are served changes more often than which target is.
		if x, y := a.Timeline.Segments[0].Change, b.Timeline.Segments[0].Change; x != 0 && (y == 0 || x < y) {
			t.Fatalf("can change at %d as checks, at %d as addresses", x, y)
		}
	})
}

func TestWhyNamesTheCheckThatFailed(t *testing.T) {
	both := Combine(2, parts(down(), up()))
	one := Combine(1, parts(up(), down()))
	for want, in := range map[string]Input{
		"t0 is down (http: connection refused); t1 is the first target that is up": {Facts: [][]Fact{{both}, {up()}}},
		"t0 is up": {Facts: [][]Fact{{one}, {up()}}},
		"t0 is down (http: connection refused; tcp: connection refused); t1 is the first target that is up": {
			Facts: [][]Fact{{Combine(1, parts(down(), down()))}, {up()}},
		},
	} {
		if got := Decide(complete(in)).Reason; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if want := "tcp: connection refused; 1 of 2 checks must be up, and are"; one.Reason != want {
		t.Errorf("got  %s\nwant %s", one.Reason, want)
	}
}

func TestARunOfOneCheckOfSeveralBoundsTheTTL(t *testing.T) {
	for name, c := range map[string]struct {
		fact Fact
		want time.Duration
	}{
		"all are needed, one fails":      {Combine(2, parts(up(), changing(up(), 4*time.Second))), 4 * time.Second},
		"one is enough, one fails":       {Combine(1, parts(up(), changing(up(), 4*time.Second))), 0},
		"one is enough, both fail":       {Combine(1, parts(changing(up(), 7*time.Second), changing(up(), 4*time.Second))), 7 * time.Second},
		"one is down, the other may be":  {Combine(1, parts(down(), changing(up(), 4*time.Second))), 4 * time.Second},
		"frozen: what fails is not told": {Combine(2, parts(up(), frozen(changing(up(), 4*time.Second)))), 0},
	} {
		in := Input{Service: service(1, 1), Facts: [][]Fact{{c.fact}, {up()}}, Now: epoch}
		want := int64(0)
		if c.want != 0 {
			want = epoch.Add(c.want).UnixNano()
		}
		if got := Look(in).Timeline.Segments[0].Change; got != want {
			t.Errorf("%s: can change in %v, wanted %v", name, time.Duration(got-epoch.UnixNano()), c.want)
		}
	}
}

func frozen(f Fact) Fact {
	f.Frozen = "it requires gateway"
	return f
}

func TestAFreezeKeepsTheSelectionUntilItEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		in.Override = nil
		before := Decide(in)
		in.Auto = before.Auto
		in.Frozen = &Freeze{Since: in.Now, Reason: "the canaries are down"}
		in.Now = in.Now.Add(drawDuration(t, 0, 24*time.Hour, "later"))
		got := Decide(in)
		if !got.Selection.Equal(before.Selection) || got.Auto != before.Auto || got.Rule != RuleFrozen || !got.Next.IsZero() {
			t.Fatalf("%+v became %+v", before, got)
		}
		ahead := Look(in)
		if len(ahead.Steps) != 1 || ahead.Timeline.Segments[0].Change != 0 {
			t.Fatalf("something is to change: %+v", ahead.Steps)
		}
		in.Override = &Override{Target: 0}
		if got := Decide(in); got.Rule != RuleOverride || got.Target != 0 {
			t.Fatalf("an override does not win over a freeze: %+v", got)
		}
	})
}

func TestAFreezeIsExplained(t *testing.T) {
	in := complete(Input{Facts: [][]Fact{{up()}, {up()}}, Frozen: &Freeze{Since: epoch, Reason: "the canaries are down (a: timed out)"}})
	want := "the canaries are down (a: timed out), so verdicts are frozen since 2026-03-01T12:00:00Z: t0 stays"
	if got := Decide(in).Reason; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	steps := Explain(in)
	if len(steps) != 5 || !steps[2].Applies || steps[2].Rule != RuleFrozen || steps[2].Text != want ||
		steps[3].Applies || steps[3].Text != "once verdicts are believed again: t0 is up" {
		t.Errorf("%+v", steps)
	}
}
