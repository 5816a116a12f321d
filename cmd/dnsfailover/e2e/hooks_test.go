package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"dnsfailover/dnsfailover/api"
)

const hookSecret = "0123456789abcdef0123456789abcdef"

// receiver takes webhooks, and verifies them as an independent program would.
type receiver struct {
	*httptest.Server
	t *testing.T

	mu     sync.Mutex
	answer http.HandlerFunc // nil: it takes what is sent
	tries  int
	events []api.Event // that it took
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) serve(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	r.tries++
	answer := r.answer
	r.mu.Unlock()
	if answer != nil {
		answer(w, req)
		return
	}
	mac := hmac.New(sha256.New, []byte(hookSecret))
	fmt.Fprintf(mac, "%s.%s.%s", req.Header.Get("webhook-id"), req.Header.Get("webhook-timestamp"), body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); req.Header.Get("webhook-signature") != want {
		r.t.Errorf("signature %q, want %q", req.Header.Get("webhook-signature"), want)
	}
	var e api.Event
	if err := json.Unmarshal(body, &e); err != nil || fmt.Sprint(e.ID) != req.Header.Get("webhook-id") {
		r.t.Errorf("%v in %s", err, body)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *receiver) becomes(answer http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer, r.tries = answer, 0
}

// took returns the events that the receiver took, in short.
func (r *receiver) took() (out []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		out = append(out, e.Kind+" "+e.Target)
	}
	return out
}

func (r *receiver) tried() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tries
}

// TestHooksTellOfASwitch has a webhook and a command told of the same events.
func TestHooksTellOfASwitch(t *testing.T) {
	t.Parallel()
	r, primary, backup := newReceiver(t), newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup)+`
hooks:
  - {name: pager, webhook: "`+r.URL+`/T0/path-that-is-secret", secret: pager.token, on: [selection, switch, release]}
  - {name: script, command: [./hook, said], on: [switch]}
`, "")
	s.write("pager.token", hookSecret+"\n")
	s.write("hook", "#!/bin/sh\nread -r event; echo \"$1 $DNSFAILOVER_FROM $DNSFAILOVER_TO $DNSFAILOVER_AUTHOR: $event\" > "+s.path("said")+".new && mv "+s.path("said")+".new "+s.path("said")+"\n")
	if err := os.Chmod(s.path("hook"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.verdict("web", "backup", "up")
	s.wait("the begin is told", func() bool { return len(r.took()) == 1 })
	s.must("switch", "web", "backup", "--for", "1h", "--reason", "kernel & $(co)")
	s.must("release", "web")
	want := []string{"selection primary", "switch backup", "selection backup", "release primary", "selection primary"}
	s.wait("all is told", func() bool { return len(r.took()) == len(want) })
	if got := strings.Join(r.took(), ", "); got != strings.Join(want, ", ") {
		t.Errorf("told of %s, want %s", got, strings.Join(want, ", "))
	}
	s.wait("the command has run", func() bool { _, err := os.Stat(s.path("said")); return err == nil })
	said, err := os.ReadFile(s.path("said"))
	if err != nil {
		t.Fatal(err)
	}
	matches(t, string(said), `said primary backup \S+: \{"id":\d+,.*"kind":"switch".*kernel \\u0026 \$\(co\).*\}\n`)
	if log := s.String(); strings.Contains(log, "secret") || strings.Contains(log, hookSecret) {
		t.Error("the log shows a secret")
	}
	// What is changed by a reload goes on; what was told is in the metrics.
	for _, delivered := range []string{`dnsfailover_hook_events_total{hook="pager",result="delivered"} 5`, `dnsfailover_hook_events_total{hook="script",result="delivered"} 1`} {
		s.wait(delivered, func() bool { // it is counted once the receiver's answer is there
			_, metrics := s.get("/metrics")
			return strings.Contains(metrics, delivered)
		})
	}
	s.rewrite("on: [switch]}", "on: [release]}")
	s.must("reload")
	reload := s.events("--kind", "reload")
	if got := strings.Join(reload[0].Changes, ", "); got != "hook script changed" {
		t.Errorf("the reload changed %q", got)
	}
}

// Fault 79: a receiver that hangs, fails and redirects is in nobody's way, is tried again, and no change is lost.
func TestFault79AReceiverThatHangsFailsAndRedirects(t *testing.T) {
	t.Parallel()
	r, other, primary, backup := newReceiver(t), newReceiver(t), newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup)+`
hooks:
  - {name: pager, webhook: "`+r.URL+`", secret: pager.token, on: [switch, release], timeout: 500ms}
`, "")
	s.write("pager.token", hookSecret+"\n")
	s.start()
	s.verdict("web", "backup", "up")
	toAndFro := func() {
		t.Helper()
		begin := time.Now()
		s.must("switch", "web", "backup", "--for", "1h")
		s.must("release", "web")
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("a switch and its release took %v", took)
		}
	}
	release := make(chan struct{})
	defer close(release)
	r.becomes(func(http.ResponseWriter, *http.Request) { <-release })
	toAndFro()
	s.wait("it is tried again after it hung", func() bool { return r.tried() >= 2 })
	mentions(t, "status", s.must("status"), "hook pager fails: no answer in time; 2 events wait")
	r.becomes(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	s.wait("it is tried again after it failed", func() bool { return r.tried() >= 1 })
	r.becomes(nil)
	s.wait("both events arrive", func() bool { return len(r.took()) == 2 })
	if got := strings.Join(r.took(), ", "); got != "switch backup, release primary" {
		t.Errorf("told of %s", got)
	}
	if problems := s.problems(); problems != "" {
		t.Errorf("it works again, and status says %s", problems)
	}
	r.becomes(func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, other.URL, http.StatusTemporaryRedirect)
	})
	toAndFro()
	s.logs("307 Temporary Redirect, and redirects are not followed")
	s.wait("both events are given up", func() bool {
		_, metrics := s.get("/metrics")
		return strings.Contains(metrics, `dnsfailover_hook_events_total{hook="pager",result="failed"} 2`)
	})
	if n := other.tried(); n != 0 {
		t.Errorf("a redirect was followed %d times", n)
	}
	if got := s.events("web", "--kind", "switch,release"); len(got) != 4 {
		t.Errorf("the history has %d events of 4: %+v", len(got), got)
	}
}
