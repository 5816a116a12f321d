package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/config"
)

func TestReasonsReadAsSentences(t *testing.T) {
	back := up()
	back.State.Since = epoch.Add(-20 * time.Second)
	until := epoch.Add(time.Hour)
	for want, in := range map[string]Input{
		"t0 is up": {Facts: [][]Fact{{up()}, {up()}}},
		"t0 is down (connection refused); t1 is the first target that is up":                                {Facts: [][]Fact{{down()}, {up()}}},
		"t0 is up again and takes over from t1 at 2026-03-01T12:00:40Z, when it will have been up for 1m0s": {Facts: [][]Fact{{back}, {up()}}, Auto: 1},
		"t0 is up again and takes over from t1 at 2026-03-01T12:03:40Z, when it will have been up for 4m0s (and not 1m0s, since it failed 3 times in the last hour)": {
			Facts: [][]Fact{{back}, {up()}}, Auto: 1, Service: &config.Service{Failback: config.Failback{HoldDown: time.Hour}},
			Flaps: []Flap{flap(0, 9*time.Minute), flap(1, 8*time.Minute), flap(0, 6*time.Minute), flap(0, time.Minute)},
		},
		"t0 is up again, but failback is manual: t1 stays until released": {
			Facts: [][]Fact{{up()}, {up()}}, Auto: 1, Service: &config.Service{Failback: config.Failback{Manual: true}},
		},
		"t0 is up, without 192.0.2.1 (connection refused)": {Facts: [][]Fact{{down(), up()}, {up()}}},
		"t0 is down (connection refused); t1 is the first target that is up, without 192.0.2.13 (connection refused)": {
			Facts: [][]Fact{{down()}, {up(), {}, down()}},
		},
		"nothing is proved of t1 yet, so the service stays where it points":                 {Facts: [][]Fact{{up()}, {{}}}, Auto: 1},
		"t0 is down (connection refused); nothing is proved of t1 yet, and no target is up": {Facts: [][]Fact{{down()}, {{}}}},
		"nothing is proved of t0 yet; t1 is the first target that is up":                    {Facts: [][]Fact{{{}}, {up()}, {down()}}, Auto: 2},
		"all targets are down: t0 is down (connection refused), t1 is down (connection refused); all_down is last, so t1 is served with all its addresses": {
			Facts: [][]Fact{{down()}, {down()}},
		},
		"all targets are down: t0 is down (connection refused); all_down is none, so there is no address to give": {
			Facts: [][]Fact{{down()}}, Service: &config.Service{AllDown: config.AllDownNone},
		},
		"switched to t1 by alice until 2026-03-01T13:00:00Z: patches": {
			Facts: [][]Fact{{up()}, {up()}}, Override: &Override{Target: 1, Until: until, Author: "alice", Reason: "patches"},
		},
		"switched to t1 until released": {Facts: [][]Fact{{up()}, {up()}}, Override: &Override{Target: 1}},
	} {
		if got := Decide(complete(in)).Reason; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// complete gives in the service that fits its facts, with the policies that it asks for.
func complete(in Input) Input {
	var shape []int
	for _, f := range in.Facts {
		shape = append(shape, len(f))
	}
	s := service(shape...)
	if in.Service != nil {
		s.Failback.Manual, s.Failback.HoldDown = in.Service.Failback.Manual, in.Service.Failback.HoldDown
		if in.Service.AllDown != "" {
			s.AllDown = in.Service.AllDown
		}
	}
	in.Service, in.Now = s, epoch
	return in
}

func TestTargetWithoutCheckSaysSo(t *testing.T) {
	in := complete(Input{Facts: [][]Fact{{down()}, {Unchecked}}})
	in.Service.Targets[1].Addresses[0].Checks = nil
	if got, want := Decide(in).Reason, "t0 is down (connection refused); t1 has no check and counts as up"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestExplainWalksTheRules(t *testing.T) {
	in := complete(Input{Facts: [][]Fact{{down()}, {down()}}, Override: &Override{Target: 1, Until: epoch}})
	allDown := "all targets are down: t0 is down (connection refused), t1 is down (connection refused); all_down is last, so t1 is served with all its addresses"
	if diff := cmp.Diff([]Step{
		{RuleOverride, false, "the override expired at 2026-03-01T12:00:00Z"},
		{RuleWindow, false, "no window is open"},
		{RuleVerdicts, false, "no target is up, and none is still to be proved"},
		{RuleAllDown, true, allDown},
	}, Explain(in)); diff != "" {
		t.Error(diff)
	}
	in.Override.Until = time.Time{}
	if diff := cmp.Diff([]Step{
		{RuleOverride, true, "switched to t1 until released"},
		{RuleWindow, false, "no window is open"},
		{RuleVerdicts, false, "no target is up, and none is still to be proved"},
		{RuleAllDown, false, "without the override: " + allDown},
	}, Explain(in)); diff != "" {
		t.Error(diff)
	}
	in = complete(Input{Facts: [][]Fact{{up()}}})
	if diff := cmp.Diff([]Step{
		{RuleOverride, false, "there is no override"},
		{RuleWindow, false, "no window is open"},
		{RuleVerdicts, true, "t0 is up"},
		{RuleAllDown, false, "not all targets are down"},
	}, Explain(in)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsHeld(t *testing.T) {
	in := complete(Input{Facts: [][]Fact{{up()}, {up()}}, Auto: 1})
	if in.Held() {
		t.Error("held though failback is automatic, and has come")
	}
	for name, f := range map[string]config.Failback{
		"by an operator": {Manual: true}, "by its age": {After: 2 * time.Hour}, "by a period": {OnlyIn: period(t, "0 3 * * *", time.Hour)},
	} {
		in.Service.Failback = f
		if !in.Held() || in.Candidate() != 0 {
			t.Errorf("%s: held: %v, candidate %d", name, in.Held(), in.Candidate())
		}
	}
	in.Facts[0][0].State.Verdict = checks.Down
	if in.Held() {
		t.Error("held though the better target is down")
	}
}
