package checks

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// script writes a program for a test.
func script(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "check")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExecProbeJudgesAsPluginsMeanIt(t *testing.T) {
	for _, test := range []struct {
		name, text       string
		ok, inconclusive bool
		want, warning    string
	}{
		{"0", "echo 'OK - all well|time=0.01s;1;2'\necho more", true, false, "OK - all well", ""},
		{"0, silent", "", true, false, "exit code 0", ""},
		{"1", "echo WARNING: disk is filling; exit 1", true, false, "WARNING: disk is filling", "WARNING: disk is filling"},
		{"2", "echo CRITICAL: gone; exit 2", false, false, "CRITICAL: gone", ""},
		{"2, silent", "exit 2", false, false, "exit code 2", ""},
		{"2, on stderr", "echo gone >&2; exit 2", false, false, "gone", ""},
		{"3", "echo cannot tell; exit 3", false, true, "it can't tell (exit code 3): cannot tell", ""},
		{"127", "nosuchcommand", false, true, "it failed itself (exit code 127): ", ""},
		{"a signal", "kill -TERM $$", false, true, "ended by a signal (terminated)", ""},
		{"hostile output", `printf '\033[2J\n'; exit 2`, false, false, "?[2J", ""},
		{"blank lines first", `printf '\n\n  OK\n'`, true, false, "OK", ""},
		{"arguments", `test "$2" = 'a b; $(rm -rf /)' && echo "$1 $DNSFAILOVER_ADDRESS" `, true, false, "-H2001:db8::1 2001:db8::1", ""},
		{"stdin is empty", `read line || echo nothing`, true, false, "nothing", ""},
		{"a full disk (fault 38)", `exec 2>/dev/null; echo state >/dev/full || { echo disk full; exit 3; }`, false, true, "it can't tell (exit code 3): disk full", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &ExecProbe{Argv: []string{script(t, test.text), "-H{address}", "a b; $(rm -rf /)"}, Address: netip.MustParseAddr("2001:db8::1")}
			r := run(t, p, patience)
			if r.OK != test.ok || r.Inconclusive != test.inconclusive || !strings.HasPrefix(r.Reason, test.want) || r.Warning != test.warning {
				t.Errorf("got %+v\nwant %+v", r, test)
			}
		})
	}
	p := &ExecProbe{Argv: []string{"/does/not/exist", "hunter2hunter2"}}
	if r := run(t, p, patience); r.OK || !r.Inconclusive || r.Reason != "/does/not/exist can't be run: no such file or directory" {
		t.Errorf("a program that isn't there: %+v", r)
	}
	if strings.Contains(p.String()+Describe(p), "hunter2") {
		t.Errorf("arguments are shown: %s", p)
	}
}

func TestAProgramGetsNothingOfOurEnvironment(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/systemd/notify")
	t.Setenv("SECRET", "hunter2")
	r := run(t, &ExecProbe{Argv: []string{script(t, "env")}, Address: netip.MustParseAddr("192.0.2.1")}, patience)
	seen := strings.Join(r.Seen, "\n")
	if !strings.Contains(seen, "stdout: DNSFAILOVER_ADDRESS=192.0.2.1") || strings.Contains(seen, "hunter2") || strings.Contains(seen, "NOTIFY") {
		t.Errorf("seen:\n%s", seen)
	}
}

// Fault 38: what a program leaves running is killed with it, and none of it stays behind as a zombie of ours.
func TestAProgramIsKilledWithAllItStarted(t *testing.T) {
	for _, test := range []struct {
		name, text string
		limit      time.Duration
		want       string
	}{
		{"a hang", "echo $$ > $2; echo waiting; sleep 1000 & echo $! >> $2; wait", time.Second / 2, "killed: not done within 500ms: waiting"},
		{"one that ignores signals", "trap '' TERM INT HUP; echo $$ > $2; while :; do sleep 1; done", time.Second / 2, "killed: not done within 150ms"},
		{"a daemon that is left behind", "sleep 1000 & echo $! > $2; echo done", patience, "done"},
		{"a daemon that left the group keeps the output", "setsid sleep 2 & echo done", patience, "done"},
		{"too many processes", "i=0; while [ $i -lt 200 ]; do sleep 1000 & echo $! >> $2; i=$((i+1)); done; wait", time.Second, "killed: not done within 1s"},
		{"a flood", "echo $$ > $2; echo much; exec yes", patience, "killed: it printed more than 64 KiB: much"},
		{"a flood on stderr", "echo $$ > $2; exec yes >&2", patience, "killed: it printed more than 64 KiB: y"},
		{"a flood that ignores a closed pipe", "trap '' PIPE; echo $$ > $2; while :; do echo much; done 2>/dev/null", patience, "killed: it printed more than 64 KiB: much"},
	} {
		t.Run(test.name, func(t *testing.T) {
			pids := filepath.Join(t.TempDir(), "pids")
			p := &ExecProbe{Argv: []string{script(t, test.text), "", pids}, Address: netip.MustParseAddr("192.0.2.1")}
			begin := time.Now()
			r := run(t, p, test.limit)
			if got := within.ReplaceAllString(r.Reason, "within …"); got != within.ReplaceAllString(test.want, "within …") {
				t.Errorf("got %+v, want %q", r, test.want)
			}
			if took := time.Since(begin); took > test.limit+10*time.Second {
				t.Errorf("it took %s", took)
			}
			list, _ := os.ReadFile(pids)
			for _, text := range strings.Fields(string(list)) {
				pid, _ := strconv.Atoi(text)
				if !gone(pid) {
					t.Errorf("process %d is still there", pid)
				}
			}
		})
	}
}

// within is a limit in a reason, which is what was left of it when the probe began.
var within = regexp.MustCompile(`within [0-9.]+m?s`)

// gone waits until a process has been killed; its parent, or init, may still have to notice.
func gone(pid int) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if runtime.GOOS != "linux" {
			err = syscall.Kill(pid, 0)
		}
		if err != nil {
			return true
		}
		_, state, _ := strings.Cut(string(stat), ") ")
		var parent int
		fmt.Sscanf(state, "Z %d", &parent)
		if strings.HasPrefix(state, "Z") && parent != os.Getpid() {
			return true // killed, and no child of ours
		}
		<-tick.C
	}
	return false
}

// No more than 32 programs run at once; who gets no place in time has learned nothing.
func TestProgramsAreBoundedInNumber(t *testing.T) {
	dir := t.TempDir()
	p := &ExecProbe{Argv: []string{script(t, "touch "+dir+"/$$; sleep 1000")}, Address: netip.MustParseAddr("192.0.2.1")}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range maxPrograms {
		wg.Go(func() { p.Run(ctx) })
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); ; <-tick.C {
		if entries, _ := os.ReadDir(dir); len(entries) == maxPrograms {
			break
		}
		if time.Since(begin) > patience {
			t.Fatal("they never all run")
		}
	}
	if r := run(t, p, hasty); !r.Inconclusive || r.Reason != "32 other programs were running all the time: no more run at once" {
		t.Errorf("one more: %+v", r)
	}
	cancel()
	wg.Wait()
	if r := run(t, &ExecProbe{Argv: []string{script(t, "echo ok")}, Address: netip.MustParseAddr("192.0.2.1")}, patience); !r.OK {
		t.Errorf("afterwards: %+v", r)
	}
}
