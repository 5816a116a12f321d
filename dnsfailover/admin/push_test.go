package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

func TestATargetReportsWithItsOwnToken(t *testing.T) {
	type call struct {
		service, target, token string
		trusted                bool
		p                      api.Push
	}
	var calls []call
	b := &backend{reporter: func(service, target, token string, trusted bool) (func(api.Push), error) {
		if token == "wrong" {
			return nil, &api.Problem{Status: 401, Detail: "no"}
		}
		return func(p api.Push) { calls = append(calls, call{service, target, token, trusted, p}) }, nil
	}}
	r := start(t, b, "127.0.0.1:0", config.Token{Name: "ci", Secret: secret})
	const json = "Content-Type: application/json"
	for _, c := range []struct {
		body    string
		headers []string
		status  int
		want    call
	}{
		{"", []string{"Authorization: Bearer 0123"}, 204, call{"web", "cron job", "0123", false, api.Push{}}},
		{`{"status": "down", "reason": "disk"}`, []string{"Authorization: bearer 0123", json}, 204, call{"web", "cron job", "0123", false, api.Push{Status: "down", Reason: "disk"}}},
		{`{}`, []string{"Authorization: Bearer 0123", json}, 204, call{"web", "cron job", "0123", false, api.Push{}}},
		{"", nil, 401, call{}},
		{"junk", []string{"Authorization: Bearer wrong"}, 401, call{}},
		{"", []string{"Authorization: Basic 0123"}, 401, call{}},
		{`{"status": "fine"}`, []string{"Authorization: Bearer 0123", json}, 422, call{}},
		{`{"state": "up"}`, []string{"Authorization: Bearer 0123", json}, 400, call{}},
		{`up`, []string{"Authorization: Bearer 0123"}, 415, call{}},
		{strings.Repeat(" ", 100<<10), []string{"Authorization: Bearer 0123", json}, 413, call{}},
	} {
		calls = nil
		resp, body := r.ask(t, "POST", "/api/v1/push/web/cron%20job", c.body, c.headers...)
		if resp.StatusCode != c.status {
			t.Errorf("%.40q with %q: %s %s", c.body, c.headers, resp.Status, body)
		}
		if c.status != http.StatusNoContent {
			if wantProblem(t, resp, body, c.status); len(calls) != 0 {
				t.Errorf("%.40q with %q: %+v", c.body, c.headers, calls)
			}
		} else if len(calls) != 1 || calls[0] != c.want {
			t.Errorf("%.40q with %q: %+v, want %+v", c.body, c.headers, calls, c.want)
		}
	}
	// Over the control socket nobody needs a token.
	calls = nil
	if err := r.client(t).Push(t.Context(), "web", "cron job", api.Push{Reason: "done"}); err != nil {
		t.Fatal(err)
	}
	if want := (call{"web", "cron job", "", true, api.Push{Reason: "done"}}); len(calls) != 1 || calls[0] != want {
		t.Errorf("over the socket: %+v", calls)
	}
}
