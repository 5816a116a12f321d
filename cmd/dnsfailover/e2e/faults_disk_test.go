package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnsfailover/dnsfailover/api"
)

// refuses has a switch refused, for a reason that is named, and what was served before served on.
func (s *server) refuses(target, because string) {
	s.t.Helper()
	before, _ := s.addresses("www.example.test", dns.TypeA)
	out, code := s.cli("switch", "web", target, "--until-released")
	if code != 1 {
		s.t.Errorf("a switch that can't be stored exits with %d:\n%s", code, out)
	}
	mentions(s.t, "the refusal", out, `the override of service "web" can't be stored, so it is not served: `, because)
	if after, _ := s.addresses("www.example.test", dns.TypeA); after != before || before == "" {
		s.t.Errorf("served %q before the refusal and %q after it", before, after)
	}
	said := "the state can't be saved in " + s.path("state") + ": "
	mentions(s.t, "status", s.must("status"), said, because, "overrides are refused")
	_, ready := s.get("/readyz")
	mentions(s.t, "/readyz", ready, said)
	s.logs(`msg="state can't be saved"`, because)
}

// survives has a switch to target stored, served, and found by the next server after a crash.
func (s *server) survives(target string) {
	s.t.Helper()
	s.must("switch", "web", target, "--until-released")
	s.serves("www.example.test", served[target])
	s.remains(target)
}

// remains has nothing amiss, and the next server after a crash serve target because of an override.
func (s *server) remains(target string) {
	s.t.Helper()
	if problems := s.problems(); problems != "" {
		s.t.Errorf("still amiss: %s", problems)
	}
	s.Kill()
	s.start()
	s.serves("www.example.test", served[target])
	if o := s.service("web").Override; o == nil || o.Target != target {
		s.t.Errorf("the override of web is %+v, want that to %s", o, target)
	}
}

func TestFault03DiskFull(t *testing.T) {
	t.Parallel()
	const services = 12
	config := "services:\n"
	for i := range services {
		config += fmt.Sprintf("  - {name: s%d, records: [w%d.example.test], targets: [{name: primary, addresses: [192.0.2.1]}, {name: backup, addresses: [192.0.2.2]}]}\n", i, i)
	}
	s := newServer(t, config, "")
	s.disk("state", "size=256k")
	s.start()
	free := s.fillUp("state")

	// Overrides that still find room are taken. Each has a long reason, so that soon there is none.
	long, refused := strings.Repeat("full ", 90), 0
	for ; refused < services; refused++ {
		out, code := s.cli("switch", fmt.Sprintf("s%d", refused), "backup", "--until-released", "--reason", long)
		if code == 0 {
			continue
		}
		mentions(t, "the refusal", out, fmt.Sprintf(`the override of service "s%d" can't be stored, so it is not served: `, refused), "no space left on device")
		break
	}
	if refused == services {
		t.Fatal("the disk never was full")
	}
	host := func(i int) string { return fmt.Sprintf("w%d.example.test", i) }
	isServed := func(when string, taken int) {
		t.Helper()
		for i := range services {
			want := served["primary"]
			if i < taken {
				want = served["backup"]
			}
			if got, _ := s.addresses(host(i), dns.TypeA); got != want {
				t.Errorf("%s: %s is %q, want %s; %d overrides were acknowledged", when, host(i), got, want, taken)
			}
		}
	}
	isServed("on the full disk", refused)
	mentions(t, "status", s.must("status"), "the state can't be saved", "no space left on device")
	s.logs(`msg="state can't be saved"`, "no space left on device")

	s.Kill()
	s.start()
	isServed("after a crash on the full disk", refused)
	out, code := s.cli("switch", fmt.Sprintf("s%d", refused), "backup", "--until-released", "--reason", long)
	if code != 1 || !strings.Contains(out, "no space left on device") {
		t.Errorf("after the crash the switch exits with %d:\n%s", code, out)
	}

	free()
	s.must("switch", fmt.Sprintf("s%d", refused), "backup", "--until-released", "--reason", long)
	isServed("with space again", refused+1)
	s.logs(`msg="state is saved again"`)
	if problems := s.problems(); problems != "" {
		t.Errorf("still amiss: %s", problems)
	}
	s.Kill()
	s.start()
	isServed("after another crash", refused+1)
	t.Logf("on the full disk %d overrides were acknowledged; the next was refused, and taken once there was space", refused)
}

func TestFault04NoInodes(t *testing.T) {
	t.Parallel()
	s := newServer(t, twoTargets, "")
	s.disk("state", "size=1m,nr_inodes=4")
	fill := []string{"state/last", "state/but one", "state/but two"}
	for _, name := range fill {
		s.write(name, "")
	}
	s.start()
	s.refuses("backup", "no space left on device")
	for _, name := range fill {
		if err := os.Remove(s.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	s.survives("backup")
}

func TestFault04ReadOnly(t *testing.T) {
	t.Parallel()
	s := newServer(t, twoTargets, "")
	s.disk("state", "size=1m")
	s.start()
	s.must("switch", "web", "backup", "--until-released")
	s.Kill()
	remount := func(flags uintptr) {
		if err := syscall.Mount("tmpfs", s.path("state"), "tmpfs", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	s.start()
	s.serves("www.example.test", served["backup"])
	s.refuses("primary", "read-only file system")
	remount(0)
	s.survives("primary")
}

// TestFault05DiskErrors has the calls fail one by one on whose success it depends that a switch is on the disk: those
// on the file, and those that put a new file in the place of one that was removed.
func TestFault05DiskErrors(t *testing.T) {
	t.Parallel()
	need(t, "strace")
	for _, c := range []struct {
		name, call, fault string
		remove            bool
	}{
		{"write", "pwrite64", "pwrite64:error=EIO", false},
		{"every fdatasync", "fdatasync", "fdatasync:error=EIO", false},
		{"the last fdatasync, when the data is written already", "fdatasync", "fdatasync:error=EIO:when=2+2", false},
		{"fdatasync of a new file", "fdatasync", "fdatasync:error=EIO", true},
		{"rename", "renameat", "renameat:error=EIO", true},
		{"fsync of a new file", "fsync", "fsync:error=EIO", true},
		{"fsync of the directory", "fsync", "fsync:error=EIO", true},
		{"close of the directory", "close", "close:error=EIO", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, twoTargets, "")
			s.start()
			s.must("switch", "web", "primary", "--until-released")
			if c.remove {
				if err := os.Remove(s.path("state/dnsfailover.db")); err != nil {
					t.Fatal(err)
				}
			}
			var mend func()
			switch {
			case strings.HasSuffix(c.name, "of the directory"):
				mend = s.injectAt(s.path("state"), c.call, c.fault)
			case c.remove:
				mend = s.inject(c.call, c.fault)
			default: // the history is written when it likes: its calls aren't counted
				mend = s.injectAt(s.path("state/dnsfailover.db"), c.call, c.fault)
			}
			s.refuses("backup", "input/output error")
			mend()
			s.logs(`msg="state is saved again"`)
			s.remains("primary") // what was refused must not come back
			s.survives("backup")
			if left := s.entries("state"); !slices.Equal(left, []string{"cookie.secret", "dnsfailover.db", "history.db"}) {
				t.Errorf("left in the state directory: %v", left)
			}
		})
	}
}

// TestFault06SlowDisk lets every fsync take 1.5 s. While a switch waits for two of them, another service fails over within its
// bound, and queries are answered as fast as before.
func TestFault06SlowDisk(t *testing.T) {
	t.Parallel()
	need(t, "strace")
	host := newSite(t)
	s := newServer(t, quick+web(plain, host)+`      - {name: backup, addresses: [192.0.2.2]}
  - {name: other, records: [other.example.test], targets: [{name: primary, addresses: [192.0.2.1]}, {name: backup, addresses: [192.0.2.2]}]}
`, "")
	bound := worstCases(t, s)["web"]
	s.start() // the file is there before the disk is slow
	s.stop()
	s.straced("fdatasync,fsync", "fdatasync,fsync:delay_enter=1500000")
	s.wrap = append([]string{"strace", "--seccomp-bpf"}, s.wrap[1:]...) // all other calls at full speed
	s.start()
	s.verdict("web", "primary", "up")
	askFor := func(until func() bool) (p99 time.Duration, answers int) {
		var took []time.Duration
		for !until() {
			begin := time.Now()
			if s.ask("www.example.test", dns.TypeA) == nil {
				t.Error("a query was lost")
			}
			took = append(took, time.Since(begin))
		}
		slices.Sort(took)
		return took[len(took)*99/100], len(took)
	}
	calm := time.Now()
	before, _ := askFor(func() bool { return time.Since(calm) > time.Second })

	switched := make(chan error, 1)
	sent := time.Now()
	client := s.client()
	go func() {
		_, err := client.Switch(t.Context(), "other", api.Switch{Target: "backup", UntilReleased: true})
		switched <- err
	}()
	host.becomes("stopped")
	died := time.Now()
	during, answers := askFor(func() bool {
		got, _ := s.addresses("www.example.test", dns.TypeA)
		return got == served["backup"]
	})
	failover := time.Since(died)
	if got, _ := s.addresses("other.example.test", dns.TypeA); got != served["primary"] {
		t.Errorf("a switch is served before it is stored: %s", got)
	}
	select {
	case err := <-switched:
		t.Fatalf("the switch was done before the failover, after %v: it has not waited for the disk (%v)", time.Since(sent), err)
	default:
	}
	if err := <-switched; err != nil {
		t.Fatal(err)
	}
	stored := time.Since(sent)
	s.serves("other.example.test", served["backup"])
	t.Logf("a switch took %v on the slow disk; meanwhile another service failed over in %v, of a bound of %v; p99 of answers was %v before, and %v of %d then",
		stored.Round(time.Millisecond), failover.Round(time.Millisecond), bound, before.Round(time.Microsecond), during.Round(time.Microsecond), answers)
	if failover > bound {
		t.Errorf("the failover took %v, over its bound of %v", failover, bound)
	}
	if stored < 3*time.Second {
		t.Errorf("the switch took %v: it has not waited for two slow fsyncs", stored)
	}
	if during > 750*time.Millisecond { // half of what one fsync takes; a busy machine is slow too
		t.Errorf("answers had to wait for the disk: p99 is %v", during)
	}
	if late := s.metric(`dnsfailover_probes_late_total{address="` + host.ip + `",service="web",target="primary"}`); late > 0 {
		t.Errorf("%v probes were late", late)
	}
}
