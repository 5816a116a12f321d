package admin_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"dnsfailover/dnsfailover/admin"
	"dnsfailover/dnsfailover/config"
)

// Fault 75: bodies that are wrong in every way.
func TestBodiesOfASwitch(t *testing.T) {
	b := new(backend)
	r := start(t, b, "127.0.0.1:0", config.Token{Name: "ci", Secret: secret})
	const plain = "application/json"
	for _, c := range []struct {
		media, body string
		status      int
		says        string
	}{
		{plain, ``, 400, "the body ends before its JSON does"},
		{plain, `{"target":`, 400, "the body ends before its JSON does"},
		{plain, `{"target":"b","for":60`, 400, "the body ends before its JSON does"},
		{plain, `{target:"b"}`, 400, "the body is not JSON: "},
		{plain, `[]`, 400, `the body must be one JSON object, with members such as "target"`},
		{plain, `null`, 400, `the body must be one JSON object, with members such as "target"`},
		{plain, `{"traget":"b"}`, 400, `"traget" is not known here; there are target, for, until, until_released, reason, author, force, dry_run`},
		{plain, `{"Target":"b"}`, 400, `"Target" is not known here`},
		{plain, `{"target":"b","target":"c"}`, 400, `"target" is there twice`},
		{plain, `{"target":7}`, 400, `"target" must be the name of a target`},
		{plain, `{"target":null}`, 400, `"target" must be the name of a target`},
		{plain, `{"target":"b","for":"30m"}`, 400, `"for" must be a number of seconds`},
		{plain, `{"target":"b","for":1e999}`, 400, `"for" must be a number of seconds`},
		{plain, `{"target":"b","until":"15:04"}`, 400, `"until" must be a time such as 2030-01-31T15:04:05Z`},
		{plain, `{"target":"b","force":1}`, 400, `"force" must be true or false`},
		{plain, `{"target":"b","for":60}{}`, 400, "something follows the JSON object: leave it out"},
		{plain, `{"target":"b","for":60} x`, 400, "something follows the JSON object: leave it out"},
		{plain, `{"target":"b","reason":"` + strings.Repeat("x", 70_000) + `"}`, 413, "the body has more than 65536 bytes"},
		{plain, `{"target":"b","for":60}` + strings.Repeat(" ", 70_000), 413, "the body has more than 65536 bytes"},
		{plain, `{"target":` + strings.Repeat("[", 60_000), 400, "the body is not JSON: "},
		{"", `{}`, 415, "the body must be plain JSON"},
		{"text/plain", `{}`, 415, "the body must be plain JSON"},
		{"application/x-www-form-urlencoded", `target=b`, 415, "the body must be plain JSON"},
		{plain, `{"for":60}`, 422, `"target" is missing: name the target to switch to`},
		{plain + "; charset=utf-8", ` {"target":"b","for":60} `, 200, ""},
	} {
		t.Run(fmt.Sprintf("%.40s", c.body), func(t *testing.T) {
			headers := []string{"Authorization: Bearer " + secret}
			if c.media != "" {
				headers = append(headers, "Content-Type: "+c.media)
			}
			before := b.acts.Load()
			resp, body := r.ask(t, "POST", "/api/v1/services/web/switch", c.body, headers...)
			if c.status == http.StatusOK {
				if resp.StatusCode != http.StatusOK || b.acts.Load() != before+1 {
					t.Errorf("a good switch got %s %s", resp.Status, body)
				}
				return
			}
			says := wantProblem(t, resp, body, c.status)
			if !strings.Contains(says, c.says) {
				t.Errorf("it says %q, want %q", says, c.says)
			}
			if strings.Contains(body, "api.") || strings.Contains(body, "Go ") {
				t.Errorf("a Go type leaks: %s", body)
			}
			if b.acts.Load() != before {
				t.Error("it acted")
			}
		})
	}
}

func TestABodyThatDoesNotComeIsATimeout(t *testing.T) {
	if got := admin.UnreadableStatus(fmt.Errorf("read: %w", os.ErrDeadlineExceeded)); got != http.StatusRequestTimeout {
		t.Errorf("got %d", got)
	}
	if got := admin.UnreadableStatus(errors.New("odd")); got != http.StatusBadRequest {
		t.Errorf("got %d", got)
	}
}

// Fault 9: headers without end.
func TestHeadersAreBounded(t *testing.T) {
	r := start(t, new(backend), "127.0.0.1:0")
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() { // the server stops reading in the middle
		_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
		for range 1000 {
			if _, err := io.WriteString(conn, "X-Filler: "+strings.Repeat("x", 1000)+"\r\n"); err != nil {
				return
			}
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %s", resp.Status)
	}
}
