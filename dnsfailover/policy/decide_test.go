package policy

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
)

func TestTargetIsUpWhenItsNeedIsMet(t *testing.T) {
	for _, c := range []struct {
		need int
		vs   []checks.Verdict
		want checks.Verdict
	}{
		{0, []checks.Verdict{checks.Down}, checks.Down}, // no need given: one
		{1, []checks.Verdict{checks.Up, checks.Down}, checks.Up},
		{2, []checks.Verdict{checks.Up, checks.Down}, checks.Down},
		{2, []checks.Verdict{checks.Up, checks.Unknown}, checks.Unknown},
		{1, []checks.Verdict{checks.Unknown, checks.Up}, checks.Up},
		{2, []checks.Verdict{checks.Unknown, checks.Unknown, checks.Down}, checks.Unknown},
		{3, []checks.Verdict{checks.Up, checks.Up, checks.Up}, checks.Up},
	} {
		in := Input{Service: service(len(c.vs))}
		in.Service.Targets[0].Need = c.need
		in.Facts = [][]Fact{nil}
		for _, v := range c.vs {
			in.Facts[0] = append(in.Facts[0], Fact{State: checks.State{Verdict: v}})
		}
		if got := in.Verdict(0); got != c.want {
			t.Errorf("%v with need %d is %v, wanted %v", c.vs, c.need, got, c.want)
		}
	}
}

func TestServedAddresses(t *testing.T) {
	u, up, d := checks.Unknown, checks.Up, checks.Down
	a1, b2, a3 := "192.0.2.1", "2001:db8::2", "192.0.2.3"
	for name, c := range map[string]struct {
		need int
		vs   []checks.Verdict
		want []string
	}{
		"all up":                              {1, []checks.Verdict{up, up, up}, []string{a1, b2, a3}},
		"one of a family down":                {1, []checks.Verdict{up, up, d}, []string{a1, b2}},
		"unknown takes no address away":       {1, []checks.Verdict{u, up, up}, []string{a1, b2, a3}},
		"each family by itself":               {1, []checks.Verdict{d, u, up}, []string{b2, a3}},
		"unknown and down":                    {1, []checks.Verdict{u, d, u}, []string{a1, a3}},
		"a family that is down is not served": {1, []checks.Verdict{up, d, up}, []string{a1, a3}},
		"all addresses of a target down":      {1, []checks.Verdict{d, d, d}, []string{a1, b2, a3}},
		"the others if the need is not met":   {3, []checks.Verdict{up, d, up}, []string{a1, a3}},
		"the only one that is not down":       {2, []checks.Verdict{d, u, d}, []string{b2}},
	} {
		t.Run(name, func(t *testing.T) {
			in := Input{Service: service(3), Now: epoch, Facts: [][]Fact{nil}}
			in.Service.Targets[0].Need = c.need
			for _, v := range c.vs {
				in.Facts[0] = append(in.Facts[0], Fact{State: checks.State{Verdict: v}})
			}
			var want []netip.Addr
			for _, a := range c.want {
				want = append(want, netip.MustParseAddr(a))
			}
			if diff := cmp.Diff(want, Decide(in).Addresses, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFailbackCountsFromWhenTheLastNeededAddressCameUp(t *testing.T) {
	in := Input{Service: service(3, 1), Auto: 1, Now: epoch}
	in.Service.Targets[0].Need = 2
	ago := func(s int) Fact {
		return Fact{State: checks.State{Verdict: checks.Up, Since: epoch.Add(-time.Duration(s) * time.Second)}}
	}
	in.Facts = [][]Fact{{ago(10), ago(300), ago(40)}, {Unchecked}}
	d := Decide(in)
	if d.Target != 1 || !d.Next.Equal(epoch.Add(20*time.Second)) {
		t.Fatalf("serves %d until %v, wanted 1 until 20 s from now", d.Target, d.Next)
	}
	in.Now = d.Next
	if d = Decide(in); d.Target != 0 {
		t.Errorf("serves %d at the edge: %s", d.Target, d.Reason)
	}
}

func TestOverrideWinsUntilItExpiresAndNothingChangesUnderneath(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		plain := in
		plain.Override = nil
		got, without := Decide(in), Decide(plain)
		if got.Auto != without.Auto {
			t.Fatalf("the override changes what the verdicts choose: %d, without %d", got.Auto, without.Auto)
		}
		if !in.Override.Active(in.Now) {
			if diff := cmp.Diff(without, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Fatal(diff)
			}
			return
		}
		if got.Target != in.Override.Target || got.Rule != RuleOverride {
			t.Fatalf("serves %d by %s under an override to %d", got.Target, got.Rule, in.Override.Target)
		}
		if !in.Override.Until.IsZero() && got.Next.After(in.Override.Until) {
			t.Fatalf("looks again at %v, after the override has expired", got.Next)
		}
	})
}

func TestUnknownNeverTakesANameAway(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		in.Override = nil
		before := Decide(in)
		if before.Target < 0 {
			return
		}
		in.Auto = before.Auto
		for i := range in.Facts[in.Auto] { // all is forgotten that was proved of where it points
			in.Facts[in.Auto][i] = Fact{}
		}
		if got := Decide(in); got.Target != before.Target || len(got.Addresses) == 0 {
			t.Fatalf("pointed to %d, now to %d with %v: %s", before.Target, got.Target, got.Addresses, got.Reason)
		}
	})
}

func TestAnswerIsEmptyOnlyWithAllDownNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		got := Decide(in)
		if nothing := got.Rule == RuleAllDown && in.Service.AllDown == config.AllDownNone; nothing != (len(got.Addresses) == 0) || nothing != (got.Target < 0) {
			t.Fatalf("serves %v of target %d by %s", got.Addresses, got.Target, got.Rule)
		}
		if got.Target < 0 || in.Verdict(got.Target) != checks.Down {
			return
		}
		want := 0
		for _, f := range in.Facts[got.Target] {
			if f.State.Verdict != checks.Down {
				want++
			}
		}
		if want == 0 {
			want = len(in.Facts[got.Target])
		}
		if len(got.Addresses) != want {
			t.Fatalf("serves %d addresses of a target that is down, wanted %d", len(got.Addresses), want)
		}
	})
}

func TestDecisionIsAPureFunction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		before := in
		before.Facts = nil
		for _, f := range in.Facts {
			before.Facts = append(before.Facts, append([]Fact(nil), f...))
		}
		same := cmp.Options{cmpopts.EquateComparable(netip.Addr{}), cmpopts.IgnoreTypes(&config.Service{}), cmp.AllowUnexported(Ahead{}, Plan{})}
		if diff := cmp.Diff(Look(in), Look(in), same); diff != "" {
			t.Fatalf("equal inputs, two decisions:\n%s", diff)
		}
		if diff := cmp.Diff(before, in, same); diff != "" {
			t.Fatalf("deciding has changed its input:\n%s", diff)
		}
	})
}

func TestDecisionHoldsUntilItsNextEdge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		got := Decide(in)
		in.Auto = got.Auto
		horizon := 10 * time.Minute
		if !got.Next.IsZero() {
			if !got.Next.After(in.Now) {
				t.Fatalf("the next edge %v is not ahead of %v", got.Next, in.Now)
			}
			horizon = got.Next.Sub(in.Now) - time.Nanosecond
		}
		in.Now = in.Now.Add(time.Duration(rapid.Int64Range(0, int64(horizon)).Draw(t, "later")))
		if later := Decide(in); !later.Selection.Equal(got.Selection) || later.Rule != got.Rule || later.Auto != got.Auto {
			t.Fatalf("%v has become %v with no edge in between", got, later)
		}
	})
}

func TestClockThatIsSetBackDelaysAFailbackByAfterAtMost(t *testing.T) {
	in := Input{Service: service(1, 1), Auto: 1, Now: epoch}
	in.Facts = [][]Fact{{{State: checks.State{Verdict: checks.Up, Since: epoch.Add(time.Hour)}}}, {Unchecked}}
	before := in.Facts[0][0].State
	if d := Decide(in); d.Target != 1 || !d.Next.Equal(epoch.Add(time.Minute)) {
		t.Errorf("serves %d, looks again at %v", d.Target, d.Next)
	}
	ahead := Look(in)
	if n := len(ahead.Steps); n != 2 || ahead.Steps[1].Target != 0 || !ahead.Steps[1].Edge.Equal(epoch.Add(time.Minute)) {
		t.Errorf("steps %+v", ahead.Steps)
	}
	if in.Facts[0][0].State != before {
		t.Error("looking has changed its input")
	}
}

func TestForcedTargetThatIsDownServesWhatIsLeftOfIt(t *testing.T) {
	in := Input{Service: service(2, 1), Now: epoch, Override: &Override{}}
	in.Service.Targets[0].Need = 2
	in.Facts = [][]Fact{{{State: checks.State{Verdict: checks.Down}}, {State: checks.State{Verdict: checks.Up}}}, {Unchecked}}
	if got := Decide(in).Addresses; len(got) != 1 || got[0].String() != "2001:db8::2" {
		t.Errorf("serves %v", got)
	}
	in.Override, in.Service.AllDown = nil, config.AllDownFirst
	in.Facts[1] = []Fact{{State: checks.State{Verdict: checks.Down}}}
	d := Decide(in)
	if len(d.Addresses) != 1 || !strings.HasSuffix(d.Reason, "so t0 is served, without 192.0.2.1 (down)") {
		t.Errorf("serves %v: %s", d.Addresses, d.Reason)
	}
}
