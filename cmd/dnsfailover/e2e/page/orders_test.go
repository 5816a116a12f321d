package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAStopOutlivesChangesOfTheConfiguration: names in another order, a restart, and the host's removal, of which status tells until it is forgotten.
func TestAStopOutlivesChangesOfTheConfiguration(t *testing.T) {
	t.Parallel()
	site := origin(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the site") })
	hosts := func(names string) string {
		return listen + "hosts: [{names: [" + names + "], normally: primary, primary: {addresses: [\"" + site + "\"]}}]\n"
	}
	h := begin(t, hosts("www.example.com, example.com"), nil)
	ask := func(name string) string { return curl(t, "-H", "Host: "+name, "http://"+h.http+"/").status }
	if status := ask("example.com"); status != "200" {
		t.Fatalf("open to all, it answers %s", status)
	}
	h.tell("stop", "example.com", "--message", "new disks")
	stopped := func(what string) {
		t.Helper()
		for _, name := range []string{"www.example.com", "example.com"} {
			if status := ask(name); status != "503" {
				t.Errorf("%s: %s answers %s", what, name, status)
			}
		}
	}
	stopped("stopped")
	h.reload(hosts("example.com, www.example.com"))
	stopped("reordered")
	if err := h.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-h.Exit
	h.run(h.command("page", "--config", "page.yaml"))
	stopped("restarted")

	h.reload(hosts("other.example.com"))
	const lost = "but no host has that name any more"
	if out := h.status(); !strings.Contains(out, "problem: www.example.com was told to stop by ") || !strings.Contains(out, lost) {
		t.Errorf("status says\n%s", out)
	}
	if !strings.Contains(h.String(), lost) {
		t.Error("the log doesn't say that an order has no host any more")
	}
	h.reload(hosts("example.com, www.example.com"))
	stopped("given back")
	h.reload(hosts("other.example.com"))
	if out := h.tell("forget", "example.com"); out != "www.example.com: gone (no host has that name)\n" {
		t.Errorf("forget says %q", out)
	}
	if out := h.status(); strings.Contains(out, "problem") {
		t.Errorf("status says\n%s", out)
	}
	h.reload(hosts("example.com, www.example.com"))
	if status := ask("example.com"); status != "200" {
		t.Errorf("forgotten, it answers %s", status)
	}
}

// TestAPauseEnds by itself, with which who waits is passed on; status tells of the end beforehand, for people and programs.
func TestAPauseEnds(t *testing.T) {
	t.Parallel()
	site := origin(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the site") })
	h := begin(t, listen+"hosts: [{names: [www.example.com], normally: primary, hold: {for: 1m}, primary: {addresses: [\""+site+"\"]}}]\n", nil)
	status := func() (mode, because string, until *time.Time) {
		t.Helper()
		var page struct {
			Version  string
			Problems []string
			Sites    []struct {
				Name, Mode, Because string
				Until               *time.Time
			}
		}
		out := h.tell("status", "-o", "json")
		if err := json.Unmarshal([]byte(out), &page); err != nil || page.Version == "" || page.Problems == nil || len(page.Sites) != 2 || page.Sites[0].Name != "www.example.com" {
			t.Fatalf("%v:\n%s", err, out)
		}
		return page.Sites[0].Mode, page.Sites[0].Because, page.Sites[0].Until
	}
	begun := time.Now()
	if out := h.tell("pause", "www.example.com", "--for", "3s"); !strings.Contains(out, " until "+begun.UTC().Format("2006-01-02T")) {
		t.Errorf("pause says %q", out)
	}
	if mode, because, _ := status(); mode != "paused" || !strings.Contains(because, " until ") {
		t.Errorf("it is %s, because %s", mode, because)
	}
	if r := curl(t, "-H", "Host: www.example.com", "http://"+h.http+"/"); r.status != "200" || time.Since(begun) < 3*time.Second {
		t.Errorf("who waits gets %s after %v", r.status, time.Since(begun))
	}
	if mode, because, _ := status(); mode != "open" || because != "normally: primary" {
		t.Errorf("it is %s, because %s", mode, because)
	}

	end := time.Now().Add(2 * time.Hour).Truncate(time.Second)
	h.tell("stop", "www.example.com", "--message", "new disks", "--until", end.Format(time.RFC3339))
	if mode, _, until := status(); mode != "notice" || until == nil || !until.Equal(end) {
		t.Errorf("it is %s until %v", mode, until)
	}
	h.tell("stop", "www.example.com", "--until", end.Local().Format(time.DateTime))
	if _, _, until := status(); until == nil || !until.Equal(end) {
		t.Errorf("in local time it is stopped until %v", until)
	}
	socket := filepath.Join(h.dir, "state", "page.sock")
	for wrong, args := range map[string][]string{
		"give one of them":       {"pause", "www.example.com", "--for", "1m", "--until", "15:04"},
		"is over":                {"pause", "www.example.com", "--until", "2020-01-01T00:00:00Z"},
		"is no duration":         {"stop", "www.example.com", "--for", ""},
		"unknown flag: --for":    {"resume", "www.example.com", "--for", "1m"},
		"neither table nor json": {"status", "-o", "yaml"},
	} {
		cmd := h.command(append(append([]string{"page"}, args...), "--socket", socket)...)
		if out, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), wrong) {
			t.Errorf("%q: exit %d, %s", args, cmd.ProcessState.ExitCode(), out)
		}
	}
	if r := curl(t, "--unix-socket", socket, "-d", `{"until":"2020-01-01T00:00:00Z"}`, "http://x/api/v1/page/sites/www.example.com/pause"); r.status != "400" || !strings.Contains(r.body, "that time has passed") {
		t.Errorf("a pause that is over is answered %s %s", r.status, r.body)
	}
}
