package page

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

var listeningPage = regexp.MustCompile(`page="?\[?([0-9.:]+)`)

// TestVisitorsReadTheReasonAlone of a window, as it was given and in every form, and none if none was given: who planned it, for which target and
// under which name is the operators' matter. In one process with the server it is the same.
func TestVisitorsReadTheReasonAlone(t *testing.T) {
	t.Parallel()
	names := []string{"told", "untold", "often"}
	// Each occurrence of the recurring one runs into the next, so that it is always open.
	every := "    windows: [{to: backup, cron: \"* * * * *\", for: 2m, timezone: UTC, reason: weekly patches}]\n"
	s := newServer(t, "  page: {http: [\"127.0.0.1:0\"], hosts: [{names: [told.example.test]}, {names: [untold.example.test]}, {names: [often.example.test]}]}\n"+
		services(t, "", "told", "untold")+strings.TrimPrefix(services(t, every, "often"), "services:\n"), nil).start()
	apart := follower(s, names...)
	inside := &host{Process: s.Process, t: t, http: listeningPage.FindStringSubmatch(s.String())[1]}

	start := time.Now().Add(2 * time.Second).Format(time.RFC3339)
	s.must("window", "add", "told", "backup", "--start", start, "--for", "1h", "--reason", "new disks")
	s.must("window", "add", "untold", "backup", "--start", start, "--for", "1h")
	for what, h := range map[string]*host{"apart": apart, "inside": inside} {
		for name, reason := range map[string]string{"told": "new disks", "untold": "", "often": "weekly patches"} {
			h.shows(name, plannedText)
			line, value := "", ""
			if reason != "" {
				line, value = "What is being done: "+reason+"\n", fmt.Sprintf(`"reason": %q`, reason)
			}
			if r := h.notice(name, "text/plain"); !strings.Contains(r.body, line) || reason == "" && strings.Contains(r.body, "What is being done") {
				t.Errorf("%s, %s shows\n%s", what, name, r.body)
			}
			if r := h.notice(name, "application/json"); !strings.Contains(r.body, value) || reason == "" && strings.Contains(r.body, `"reason"`) {
				t.Errorf("%s, %s shows\n%s", what, name, r.body)
			}
			for _, accept := range []string{"text/plain", "text/html", "application/json", "application/xml", "image/svg+xml"} {
				for _, inner := range []string{"planned by", "is open", "backup", "w1", "w2", "often-"} {
					if r := h.notice(name, accept); strings.Contains(r.body, inner) {
						t.Errorf("%s, %s tells visitors %q:\n%.2000s", what, name, inner, r.body)
					}
				}
			}
		}
	}
}

// TestAMessageCantSteerATerminal of who asks with curl.
func TestAMessageCantSteerATerminal(t *testing.T) {
	t.Parallel()
	h := begin(t, listen+"hosts: [{names: [www.example.com]}]\n", nil)
	h.tell("stop", "www.example.com", "--message", "new\x1b[31m disks\u009b2J\r\nExpected back: never")
	for _, path := range []string{"/", "/x.html", "/x.json", "/x.xml", "/x.svg"} {
		body := curl(t, "-H", "Host: www.example.com", "http://"+h.http+path).body
		if strings.ContainsAny(body, "\x1b\r\u009b") || strings.Contains(body, "\nExpected back: never") || !strings.Contains(body, "new[31m disks") {
			t.Errorf("%s: %.3000q", path, body)
		}
	}
}
