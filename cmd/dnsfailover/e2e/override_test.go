package e2e

import (
	"os/user"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Peers' bugs 18 and 24: an override outlives a kill -9 right after it was acknowledged, restarts and reloads, with
// its end, reason and author.
func TestPeers18And24AnOverrideSurvives(t *testing.T) {
	t.Parallel()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup), "").startPinned()
	s.verdict("web", "backup", "up")
	s.must("switch", "web", "backup", "--for", "1h", "--reason", "kernel & co")
	s.Kill()
	s.start()
	set := s.service("web").Override
	if set == nil || set.Target != "backup" || set.Reason != "kernel & co" || set.Author != me.Username {
		t.Fatalf("after a kill -9 the override is %+v", set)
	}
	same := func(when string) {
		t.Helper()
		service := s.service("web")
		if got := service.Override; service.Serving != "backup" || got == nil || got.Until == nil || !got.Until.Equal(*set.Until) ||
			got.Author != set.Author || got.Reason != set.Reason || !got.Since.Equal(set.Since) {
			t.Errorf("%s: serving %s, override %+v, want %+v", when, service.Serving, got, set)
		}
		if got, _ := s.addresses("www.example.test", dns.TypeA); got != backup.ip {
			t.Errorf("%s: the answer is %s", when, got)
		}
	}
	same("after a kill -9")
	s.must("reload")
	same("after a reload")
	s.stop()
	s.start()
	same("after a restart")

	// Without its target it is kept, and comes back with it.
	good, third := web(plain, primary, backup), newSite(t)
	s.write("dnsfailover.yaml", listen+quick+strings.ReplaceAll(web(plain, primary, third), "name: backup", "name: other"))
	s.must("reload")
	s.serves("www.example.test", primary.ip)
	if problems := strings.Join(s.status().Problems, "\n"); !strings.Contains(problems, `the override of service "web" to "backup" is kept but not applied`) {
		t.Errorf("status does not tell of the override that has no place: %q", problems)
	}
	s.write("dnsfailover.yaml", listen+quick+good)
	s.must("reload")
	same("after a reload that brought its target back")
	s.must("release", "web")
	s.Kill()
	s.rewrite("127.0.0.1:0", s.dns)
	s.start()
	if o := s.service("web").Override; o != nil {
		t.Errorf("released, and after a kill -9 it is %+v", o)
	}
}

// TestAnOverrideEndsWhileNobodyIsThere has an override end between two lives of the server.
func TestAnOverrideEndsWhileNobodyIsThere(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup), "").start()
	s.verdict("web", "primary", "up")
	s.must("switch", "web", "backup", "--for", "1s", "--force")
	end := *s.service("web").Override.Until
	s.Kill()
	s.wait("the override has ended", func() bool { return time.Now().After(end) })
	s.start()
	if got, _ := s.addresses("www.example.test", dns.TypeA); got != primary.ip {
		t.Errorf("after its end the first answer is %s", got)
	}
	if got := s.service("web"); got.Override != nil || got.Rule != "verdicts" {
		t.Errorf("after its end the state is %+v", got)
	}
}

// TestAnOverrideEndsExactly asks 50 times a second over the end of --for 3s: until that instant every answer is the
// override's, with a TTL that ends a second before it; from then on none is.
func TestAnOverrideEndsExactly(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web("ttl: {min: 5s, max: 60s}", primary, backup), "").start()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	begin := time.Now()
	out := s.must("switch", "web", "backup", "--for", "3s")
	acknowledged := time.Now()
	if !strings.HasSuffix(out, "; it ends before every cache has followed\n") {
		t.Errorf("nobody is told that 3 s are shorter than the TTL of 60: %s", out)
	}
	stop := make(chan struct{})
	answers := s.poll("www.example.test", 20*time.Millisecond, stop)
	service := s.service("web")
	end := *service.Override.Until
	if end.Before(begin.Add(3*time.Second)) || end.After(acknowledged.Add(3*time.Second)) {
		t.Errorf("3 s after the command, which took from %v to %v, is not %v", begin, acknowledged, end)
	}
	if n := service.NextChange; n == nil || !n.At.Equal(end) || n.Serving != "primary" {
		t.Errorf("the next change is %+v", n)
	}
	s.wait("the override is over for a second", func() bool { return time.Now().After(end.Add(time.Second)) })
	close(stop)
	counts := map[string]int{}
	for _, a := range <-answers {
		counts[a.addresses]++
		switch left := end.Sub(a.asked); {
		case a.addresses == backup.ip && left <= 0:
			t.Errorf("%v after the end the answer is still the override's", -left)
		case a.addresses == primary.ip && a.came.Before(end):
			t.Errorf("%v before the end the answer is not the override's any more", end.Sub(a.came))
		case a.addresses == backup.ip && int(a.ttl) > max(int(left/time.Second)-1, 0):
			t.Errorf("%v before the end the TTL is %d", left, a.ttl)
		case a.addresses == primary.ip && a.ttl != 60:
			t.Errorf("%v after the end the TTL is %d", -left, a.ttl)
		}
	}
	if counts[backup.ip] < 30 || counts[primary.ip] < 10 || len(counts) != 2 {
		t.Errorf("answers: %v", counts)
	}
	if got := s.service("web"); got.Rule != "verdicts" || got.Override != nil || !got.Since.Equal(end) {
		t.Errorf("after the end the state is %+v", got)
	}
}

// Peers' bug 30: --dry-run shows what would be, and nothing changes.
func TestPeers30ADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	primary, backup, third := newSite(t), newSite(t), newSite(t)
	third.becomes("stopped")
	s := newServer(t, quick+web(plain, primary, backup, third), "").start()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	s.verdict("web", "third", "down")
	before := s.service("web")
	out := s.must("switch", "web", "backup", "--for", "10m", "--reason", "only a rehearsal", "--dry-run")
	matches(t, out, `web: would be switched; serves backup at `+backup.ip+`, TTL 5s, drained in \d+s, at [\d:]+; override to backup by \S+, until .* \(in 10m\): only a rehearsal
  then primary at `+clockTime+` \(in 10m\): primary is up; drained at `+clockTime+`
`)
	if out, code := s.cli("switch", "web", "third", "--for", "10m", "--dry-run"); code != 1 || !strings.Contains(out, "is down") {
		t.Errorf("a dry run of what would be refused: exit %d\n%s", code, out)
	}
	s.must("switch", "web", "third", "--for", "10m", "--dry-run", "--force")
	after := s.service("web")
	if after.Serving != "primary" || after.Override != nil || !after.Since.Equal(before.Since) || after.NextChange != nil {
		t.Errorf("after dry runs the state is %+v", after)
	}
	if got, _ := s.addresses("www.example.test", dns.TypeA); got != primary.ip {
		t.Errorf("after dry runs the answer is %s", got)
	}
}

// TestATargetThatIsDownNeedsForce switches to a target that is down, which must be meant.
func TestATargetThatIsDownNeedsForce(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	backup.becomes("stopped")
	s := newServer(t, quick+web(plain, primary, backup), "").start()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "down")
	out, code := s.cli("switch", "web", "backup", "--until-released")
	if code != 1 || s.service("web").Override != nil {
		t.Errorf("exit %d, override %+v", code, s.service("web").Override)
	}
	matches(t, out, `dnsfailover: target "backup" of service "web" is down: `+backup.ip+`: connection refused; .*force.*\n`)
	s.must("switch", "web", "backup", "--until-released", "--force")
	s.serves("www.example.test", backup.ip)
	if o := s.service("web").Override; o == nil || o.Until != nil {
		t.Errorf("the override is %+v", o)
	}
	// What is not there can't be forced.
	for want, args := range map[string][]string{
		`dnsfailover: service "web" has no target "bakcup": did you mean "backup"\?\n`: {"switch", "web", "bakcup", "--for", "1m", "--force"},
		`dnsfailover: there is no service "wbe": did you mean "web"\?\n`:               {"switch", "wbe", "backup", "--for", "1m", "--force"},
	} {
		out, code := s.cli(args...)
		if code != 1 {
			t.Errorf("%v: exit %d", args, code)
		}
		matches(t, out, want)
	}
	if got := s.service("web"); got.Serving != "backup" || got.Rule != "override" {
		t.Errorf("the state is %+v", got)
	}
}
