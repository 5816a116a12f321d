package checks

import (
	"crypto/sha256"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPushProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &PushProbe{MaxAge: time.Minute, Token: sha256.Sum256([]byte("0123456789abcdef"))}
		expect := func(what string, ok, inconclusive bool, want string) {
			t.Helper()
			if r := run(t, p, time.Second); r.OK != ok || r.Inconclusive != inconclusive || r.Reason != want {
				t.Errorf("%s: %+v\nwant %q", what, r, want)
			}
		}
		expect("at the start", false, true, "no report yet, in the first 1m0s")
		time.Sleep(time.Minute)
		expect("after a minute", false, true, "no report yet, in the first 1m0s")
		time.Sleep(time.Second)
		expect("then", false, false, "no report for 1m1s, wanted one every 1m0s")
		p.Report(Report{At: time.Now(), OK: true, Reason: "backup \x1bdone"})
		time.Sleep(20 * time.Second)
		expect("a report", true, false, "reported 20s ago: backup ?done")
		time.Sleep(40 * time.Second)
		expect("a report just young enough", true, false, "reported 1m0s ago: backup ?done")
		time.Sleep(time.Second)
		expect("silence", false, false, "no report for 1m1s, wanted one every 1m0s; the last one said: backup ?done")
		p.Report(Report{At: time.Now()})
		expect("bad news", false, false, "reported 0s ago that it is down")
		time.Sleep(2 * time.Minute)
		expect("silence after bad news", false, false, "no report for 2m0s, wanted one every 1m0s; the last one gave no reason")
	})
}

func TestPushTokens(t *testing.T) {
	p := &PushProbe{MaxAge: time.Minute, Token: sha256.Sum256([]byte("0123456789abcdef"))}
	for token, want := range map[string]bool{"0123456789abcdef": true, "0123456789abcdeF": false, "": false, "0123456789abcdef ": false} {
		if got := p.Accepts(token); got != want {
			t.Errorf("%q: %v", token, got)
		}
	}
	if text := p.String() + Describe(p); strings.Contains(text, "0123") || Describe(p) != "push, max age 1m0s" {
		t.Errorf("%s", text)
	}
	if inverted := (Inverted{p}); Pushed(inverted) != p || Pushed(Inverted{&fake{}}) != nil || Describe(inverted) != "not push, max age 1m0s" {
		t.Errorf("inverted: %s", Describe(inverted))
	}
	// What is believed for a while is noticed so much later.
	c := &Check{Probe: p, Interval: 10 * time.Second, Timeout: time.Second, Recheck: 2 * time.Second, Fall: 1, Rise: 1}
	plain := *c
	plain.Probe = &fake{}
	if lag := WorstDetection(c) - WorstDetection(&plain); lag != time.Minute {
		t.Errorf("the worst case is %s later", lag)
	}
}

// After a restart the verdict from before stays until silence has lasted long enough to mean something.
func TestARestartIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		c := check("a", &PushProbe{MaxAge: 5 * time.Minute})
		b.Set([]*Check{c}, map[string]State{"a": {Verdict: Up}})
		b.start(t)
		after(4 * time.Minute)
		if snap, _ := b.Snapshot("a"); snap.State.Verdict != Up || snap.Stats.Failures != 0 || snap.Stats.Inconclusive < 10 {
			t.Errorf("four minutes after the restart: %+v", snap)
		}
		c.Probe.(*PushProbe).Report(Report{At: time.Now(), OK: true})
		after(4 * time.Minute)
		if snap, _ := b.Snapshot("a"); snap.State.Verdict != Up || snap.Stats.Failures != 0 {
			t.Errorf("four minutes after a report: %+v", snap)
		}
		after(3 * time.Minute)
		if snap, _ := b.Snapshot("a"); snap.State.Verdict != Down {
			t.Errorf("after seven minutes of silence: %+v", snap)
		}
	})
}
