package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// token is a secret that a test plants.
const pushToken = "push-0123456789abcdef"

// A target that reports in is up while it does, and down when it is silent or says so; a restart and a reload are no silence.
func TestATargetReportsIn(t *testing.T) {
	t.Parallel()
	s := newServer(t, `defaults: {check: {interval: 300ms, timeout: 200ms, fall: 2, rise: 2, recheck: 300ms}}
services:
  - name: web
    records: [www.example.test]
    ttl: {min: 1s, max: 5s}
    failback: {mode: auto, after: 0s}
    targets:
      - {name: primary, addresses: [192.0.2.1], check: {push: {file: primary.token}, max_age: 6s}}
      - {name: backup, addresses: [192.0.2.2], check: {push: {file: backup.token}, max_age: 744h}}
`, "")
	s.write("primary.token", pushToken+"\n")
	s.write("backup.token", "another-0123456789abc\n")
	s.start()
	report := func(want int, target, token, body string) {
		t.Helper()
		headers := []string{"Authorization: Bearer " + token}
		if body != "" {
			headers = append(headers, "Content-Type: application/json")
		}
		if status, _, answer := s.http("POST", "/api/v1/push/web/"+target, body, headers...); status != want {
			t.Errorf("a report of %s got %d, want %d: %s", target, status, want, answer)
		}
	}
	last := func() string { return targetOf(s.service("web"), "primary").Addresses[0].LastResult }
	s.wait("silence at the start is told", func() bool { return strings.HasPrefix(last(), "no report yet") })
	if got := targetOf(s.service("web"), "primary").Verdict; got != "unknown" {
		t.Errorf("at the start it is %s", got)
	}
	report(401, "primary", "another-0123456789abc", "")
	report(401, "primary", "wrong", "")
	report(401, "third", pushToken, "")
	report(204, "backup", "another-0123456789abc", "")
	report(204, "primary", pushToken, `{"reason": "backup of 3 GB done"}`)
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	if got := last(); !strings.HasSuffix(got, ": backup of 3 GB done") {
		t.Errorf("the reason is %q", got)
	}

	report(204, "primary", pushToken, `{"status": "down", "reason": "disk full"}`)
	s.verdict("web", "primary", "down")
	s.serves("www.example.test", "192.0.2.2")
	report(204, "primary", pushToken, "")
	s.serves("www.example.test", "192.0.2.1")

	// A restart: nothing is known of reports, and the verdict stays until silence means something.
	s.saved()
	s.Kill()
	s.start()
	begin := time.Now()
	s.wait("silence is told again", func() bool { return strings.HasPrefix(last(), "no report yet") })
	for time.Since(begin) < 4*time.Second {
		if got, _ := s.addresses("www.example.test", 1); got != "192.0.2.1" {
			t.Fatalf("%v after the restart, %s is served", time.Since(begin), got)
		}
	}
	report(204, "primary", pushToken, "")
	s.must("reload")
	if got := last(); strings.HasPrefix(got, "no report yet") {
		s.wait("the reload has kept the report", func() bool { return strings.HasPrefix(last(), "reported ") })
	}
	// Over the socket, a report needs no token.
	if out, err := exec.Command("curl", "-fsS", "--unix-socket", s.path("control.sock"), "-X", "POST", "http://localhost/api/v1/push/web/primary").CombinedOutput(); err != nil {
		t.Errorf("over the socket: %v %s", err, out)
	}
	reported := time.Now()
	s.serves("www.example.test", "192.0.2.2")
	if silence := time.Since(reported); silence < 6*time.Second {
		t.Errorf("%v of silence were enough to fail over", silence)
	}
}

// Programs and files of this host are checks too; a warning is shown, and no failure.
func TestProgramsAndFilesAreChecks(t *testing.T) {
	t.Parallel()
	s := newServer(t, `defaults: {check: {interval: 300ms, timeout: 250ms, fall: 2, rise: 2, recheck: 300ms}}
services:
  - name: web
    records: [www.example.test]
    ttl: {min: 1s, max: 5s}
    failback: {mode: auto, after: 0s}
    targets:
      - {name: primary, addresses: [192.0.2.1], check: {exec: [./check, "{address}"]}}
      - {name: backup, addresses: [192.0.2.2], check: {file: health, max_age: 1h, expect: up}}
`, "")
	s.write("health", "up\n")
	s.write("check", "#!/bin/sh\ncat "+s.path("says")+" && exit $(cat "+s.path("code")+")\n")
	if err := os.Chmod(s.path("check"), 0o700); err != nil {
		t.Fatal(err)
	}
	program := func(code int, says string) {
		s.replace("says", says+"\n")
		s.replace("code", fmt.Sprintln(code))
	}
	program(0, "OK - all well|time=1")
	s.start()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	primary := func() (string, string) {
		a := targetOf(s.service("web"), "primary").Addresses[0]
		return a.LastResult, a.Warning
	}
	if said, _ := primary(); said != "OK - all well" {
		t.Errorf("it says %q", said)
	}
	program(1, "WARNING - disk is 91% full")
	s.wait("the warning is shown", func() bool { _, warning := primary(); return warning == "WARNING - disk is 91% full" })
	if out := s.must("status"); !strings.Contains(out, "warning: WARNING - disk is 91% full") {
		t.Errorf("status shows\n%s", out)
	}
	if s.metric(`dnsfailover_check_warning{address="192.0.2.1",service="web",target="primary"}`) != 1 {
		t.Error("no metric tells of it")
	}
	program(3, "UNKNOWN - the plugin is confused")
	s.wait("what can't tell is shown", func() bool {
		said, _ := primary()
		return strings.HasPrefix(said, "it can't tell (exit code 3): UNKNOWN")
	})
	if got := targetOf(s.service("web"), "primary"); got.Verdict != "up" {
		t.Errorf("a program that can't tell took the target %s", got.Verdict)
	}
	program(2, "CRITICAL - gone")
	s.serves("www.example.test", "192.0.2.2")
	program(0, "OK")
	s.serves("www.example.test", "192.0.2.1")
	s.replace("health", "down for repair\n")
	s.verdict("web", "backup", "down")
	if got := targetOf(s.service("web"), "backup").Addresses[0].LastResult; got != `does not contain "up": down for repair` {
		t.Errorf("the file's reason is %q", got)
	}
}

// Fault 38: a full disk under a program: it says so itself, and the server goes on.
func TestFault38AFullDiskUnderAProgram(t *testing.T) {
	t.Parallel()
	needRoot(t)
	s := newServer(t, `defaults: {check: {interval: 300ms, timeout: 250ms, fall: 2, rise: 2, recheck: 300ms}}
services:
  - {name: web, records: [www.example.test], targets: [{name: a, addresses: [192.0.2.1], check: {exec: [./check]}}, {name: b, addresses: [192.0.2.2]}]}
`, "")
	s.disk("full", "size=64k")
	s.write("check", "#!/bin/sh\nstate="+s.path("full")+"/state.$$\ntrap 'rm -f $state' EXIT\n(date > $state) 2>/dev/null || { echo UNKNOWN: cannot write; exit 3; }\necho written\n")
	if err := os.Chmod(s.path("check"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.verdict("web", "a", "up")
	free := s.fillUp("full")
	s.wait("it says so", func() bool {
		return strings.HasSuffix(targetOf(s.service("web"), "a").Addresses[0].LastResult, ": UNKNOWN: cannot write")
	})
	if got := targetOf(s.service("web"), "a").Verdict; got != "up" {
		t.Errorf("it is %s", got)
	}
	free()
	s.wait("it goes on", func() bool { return targetOf(s.service("web"), "a").Addresses[0].LastResult == "written" })
}
