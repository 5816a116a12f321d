package page

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// reloaded runs `page reload`.
func (h *host) reloaded() (out string, code int) {
	h.t.Helper()
	cmd := h.command("page", "reload", "--socket", filepath.Join(h.dir, "state", "page.sock"))
	b, _ := cmd.CombinedOutput()
	return string(b), cmd.ProcessState.ExitCode()
}

// TestARefusedReloadIsTold breaks the configuration: the host goes on as before, and command, status, metric and log say so until it is mended.
func TestARefusedReloadIsTold(t *testing.T) {
	t.Parallel()
	h := begin(t, listen+"hosts: [{names: [www.example.com], site: before}]\n", nil)
	site := func() string {
		t.Helper()
		before, _, _ := strings.Cut(curl(t, "-H", "Host: www.example.com", "http://"+h.http+"/").body, ":")
		return before
	}
	if ok := h.metric("dnsfailover_page_reload_success"); ok != "1" {
		t.Errorf("at first dnsfailover_page_reload_success is %q", ok)
	}
	last := h.metric("dnsfailover_page_reload_last_success_timestamp_seconds")
	const problem = `page.yaml:3:36: a host has no key "sit": did you mean "site"?`
	write(t, h.dir, "page.yaml", listen+"hosts: [{names: [www.example.com], sit: after}]\n")
	if err := h.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "status tells of the reload", func() bool { return strings.HasPrefix(h.status(), "problem: "+problem+"\n") })
	if out, code := h.reloaded(); code != 1 || out != problem+"\ndnsfailover: nothing was changed; the old configuration serves on: 1 problem\n" {
		t.Errorf("page reload exits with %d and says\n%s", code, out)
	}
	if ok, then := h.metric("dnsfailover_page_reload_success"), h.metric("dnsfailover_page_reload_last_success_timestamp_seconds"); ok != "0" || then != last {
		t.Errorf("dnsfailover_page_reload_success is %q, the last one was at %q and is now at %q", ok, last, then)
	}
	if s := site(); s != "before" {
		t.Errorf("the site is %q", s)
	}

	write(t, h.dir, "page.yaml", listen+"hosts: [{names: [www.example.com], site: after}]\nlimits: {connections: 100}\n")
	want := "warning: page.yaml: limits has changed: restart the page host to use it\nreloaded\n"
	if out, code := h.reloaded(); code != 0 || out != want {
		t.Errorf("page reload exits with %d and says\n%s", code, out)
	}
	if s := site(); s != "after" {
		t.Errorf("the site is %q", s)
	}
	if ok, then := h.metric("dnsfailover_page_reload_success"), h.metric("dnsfailover_page_reload_last_success_timestamp_seconds"); ok != "1" || then == last {
		t.Errorf("dnsfailover_page_reload_success is %q, at %q", ok, then)
	}
	if out := h.status(); strings.Contains(out, "problem:") {
		t.Errorf("still amiss:\n%s", out)
	}
}

// TestAPageHostInAServerIsReloadedWithIt says so to who asks it alone.
func TestAPageHostInAServerIsReloadedWithIt(t *testing.T) {
	t.Parallel()
	s := newServer(t, "  page: {http: [\"127.0.0.1:0\"]}\n", nil).start()
	out, code := s.cli("page", "reload", "--socket", "state/page.sock")
	if want := "dnsfailover: this page host is part of a server, which has its configuration: dnsfailover reload\n"; code != 1 || out != want {
		t.Errorf("page reload exits with %d and says\n%s", code, out)
	}
}
