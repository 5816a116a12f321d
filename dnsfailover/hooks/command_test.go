package hooks

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dnsfailover/dnsfailover/api"
)

// script writes a program for sh and returns its path.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func runScript(t *testing.T, timeout time.Duration, e api.Event, text string, args ...string) *failure {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return command{append([]string{script(t, text)}, args...)}.deliver(ctx, e)
}

// TestACommandGetsTheFacts in its environment, where text of others may be anything, and on its input.
func TestACommandGetsTheFacts(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/secret")
	dir := t.TempDir()
	e := event(7, api.EventSelection)
	e.Text, e.Author, e.Planned = "a $(touch x)\x00\n'b'", "ann", true
	if failed := runScript(t, time.Minute, e, `env > "$1/env"; cat > "$1/in"; printf '%s' "$2" > "$1/arg"`, dir, "$HOME *"); failed != nil {
		t.Fatalf("%+v", failed)
	}
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	env := read("env")
	for _, want := range []string{
		"DNSFAILOVER_ID=7\n", "DNSFAILOVER_KIND=selection\n", "DNSFAILOVER_SERVICE=web\n", "DNSFAILOVER_FROM=primary\n", "DNSFAILOVER_TO=backup\n",
		"DNSFAILOVER_RULE=verdicts\n", "DNSFAILOVER_REASON=primary is down\n", "DNSFAILOVER_PLANNED=true\n", "DNSFAILOVER_AUTHOR=ann\n",
		"DNSFAILOVER_TEXT=a $(touch x)\n'b'\n", "DNSFAILOVER_TIME=" + e.Time.Format(time.RFC3339Nano) + "\n", "PATH=",
	} {
		if !strings.Contains(env, want) {
			t.Errorf("no %q in\n%s", want, env)
		}
	}
	if strings.Contains(env, "NOTIFY_SOCKET") {
		t.Error("the environment of the server has leaked")
	}
	var got api.Event
	if err := json.Unmarshal([]byte(read("in")), &got); err != nil || got.Text != e.Text || !got.Planned {
		t.Errorf("%v, %+v", err, got)
	}
	if arg := read("arg"); arg != "$HOME *" {
		t.Errorf("the argument arrived as %q", arg)
	}
}

// TestWhatCommandsDoWrong: each fails once, with what the command said, and leaves no process behind.
func TestWhatCommandsDoWrong(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	for name, c := range map[string]struct{ text, want string }{
		"fails":           {"echo no room >&2; echo more; exit 3", "hook: exit status 3: no room"},
		"hangs":           {"echo asleep; sleep 100", "hook was killed: it had not ended in time: asleep"},
		"ignores TERM":    {"trap '' TERM INT; while :; do sleep 100; done", "hook was killed: it had not ended in time"},
		"kills itself":    {"kill -9 $$", "hook: signal: killed"},
		"floods":          {"yes; exit 1", "hook was killed: it had not ended in time: y"},
		"reads nothing":   {"exit 0", ""},
		"leaves a child":  {"sleep 100 & echo $! > " + pid + "; exit 0", ""},
		"closes its ears": {"exec <&- >&- 2>&-; exit 0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			failed := runScript(t, time.Second, event(1, api.EventSelection), c.text)
			if took := time.Since(begin); took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
			switch {
			case c.want == "" && failed != nil, c.want != "" && (failed == nil || failed.again || !strings.HasSuffix(failed.reason, c.want)):
				t.Errorf("%+v, want %q", failed, c.want)
			}
		})
	}
	data, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if stat, err := os.ReadFile("/proc/" + strconv.Itoa(child) + "/stat"); err == nil && !strings.Contains(string(stat), ") Z ") {
		t.Errorf("the child lives: %s (%v)", stat, syscall.Kill(child, 0))
	}
	if failed := (command{[]string{"/nowhere/hook"}}).deliver(t.Context(), event(1, api.EventSelection)); failed == nil || failed.reason != "/nowhere/hook can't be run: no such file or directory" {
		t.Errorf("%+v", failed)
	}
}
