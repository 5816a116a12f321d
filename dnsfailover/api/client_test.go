package api_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"dnsfailover/dnsfailover/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve answers on a socket with handle and returns the socket's path.
func serve(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "api")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "control.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handle}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		<-done
		os.RemoveAll(dir)
	})
	return path
}

// TestAPageHostIsCalledOne in what goes wrong with it.
func TestAPageHostIsCalledOne(t *testing.T) {
	broken := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for socket, says := range map[string]string{
		"/nonexistent/page.sock": "no page host answers on /nonexistent/page.sock (there is no such file): is `dnsfailover page`, or a `dnsfailover serve` with listen.page, running? --socket or DNSFAILOVER_PAGE_SOCKET names its control socket",
		broken:                   "the page host on " + broken + " did not finish its answer (it broke off): look at `dnsfailover page status` to see whether it acted",
	} {
		client := api.DialPage(socket)
		_, err := client.OrderPage(t.Context(), "*", "stop", api.PageOrder{})
		client.Close()
		if unreachable := new(api.Unreachable); !errors.As(err, &unreachable) || err.Error() != says {
			t.Errorf("%s: %v, want %q", socket, err, says)
		}
	}
}

func TestWhoeverIsNotThereIsUnreachable(t *testing.T) {
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "left.sock")})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	for _, c := range []struct{ socket, says string }{
		{"/nonexistent/control.sock", "no server answers on /nonexistent/control.sock (there is no such file): is `dnsfailover serve` running? --socket or DNSFAILOVER_SOCKET names its control socket"},
		{left.Addr().String(), "(connection refused): is `dnsfailover serve` running?"},
		{"/" + strings.Repeat("x", 200), "(invalid argument): is `dnsfailover serve` running?"},
	} {
		client := api.Dial(c.socket)
		_, err := client.Status(t.Context())
		client.Close()
		if unreachable := new(api.Unreachable); !errors.As(err, &unreachable) || unreachable.Asked || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.socket, err, c.says)
		}
	}
}

func TestAnAnswerThatBreaksOff(t *testing.T) {
	socket := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	client := api.Dial(socket)
	defer client.Close()
	_, err := client.Reload(t.Context())
	if want := "the server on " + socket + " did not finish its answer (it broke off): look at `dnsfailover status` to see whether it acted"; err == nil || err.Error() != want {
		t.Errorf("writing: %v", err)
	}
	_, err = client.Status(t.Context())
	if want := "the server on " + socket + " did not finish its answer (it broke off)"; err == nil || err.Error() != want {
		t.Errorf("reading: %v", err)
	}
}

func TestARefusalKeepsItsWords(t *testing.T) {
	client := api.Dial(serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(409)
		_, _ = w.Write([]byte(`{"type":"about:blank","title":"Conflict","status":409,"detail":"backup is down"}`))
	}))
	defer client.Close()
	_, err := client.Release(t.Context(), "web")
	if problem := new(api.Problem); !errors.As(err, &problem) || problem.Status != 409 || err.Error() != "backup is down" {
		t.Errorf("got %v", err)
	}
}

func TestAnswersOfSomethingElse(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{
		"a page":          func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"a redirect":      func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"a strange JSON":  func(w http.ResponseWriter, _ *http.Request) { typed(w, "application/json", 200, `[]`) },
		"an empty answer": func(w http.ResponseWriter, _ *http.Request) { typed(w, "application/json", 200, ``) },
		"a bare problem":  func(w http.ResponseWriter, _ *http.Request) { typed(w, "application/problem+json", 500, `{}`) },
	} {
		t.Run(name, func(t *testing.T) {
			client := api.Dial(serve(t, handle))
			defer client.Close()
			_, err := client.Status(t.Context())
			if err == nil || !strings.Contains(err.Error(), "with something that is not of dnsfailover's API") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func typed(w http.ResponseWriter, media string, status int, body string) {
	w.Header().Set("Content-Type", media)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func TestWhoGivesUpGetsHisOwnReason(t *testing.T) {
	begun := make(chan struct{})
	client := api.Dial(serve(t, func(_ http.ResponseWriter, r *http.Request) { close(begun); <-r.Context().Done() }))
	defer client.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	if _, err := client.Status(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
