package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"dnsfailover/cmd/dnsfailover/e2e/process"
	"dnsfailover/dnsfailover/api"
)

// events returns what `history -o json` prints with args, which is JSON lines.
func (s *server) events(args ...string) []api.Event {
	s.t.Helper()
	var out []api.Event
	for line := range strings.Lines(s.must(append([]string{"history", "-o", "json"}, args...)...)) {
		var e api.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			s.t.Fatalf("%v: %s", err, line)
		}
		out = append(out, e)
	}
	return out
}

// TestHistoryTellsWhoDidWhat follows an operator over two lives of the server.
func TestHistoryTellsWhoDidWhat(t *testing.T) {
	t.Parallel()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	primary, backup := newSite(t), newSite(t)
	services := quick + web("ttl: {min: 1s, max: 2s}\n    failback: {mode: auto, after: 0s}", primary, backup)
	s := newServer(t, services, "").startPinned()
	s.write("deploy.token", "0123456789abcdef0123456789abcdef\n")
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	begin := time.Now()
	s.must("switch", "web", "backup", "--for", "1h", "--reason", "kernel & co")
	s.must("release", "web")
	good, err := os.ReadFile(s.path("dnsfailover.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s.write("dnsfailover.yaml", "zones: nothing\n")
	if out, code := s.cli("reload"); code != 1 {
		t.Fatalf("exit %d: %s", code, out)
	}
	s.write("dnsfailover.yaml", "tokens: [{name: deploy, file: deploy.token}]\n"+strings.ReplaceAll(string(good), "max: 2s", "max: 3s"))
	s.must("reload")
	primary.becomes("stopped")
	s.serves("www.example.test", backup.ip)
	s.stop()
	s.start()
	s.Signal(syscall.SIGHUP)
	s.wait("the reload is taken down", func() bool { return len(s.events("--kind", "reload")) == 3 })

	tell := func(f *api.Facts) string {
		switch {
		case f == nil:
			return "-"
		case f.Serving != nil && f.Override != nil:
			return *f.Serving + " by override of " + f.Override.Author
		case f.Serving != nil:
			return *f.Serving + strings.Join(f.Answers, ",")
		}
		return f.Verdict
	}
	var acts, selections []string
	last := uint64(0)
	for _, e := range s.events("--since", begin.Format(time.RFC3339Nano)) {
		if e.ID <= last || e.Time.Before(begin) || time.Since(e.Time) < 0 {
			t.Errorf("out of order: %+v", e)
		}
		last = e.ID
		switch {
		case e.Author != "":
			acts = append(acts, fmt.Sprintf("%s by %s: %s [%s>%s]", e.Kind, e.Author, e.Text, tell(e.Before), tell(e.After)))
		case e.Kind == api.EventSelection:
			selections = append(selections, tell(e.Before)+">"+tell(e.After))
		}
	}
	for i, want := range []string{
		`switch by ` + me.Username + `: switched to backup until \S+: kernel & co \[primary` + primary.ip + `>backup by override of ` + me.Username + `\]`,
		`release by ` + me.Username + `: ended the override to backup until \S+: kernel & co \[backup by override of ` + me.Username + `>primary` + primary.ip + `\]`,
		`reload by ` + me.Username + `: refused, the configuration stays: .*dnsfailover.yaml:1:.* \[>-\]`,
		`reload by ` + me.Username + `: service web changed, and 1 more changes \[>\]`,
		`reload by SIGHUP: nothing has changed \[>\]`,
	} {
		if i >= len(acts) {
			t.Errorf("no act number %d, want %s", i, want)
			continue
		}
		matches(t, acts[i], want)
	}
	p, b := "primary"+primary.ip, "backup"+backup.ip
	if want := []string{p + ">" + b, b + ">" + p, p + ">" + b}; !slices.Equal(selections, want) {
		t.Errorf("selections: %q, want %q", selections, want)
	}
	reload := s.events("--kind", "reload")[1]
	if !slices.Equal(reload.Changes, []string{"service web changed", "token deploy added"}) || reload.Before.Config == reload.After.Config || len(reload.After.Config) != 64 {
		t.Errorf("the reload: %+v", reload)
	}
	down := s.events("web", "--kind", "verdict", "--limit", "1")
	if len(down) != 1 || down[0].After.Verdict != "down" || down[0].Check != "web/primary@"+primary.ip || down[0].Before.Verdict != "up" {
		t.Errorf("the last verdict: %+v", down)
	}
	if same := s.events("--check", down[0].Check); len(same) != 2 {
		t.Errorf("the transitions of one check: %+v", same)
	}
	if n := len(s.events("--kind", "started")); n != 2 {
		t.Errorf("%d starts", n)
	}
	matches(t, s.must("history", "--kind", "switch,release"), `TIME +WHAT +SERVICE  BY
`+clockTime+`  switch +web +`+me.Username+` +switched to backup until \S+: kernel & co \(served primary before\)
`+clockTime+`  release +web +`+me.Username+` +ended the override to backup until \S+: kernel & co \(served backup before\)
`)
	out, code := s.cli("history", "wbe")
	if code != 1 {
		t.Errorf("exit %d", code)
	}
	matches(t, out, `dnsfailover: there is no service "wbe", and the history knows nothing of one\n`)
}

// TestHistoryFollows prints what happens while it does, over a restart.
func TestHistoryFollows(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup), "").startPinned()
	s.verdict("web", "backup", "up")
	follow := exec.Command(binary, "history", "--follow", "--kind", "switch,started", "-o", "json")
	follow.Env = append(os.Environ(), "DNSFAILOVER_SOCKET="+s.path("control.sock"))
	var out, errs process.Output
	follow.Stdout, follow.Stderr = &out, &errs
	follow.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = follow.Process.Kill(); _ = follow.Wait() }()
	s.wait("the start is printed", func() bool { return strings.Count(out.String(), "\n") == 1 })
	s.must("switch", "web", "backup", "--for", "1h")
	s.wait("the switch is printed", func() bool { return strings.Count(out.String(), "\n") == 2 })
	s.stop()
	s.wait("it is told that the server is away", func() bool { return errs.String() != "" })
	s.start()
	s.wait("the next start is printed", func() bool { return strings.Count(out.String(), "\n") == 3 })
	if !strings.HasSuffix(errs.String(), "the server answers again\n") {
		t.Errorf("it said: %s", errs.String())
	}
	if err := follow.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := follow.Wait(); err != nil {
		t.Errorf("after ^C: %v", err)
	}
	if n := bytes.Count([]byte(out.String()), []byte(`"kind":"switch"`)); n != 1 {
		t.Errorf("%d switches in:\n%s", n, out.String())
	}
}

// TestADamagedHistoryIsMovedAside flips bits in the file: the server starts, tells, and goes on.
func TestADamagedHistoryIsMovedAside(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup), "").startPinned()
	s.verdict("web", "backup", "up")
	s.must("switch", "web", "backup", "--for", "1h")
	s.stop()
	data, err := os.ReadFile(s.path("state/history.db"))
	if err != nil {
		t.Fatal(err)
	}
	for at := 64; at < len(data); at += 512 {
		data[at] ^= 0x55
	}
	s.write("state/history.db", string(data))
	s.start()
	if problems := strings.Join(s.status().Problems, "\n"); !strings.Contains(problems, "history.db could not be used, since ") {
		t.Errorf("status does not tell: %q", problems)
	}
	if s.service("web").Override == nil {
		t.Error("the override is lost")
	}
	s.must("release", "web")
	if got := s.events("--kind", "release"); len(got) != 1 {
		t.Errorf("the release is not in the history: %+v", got)
	}
}
