package e2e

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnsfailover/dnsfailover/api"
)

// TestFault01KillDuringStateWrite kills the server as it enters the nth of the calls that write its state: while the file is
// made at the start, and while overrides are written to it. strace counts by thread, so that now and then a later call
// is hit; what must hold does so wherever it is. Calls that come once are told apart by what they are about.
func TestFault01KillDuringStateWrite(t *testing.T) {
	t.Parallel()
	need(t, "strace")
	type moment struct {
		call string
		n    int
		when string
	}
	const start, directory, later = "from the start", "on the directory", "under a switch"
	moments := []moment{{"fsync", 1, start}, {"fsync", 1, directory}, {"renameat", 1, start}}
	for n := 1; n <= 5; n++ {
		moments = append(moments, moment{"pwrite64", n, start}, moment{"fdatasync", n, start})
	}
	for n := 1; n <= 3; n++ {
		moments = append(moments, moment{"pwrite64", n, later}, moment{"fdatasync", n, later})
	}
	for _, m := range moments {
		t.Run(fmt.Sprintf("%s %d %s", m.call, m.n, m.when), func(t *testing.T) {
			s := newServer(t, twoTargets, "")
			fault := fmt.Sprintf("%s:signal=SIGKILL:when=%d", m.call, m.n)
			switch m.when {
			case start:
				s.straced(m.call, fault).launch()
			case directory:
				s.mkdir("state")
				s.straced(m.call, fault)
				s.wrap = append(s.wrap, "-P", s.path("state"))
				s.launch()
			case later:
				s.start().inject(m.call, fault)
			}
			acknowledged, attempted := s.switchUntilDead()
			s.wrap = nil
			if err := os.CopyFS(s.path("left"), os.DirFS(s.path("state"))); err != nil {
				t.Fatal(err)
			}
			got, took := s.firstAnswer()
			for try := 1; took > time.Second && try < 3; try++ { // was it the machine that was busy?
				s.Kill()
				if err := errors.Join(os.RemoveAll(s.path("state")), os.CopyFS(s.path("state"), os.DirFS(s.path("left")))); err != nil {
					t.Fatal(err)
				}
				got, took = s.firstAnswer()
			}
			t.Logf("killed after switch %d was acknowledged and %d was attempted; serves again %v after the restart", acknowledged, attempted, took.Round(time.Millisecond))
			possible := []string{served[target(acknowledged)]}
			for n := acknowledged + 1; n <= attempted; n++ { // nobody knows of those how far they came
				possible = append(possible, served[target(n)])
			}
			if !slices.Contains(possible, got) {
				t.Errorf("%s is served, want one of %v", got, possible)
			}
			if took > time.Second {
				t.Errorf("it took %v from the restart to the first answer, over 1s", took)
			}
			if soa := s.ask("example.test", dns.TypeSOA); soa == nil || len(soa.Answer) != 1 {
				t.Errorf("the zone is lost: %v", soa)
			}
			if problems := s.problems(); problems != "" {
				t.Errorf("a kill has damaged the state: %s", problems)
			}
			if left := s.entries("state"); !slices.Equal(left, []string{"cookie.secret", "dnsfailover.db", "history.db"}) {
				t.Errorf("left in the state directory: %v", left)
			}
		})
	}
}

// firstAnswer starts the server and returns what it first answers, and how long that took.
func (s *server) firstAnswer() (address string, took time.Duration) {
	s.t.Helper()
	begin := time.Now()
	s.start()
	address, _ = s.addresses("www.example.test", dns.TypeA)
	return address, time.Since(begin)
}

// target is that of the nth switch; before the first one, the service's own.
func target(n int) string { return []string{"primary", "backup"}[n%2] }

// switchUntilDead switches to and fro until the server has died, and returns the numbers of the last switch that was
// acknowledged and of the last one that was sent.
func (s *server) switchUntilDead() (acknowledged, attempted int) {
	s.t.Helper()
	client := s.client()
	s.wait("the server dies", func() bool {
		_, err := client.Switch(s.t.Context(), "web", api.Switch{Target: target(attempted + 1), UntilReleased: true})
		switch unreachable, ok := err.(*api.Unreachable); {
		case err == nil:
			attempted++
			acknowledged = attempted
		case !ok:
			s.t.Errorf("switch %d: %v", attempted+1, err)
		case unreachable.Asked:
			attempted++
		}
		return s.Ended()
	})
	return acknowledged, attempted
}
