package e2e

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestFault56FilesExhausted lets the server have few open files, and takes all of them with connections to its admin
// address, and then some for DNS.
func TestFault56FilesExhausted(t *testing.T) {
	t.Parallel()
	need(t, "prlimit")
	for _, limit := range []int{64, 256} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			host := newSite(t)
			s := newServer(t, quick+web(plain, host)+"      - {name: backup, addresses: [192.0.2.2]}\n", "")
			s.wrap = []string{"prlimit", fmt.Sprintf("--nofile=%d", limit)}
			s.start()
			s.verdict("web", "primary", "up")
			lacking := `dnsfailover_probes_total{address="` + host.ip + `",result="inconclusive",service="web",target="primary"}`
			before := s.metric(lacking)

			var held []net.Conn
			release := func() {
				for _, c := range held {
					c.Close()
				}
				held = nil
			}
			t.Cleanup(release)
			take := func(address string, n int) {
				t.Helper()
				for range n {
					c, err := net.DialTimeout("tcp", address, patience)
					if err != nil {
						t.Fatal(err)
					}
					held = append(held, c)
				}
			}
			take(s.admin, limit)
			s.wait("all files are taken", func() bool { return s.files() >= limit })
			take(s.dns, 50)
			begin, used, answers := time.Now(), s.processor(), 0
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for ; time.Since(begin) < 3*time.Second; <-tick.C {
				if got, _ := s.addresses("www.example.test", dns.TypeA); got != host.ip {
					t.Fatalf("with no files left, www over UDP is %q", got)
				}
				answers++
			}
			used = s.processor() - used
			if used > 1500*time.Millisecond {
				t.Errorf("it used %v of processor time in 3 s: it spins", used)
			}
			files := s.files()
			release()

			over := dns.Client{Net: "tcp", Timeout: patience}
			if _, _, err := over.Exchange(new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA), s.dns); err != nil {
				t.Errorf("TCP does not come back: %v", err)
			}
			log := s.String()
			for _, complaint := range []string{`msg="TCP connections wait`, `msg="admin connections wait`} {
				if n := strings.Count(log, complaint); n != 1 {
					t.Errorf("the log has %d lines with %s, want one", n, complaint)
				}
			}
			if strings.Contains(log, "verdict=down") {
				t.Error("a target went down because we have no files")
			}
			missed := s.metric(lacking) - before
			if missed == 0 {
				t.Error("no probe lacked a file: the test has not tested that")
			}
			t.Logf("%d of %d files taken: %d answers over UDP, all right; %v of processor time in 3 s; %v probes without a file, verdict still %s; %d lines of log",
				files, limit, answers, used, missed, targetOf(s.service("web"), "primary").Verdict, strings.Count(log, "\n"))
			s.verdict("web", "primary", "up")
		})
	}
}

// TestFault66SendErrors has the system refuse to send answers, for each of the reasons that it may have.
func TestFault66SendErrors(t *testing.T) {
	t.Parallel()
	need(t, "strace")
	s := newServer(t, twoTargets, "")
	s.start()
	query, err := new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Count(s.String(), "\n")
	for _, errno := range []syscall.Errno{syscall.ENOBUFS, syscall.EPERM, syscall.EAGAIN} {
		name := map[syscall.Errno]string{syscall.ENOBUFS: "ENOBUFS", syscall.EPERM: "EPERM", syscall.EAGAIN: "EAGAIN"}[errno]
		before, used, begin := s.metric("dnsfailover_send_errors_total"), s.processor(), time.Now()
		mend := s.inject("sendmmsg", "sendmmsg:error="+name)
		conn, err := net.Dial("udp", s.dns)
		if err != nil {
			t.Fatal(err)
		}
		const queries = 200
		for range queries {
			if _, err := conn.Write(query); err != nil {
				t.Fatal(err)
			}
		}
		counted := 0.0
		s.wait("every refused answer is counted", func() bool {
			counted = s.metric("dnsfailover_send_errors_total") - before
			return counted >= queries
		})
		if counted != queries {
			t.Errorf("%s: %v answers were refused, %d were sent", name, counted, queries)
		}
		used, took := s.processor()-used, time.Since(begin)
		mend()
		t.Logf("%s: %v of %d refused answers counted, %v of processor time in %v", name, counted, queries, used, took.Round(time.Millisecond))
		if answered := s.ask("www.example.test", dns.TypeA); answered == nil {
			t.Errorf("%s: no answer afterwards", name)
		}
		conn.Close()
	}
	if more := strings.Count(s.String(), "\n") - lines; more > 3 {
		t.Errorf("%d lines of log", more)
	}
}
