package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestFault16ReloadStorm sends 1,000 SIGHUPs a second for three seconds.
func TestFault16ReloadStorm(t *testing.T) {
	t.Parallel()
	host := newSite(t)
	s := newServer(t, quick+web(plain, host)+"      - {name: backup, addresses: [192.0.2.2]}\n", "")
	s.start()
	s.verdict("web", "primary", "up")
	goroutines, files := s.metric("go_goroutines"), s.files()

	const signals = 3000
	var storm sync.WaitGroup
	storm.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for range signals {
			<-tick.C
			s.Signal(syscall.SIGHUP)
		}
	})
	over := make(chan struct{})
	go func() { storm.Wait(); close(over) }()
	begin, answers := time.Now(), 0
	for done := false; !done; answers++ {
		if got, _ := s.addresses("www.example.test", dns.TypeA); got != host.ip {
			t.Fatalf("in the storm www is %q", got)
		}
		select {
		case <-over:
			done = true
		default:
		}
	}
	took := time.Since(begin)
	s.must("reload") // waits for the one under way
	reloads := strings.Count(s.String(), "msg=reloaded")
	if reloads >= signals {
		t.Errorf("%d reloads for %d signals: none were taken together", reloads, signals)
	}
	s.wait("goroutines and files are what they were", func() bool {
		return s.metric("go_goroutines") <= goroutines+3 && s.files() <= files+3
	})
	t.Logf("%d signals in %v made %d reloads; %d answers, all right; goroutines %v before and %v after, files %d and %d",
		signals, took.Round(time.Millisecond), reloads, answers, goroutines, s.metric("go_goroutines"), files, s.files())
	if problems := s.problems(); problems != "" {
		t.Errorf("amiss: %s", problems)
	}
}

// versioned are records that all tell the number of their version.
func versioned(n int) string {
	return fmt.Sprintf("mixed TXT \"%d\" \"of %d\"\nmixed TXT \"%d\" \"again\"\nmixed MX 10 host\nhost A 192.0.2.%d\nhost A 198.51.100.%d\n", n, n, n, n, n)
}

// versionsIn returns the numbers of the versions in a message, each once.
func versionsIn(answer *dns.Msg) (found []string) {
	seen := map[string]bool{}
	for _, rr := range append(answer.Answer, answer.Extra...) {
		version := ""
		switch rr := rr.(type) {
		case *dns.TXT:
			version = rr.Txt[0]
		case *dns.A:
			version = fmt.Sprint(rr.A.To4()[3])
		default:
			continue
		}
		if !seen[version] {
			seen[version] = true
			found = append(found, version)
		}
	}
	return found
}

var (
	perfLost  = regexp.MustCompile(`Queries lost:\s+(\d+)`)
	perfDone  = regexp.MustCompile(`Queries completed:\s+(\d+)`)
	perfCodes = regexp.MustCompile(`Response codes:\s+(.*)`)
	perfRate  = regexp.MustCompile(`Queries per second:\s+([\d.]+)`)
)

// TestFault18ReloadUnderLoad reloads as fast as it goes under 20,000 queries a second: new versions of the zone at first, then a zone
// and a configuration that can't be taken. None of the queries is lost or answered wrongly, and no answer mixes two versions.
func TestFault18ReloadUnderLoad(t *testing.T) {
	t.Parallel()
	need(t, "dnsperf")
	const seconds = 4
	s := newServer(t, twoTargets, versioned(1))
	s.write("queries", "www.example.test A\nmixed.example.test TXT\nmixed.example.test MX\nhost.example.test A\nexample.test SOA\n")
	s.start()
	host, port, _ := strings.Cut(s.dns, ":")
	dropped := bufferDrops(t)
	perf := make(chan string, 1)
	go func() {
		out, err := exec.CommandContext(t.Context(), "dnsperf", "-s", host, "-p", port, "-d", s.path("queries"),
			"-l", strconv.Itoa(seconds), "-Q", "20000", "-q", "100").CombinedOutput()
		if err != nil {
			out = append(out, err.Error()...)
		}
		perf <- string(out)
	}()
	s.wait("the load is there", func() bool { return s.answered() > 1000 })

	stop := make(chan struct{})
	var watching sync.WaitGroup
	watched := 0
	watching.Go(func() {
		for ; ; watched++ {
			select {
			case <-stop:
				return
			default:
			}
			for _, qtype := range []uint16{dns.TypeTXT, dns.TypeMX} {
				if answer := s.ask("mixed.example.test", qtype); answer == nil || len(versionsIn(answer)) != 1 {
					t.Errorf("lost, or of several versions: %v", answer)
					return
				}
			}
		}
	})
	begin, version := time.Now(), 1
	for ; time.Since(begin) < seconds*time.Second/2 && version < 250; version++ {
		s.replace("example.test.zone", zoneHead+versioned(version+1))
		s.reloaded()
	}
	good := s.read("dnsfailover.yaml")
	s.replace("example.test.zone", zoneHead+versioned(251)+"host A 192.0.2.300\n")
	s.reloaded()
	s.toldOf("example.test.zone:")
	s.replace("dnsfailover.yaml", good[:len(good)/2])
	s.Signal(syscall.SIGHUP)
	s.toldOf("dnsfailover.yaml:")
	if got := versionsIn(s.ask("mixed.example.test", dns.TypeTXT)); len(got) != 1 || got[0] != strconv.Itoa(version) {
		t.Errorf("after bad files version %v is served, want %d", got, version)
	}
	out := <-perf
	close(stop)
	watching.Wait()

	figure := func(r *regexp.Regexp) string {
		found := r.FindStringSubmatch(out)
		if found == nil {
			t.Fatalf("dnsperf printed:\n%s", out)
		}
		return found[1]
	}
	t.Logf("%d reloads under %s queries/s: %s queries, %s lost, codes %s; %d answers compared", version-1, figure(perfRate), figure(perfDone), figure(perfLost), figure(perfCodes), 2*watched)
	if lost := figure(perfLost); lost != "0" {
		// dnsperf too loses what it is too slow to read; the kernel counts that.
		dropped = bufferDrops(t) - dropped - int(s.metric(`dnsfailover_dropped_total{reason="overflow"}`))
		t.Logf("the kernel dropped %d datagrams for others than the server", dropped)
		if n, err := strconv.Atoi(lost); err != nil || n > dropped {
			t.Errorf("%s queries were lost:\n%s", lost, out)
		}
	}
	if codes := figure(perfCodes); !strings.HasPrefix(codes, "NOERROR "+figure(perfDone)+" ") {
		t.Errorf("wrong answers: %s", codes)
	}
	if version < 10 {
		t.Errorf("only %d reloads", version-1)
	}
}

// bufferDrops returns how many datagrams the kernel has dropped so far because the receive buffers of sockets were full.
func bufferDrops(t *testing.T) int {
	t.Helper()
	snmp, err := os.ReadFile("/proc/net/snmp")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(snmp)) {
		fields := strings.Fields(line)
		switch at := slices.Index(names, "RcvbufErrors"); {
		case fields[0] != "Udp:":
		case names == nil: // the first of the two lines
			names = fields
		case at > 0:
			n, err := strconv.Atoi(fields[at])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("/proc/net/snmp has no RcvbufErrors")
	return 0
}

// answered returns how many queries were answered with NOERROR.
func (s *server) answered() (sum float64) {
	s.t.Helper()
	_, text := s.get("/metrics")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "dnsfailover_queries_total{") && strings.Contains(line, `rcode="NOERROR"`) {
			n, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndex(line, " "):]), 64)
			if err != nil {
				s.t.Fatal(err)
			}
			sum += n
		}
	}
	return sum
}

// reloaded sends a SIGHUP and returns when the reload has ended.
func (s *server) reloaded() {
	s.t.Helper()
	before := strings.Count(s.String(), "msg=reloaded")
	s.Signal(syscall.SIGHUP)
	s.wait("the reload has ended", func() bool { return strings.Count(s.String(), "msg=reloaded") > before })
}

// toldOf waits until what was not taken, and at which place, is told wherever somebody may look.
func (s *server) toldOf(place string) {
	s.t.Helper()
	told := regexp.MustCompile(`msg="not taken" problem=.*` + regexp.QuoteMeta(place))
	s.wait("the log tells of "+place, func() bool { return told.MatchString(s.String()) })
	_, ready := s.get("/readyz")
	mentions(s.t, "/readyz", ready, place)
	mentions(s.t, "status", s.must("status"), place)
	if ok := s.metric("dnsfailover_reload_success"); ok != 0 {
		s.t.Errorf("dnsfailover_reload_success is %v", ok)
	}
}
