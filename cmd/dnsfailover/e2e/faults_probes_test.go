package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// fleet is a configuration of n services that have a target at one of the addresses 127.77/16 each, and a backup that nobody checks.
func fleet(n int, check string) string {
	var out strings.Builder
	out.WriteString("services:\n")
	for i := range n {
		fmt.Fprintf(&out, "  - {name: s%d, records: [w%d.example.test], targets: [{name: primary, addresses: [127.77.%d.%d], check: %s}, {name: backup, addresses: [192.0.2.2]}]}\n",
			i, i, i/200, i%200+1, check)
	}
	return out.String()
}

// listenWide accepts connections at all addresses of this host until the test ends, and has talk answer each.
func listenWide(t *testing.T, talk func(net.Conn)) (port int) {
	t.Helper()
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				talk(conn)
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// memory returns how much of the server is in memory, in KiB.
func (s *server) memory() int {
	s.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// started returns how many probes the server has started.
func (s *server) started() float64 { return s.metric("dnsfailover_probe_lateness_seconds_count") }

// left returns how many turns of probes were left out.
func (s *server) left() (sum float64) {
	s.t.Helper()
	_, metrics := s.get("/metrics")
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, "dnsfailover_probes_shed_total{") {
			n, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]), 64)
			if err != nil {
				s.t.Fatal(err)
			}
			sum += n
		}
	}
	return sum
}

// TestReloadsLeakNothing reloads 100 times a server with 200 checks that all change each time, so that every probe under way is cut short.
func TestReloadsLeakNothing(t *testing.T) {
	t.Parallel()
	const n, reloads = 200, 100
	port := listenWide(t, func(conn net.Conn) {
		if _, err := conn.Read(make([]byte, 512)); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	config := func(version int) string {
		return quick + fleet(n, fmt.Sprintf(`{http: "http://www.example.test:%d/%d", interval: 1s}`, port, version%2))
	}
	s := newServer(t, config(0), "")
	s.start()
	s.wait("all are probed", func() bool { return s.started() >= 2*n })
	goroutines, files, memory := s.metric("go_goroutines"), s.files(), s.memory()
	begin := time.Now()
	for i := range reloads {
		s.replace("dnsfailover.yaml", listen+config(i+1))
		s.reloaded()
	}
	took := time.Since(begin).Round(time.Millisecond)
	before := s.started()
	s.wait("all are probed still", func() bool { return s.started() >= before+2*n })
	s.wait("goroutines and files are what they were", func() bool {
		return s.metric("go_goroutines") <= goroutines+5 && s.files() <= files+5
	})
	t.Logf("%d reloads of %d checks in %v: goroutines %v before and %v after, files %d and %d, memory %d MiB and %d MiB", reloads, n, took,
		goroutines, s.metric("go_goroutines"), files, s.files(), memory>>10, s.memory()>>10)
	if problems := s.problems(); problems != "" {
		t.Errorf("amiss: %s", problems)
	}
}

// TestFault39AllChecksFlap has 300 checks get a good and a bad answer in turn, where four bad ones in a row are wanted, so that one which comes too late
// does no harm: nothing moves, and the disk is left alone.
func TestFault39AllChecksFlap(t *testing.T) {
	t.Parallel()
	need(t, "strace")
	const n = 300
	var mu sync.Mutex
	turn := map[string]int{}
	port := listenWide(t, func(conn net.Conn) {
		if _, err := conn.Read(make([]byte, 512)); err != nil {
			return
		}
		at, _, _ := net.SplitHostPort(conn.LocalAddr().String())
		mu.Lock()
		turn[at]++
		good := turn[at] < 4 || turn[at]%2 == 0
		mu.Unlock()
		answer := "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"
		if good {
			answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
		}
		_, _ = io.WriteString(conn, answer)
	})
	s := newServer(t, "defaults: {check: {interval: 2s, timeout: 1900ms, fall: 4, rise: 2, recheck: 300ms}}\n"+fleet(n, fmt.Sprintf(`{http: "http://www.example.test:%d/"}`, port)), "")
	s.start()
	up := func() (n int) {
		for _, service := range s.status().Services {
			if service.Serving == "primary" && targetOf(service, "primary").Verdict == "up" {
				n++
			}
		}
		return n
	}
	s.wait("all are up", func() bool { return up() == n })
	s.wait("all have begun to flap", func() bool { return s.started() > 6*n })
	s.saved()
	trace := exec.Command("strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-p", fmt.Sprint(s.Cmd.Process.Pid))
	var writes process.Output
	trace.Stderr = &writes
	if err := trace.Start(); err != nil {
		t.Fatal(err)
	}
	before, used, begin := s.started(), s.processor(), time.Now()
	s.wait("five seconds have passed", func() bool { return time.Since(begin) > 5*time.Second })
	used, took, probes := s.processor()-used, time.Since(begin), s.started()-before
	_ = trace.Process.Signal(os.Interrupt)
	_ = trace.Wait()
	synced := strings.Count(writes.String(), "sync(")
	if got := up(); got != n {
		t.Errorf("%d of %d are up and served", got, n)
	}
	if changes := strings.Count(s.String(), `msg="selection changed"`); changes > 2*n {
		t.Errorf("%d changes of selections", changes)
	}
	if synced > 4*(int(took.Seconds())+1) { // two for each write, of the state and of the history
		t.Errorf("the disk was written to %d times in %v", synced, took)
	}
	t.Logf("%v probes in %v, half of them failed: no verdict moved, %d syncs, %v of processor time", probes, took.Round(time.Millisecond), synced, used)
}

// TestFault40AllChecksTimeOut has 300 checks never get an answer, with files enough and with few: the schedule keeps its rate as far as there is
// room, and files stay within the limit.
func TestFault40AllChecksTimeOut(t *testing.T) {
	t.Parallel()
	need(t, "prlimit")
	const n = 300
	port := listenWide(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	for _, limit := range []int{4096, 200} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			s := newServer(t, `defaults: {check: {interval: 1s, timeout: 500ms, fall: 2, rise: 2, recheck: 500ms}}`+"\n"+
				fleet(n, fmt.Sprintf(`{http: "http://www.example.test:%d/"}`, port)), "")
			s.wrap = []string{"prlimit", fmt.Sprintf("--nofile=%d", limit)}
			s.start()
			s.wait("all are down", func() bool {
				down := 0
				for _, service := range s.status().Services {
					if targetOf(service, "primary").Verdict == "down" {
						down++
					}
				}
				return down == n
			})
			before, shed, begin, most := s.started(), s.left(), time.Now(), 0
			s.wait("four seconds have passed", func() bool {
				most = max(most, s.files())
				return time.Since(begin) > 4*time.Second
			})
			rate := (s.started() - before) / time.Since(begin).Seconds()
			shed = s.left() - shed
			room := min(n, float64(limit/2)*2) // half of the files, each for half a second
			if most > limit/2+40 {
				t.Errorf("%d files of %d", most, limit)
			}
			if rate < 0.7*room || rate > 1.2*n {
				t.Errorf("%.0f probes a second, want %.0f", rate, room)
			}
			t.Logf("%d checks time out with %d files: %.0f probes/s, %v turns left out, %d files open at most", n, limit, rate, shed, most)
		})
	}
}

// TestFault43HalfOfThePacketsAreLost loses every second packet to the primary: the verdict goes by its threshold, and each time it was left the service stays
// away for as long as it is held down.
func TestFault43HalfOfThePacketsAreLost(t *testing.T) {
	t.Parallel()
	need(t, "iptables")
	const after = 4 * time.Second
	c := newCable(t)
	c.listenAt("10.204.0.1")
	c.listenAt("10.204.0.2")
	s := c.serve(serverAt, quick+`services:
  - name: web
    records: [www.example.test]
    failback: {mode: auto, after: 4s, hold_down: {max: 1m}}
    targets:
      - {name: primary, addresses: [10.204.0.1], check: {tcp: ":80"}}
      - {name: backup, addresses: [10.204.0.2], check: {tcp: ":80"}}
`, "")
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	c.ip("netns", "exec", c.clients, "iptables", "-A", "INPUT", "-d", "10.204.0.1", "-p", "tcp", "-m", "statistic", "--mode", "random", "--probability", "0.5", "-j", "DROP")
	begin := time.Now()
	s.wait("the primary is left", func() bool { return s.service("web").Serving == "backup" })
	s.wait("twelve seconds have passed", func() bool { return time.Since(begin) > 12*time.Second })
	var left time.Time
	moves, verdicts := 0, len(s.events("web", "--kind", "verdict"))
	for _, e := range s.events("web", "--kind", "selection", "--since", begin.UTC().Format(time.RFC3339Nano)) {
		moves++
		switch *e.After.Serving {
		case "backup":
			left = e.Time
		case "primary":
			if away := e.Time.Sub(left); away < after {
				t.Errorf("back at the primary after %v", away)
			}
		}
	}
	if most := 1 + 2*int(time.Since(begin)/after); moves > most {
		t.Errorf("%d moves, want %d at most", moves, most)
	}
	t.Logf("in %v with half of the packets lost: %d verdicts, %d moves", time.Since(begin).Round(time.Millisecond), verdicts, moves)
}

// TestFault44SlowByThreeSeconds has a proxy hold back each answer for three seconds: that is down or up as the timeout has it.
func TestFault44SlowByThreeSeconds(t *testing.T) {
	t.Parallel()
	host := newSite(t)
	const delay = 3 * time.Second
	proxied := listenWide(t, func(conn net.Conn) {
		far, err := net.Dial("tcp", net.JoinHostPort(host.ip, fmt.Sprint(host.port)))
		if err != nil {
			return
		}
		defer far.Close()
		go func() { _, _ = io.Copy(far, conn) }()
		answer, _ := io.ReadAll(far)
		begin := time.NewTimer(delay)
		<-begin.C
		_, _ = conn.Write(answer)
	})
	host.host = fmt.Sprintf("www.example.test:%d", proxied)
	ip := newIP()
	target := func(service, timeout string) string {
		return fmt.Sprintf(`  - name: %s
    records: [%s.example.test]
    targets:
      - {name: primary, addresses: [%s], check: {http: "http://%s/health", interval: 5s, timeout: %s, fall: 1, rise: 1}}
      - {name: backup, addresses: [192.0.2.2]}
`, service, service, ip, host.host, timeout)
	}
	s := newServer(t, "services:\n"+target("patient", "4s")+target("hasty", "2s"), "")
	s.start()
	s.verdict("patient", "primary", "up")
	s.verdict("hasty", "primary", "down")
	patient, hasty := s.service("patient"), s.service("hasty")
	if patient.Serving != "primary" || hasty.Serving != "backup" {
		t.Errorf("serving %s and %s", patient.Serving, hasty.Serving)
	}
	slow := targetOf(patient, "primary").Addresses[0]
	if slow.LatencyMS < 3000 || slow.LatencyMS > 4000 {
		t.Errorf("it took %v ms", slow.LatencyMS)
	}
	reason := targetOf(hasty, "primary").Addresses[0].LastResult
	if reason != "no complete answer within 2s (waited for the first byte)" {
		t.Errorf("the reason is %q", reason)
	}
	t.Logf("with 4s: up after %v ms; with 2s: %s", slow.LatencyMS, reason)
}

// TestProbesFromASourceAddressDontUseUpItsPorts lets the system have 20 ports, and 200 targets be probed from one address: a port serves for many
// targets. `dnsfailover probe` goes by the source too.
func TestProbesFromASourceAddressDontUseUpItsPorts(t *testing.T) {
	t.Parallel()
	const n = 200
	c := newCable(t)
	c.ip("-n", c.clients, "route", "add", "local", "10.205.0.0/24", "dev", "lo")
	var l net.Listener
	var mu sync.Mutex
	from := map[string]int{}
	c.at(func() (err error) {
		l, err = net.Listen("tcp", "0.0.0.0:80")
		return err
	})
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			at, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
			mu.Lock()
			from[at]++
			mu.Unlock()
			go func() { // the prober closes first, and its end keeps the port for a minute
				_, _ = io.Copy(io.Discard, conn)
				conn.Close()
			}()
		}
	}()
	c.set(c.server, "ip_local_port_range", "40000 40019")
	config := strings.ReplaceAll(fleet(n, `{tcp: ":80", source: 10.203.0.3}`), "127.77.0.", "10.205.0.")
	s := c.serve(serverAt, quick+config, "")
	s.wait("all are up", func() bool {
		for _, service := range s.status().Services {
			if targetOf(service, "primary").Verdict != "up" {
				return false
			}
		}
		return true
	})
	came := func() int {
		mu.Lock()
		defer mu.Unlock()
		return from["10.203.0.3"]
	}
	begin := came()
	s.wait("all are probed again", func() bool { return came() > begin+2*n })
	for _, service := range s.status().Services {
		if got := targetOf(service, "primary").Addresses[0].LastResult; got != "connected" {
			t.Fatalf("%s: %s", service.Name, got)
		}
	}
	out, err := exec.Command("ip", "netns", "exec", c.server, binary, "probe", "s0", "--config", s.path("dnsfailover.yaml")).CombinedOutput()
	if err != nil {
		t.Errorf("probe: %v", err)
	}
	mentions(t, "probe", string(out), "tcp 10.205.0.1:80, from 10.203.0.3", "OK: connected")
	mu.Lock()
	defer mu.Unlock()
	if len(from) != 1 || from["10.203.0.3"] == 0 {
		t.Errorf("they came from %v", from)
	}
}
