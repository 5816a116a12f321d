package page

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnsfailover/dnsfailover/api"
)

func TestReloadKeepsWhatWasCounted(t *testing.T) {
	h := run(t, `hosts: [{names: [www.example.com], site: before}]`, nil)
	if _, body := h.get("/"); !strings.HasPrefix(body, "before:") {
		t.Error(body)
	}
	h.Reload(h.config(`hosts: [{names: [www.example.com], site: after}]`))
	if _, body := h.get("/"); !strings.HasPrefix(body, "after:") {
		t.Error(body)
	}
	if n := h.Status(time.Now()).Sites[0].Notices; n != 2 {
		t.Errorf("%d notices", n)
	}
	if w := h.Reload(h.config("limits: {idle: 9s}\n")); len(w) != 1 || !strings.Contains(w[0], "limits has changed: restart") {
		t.Errorf("%q", w)
	}
}

// TestWhoWaitsGoesToThePrimaryOfTheLiveConfiguration pauses a site, and moves it to another primary.
func TestWhoWaitsGoesToThePrimaryOfTheLiveConfiguration(t *testing.T) {
	hosts := `hosts: [{names: [www.example.com], normally: primary, hold: {for: 30s, max: 3}, primary: {addresses: ["ADDRESS"]}}]`
	h := run(t, strings.Replace(hosts, "ADDRESS", "127.0.0.1:1", 1), nil)
	client := api.Dial(filepath.Join(h.dir, "page.sock"))
	defer client.Close()
	order := func(mode string) {
		t.Helper()
		if _, err := client.OrderPage(t.Context(), "www.example.com", mode, api.PageOrder{}); err != nil {
			t.Fatal(err)
		}
	}
	got := make(chan int)
	ask := func() {
		resp, _ := h.get("/")
		got <- resp.StatusCode
	}
	go ask() // the primary is missing
	h.waiting(1)
	order("pause")
	go ask()
	h.waiting(2)
	h.Reload(h.config(strings.Replace(hosts, "ADDRESS", origin(t, nil), 1)))
	h.waiting(2)
	order("resume")
	for range 2 {
		if status := <-got; status != 200 {
			t.Errorf("who waited got %d", status)
		}
	}
	if n := h.Status(time.Now()).Sites[0].Passed; n != 2 {
		t.Errorf("%d were passed on, not 2", n)
	}
}

func TestDamagedStateIsMovedAside(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, stateName), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := recall(dir, slog.New(slog.DiscardHandler))
	if err != nil || len(s.orders) != 0 {
		t.Fatal(err)
	}
	if err := s.say(&world{}, &order{Mode: "stop"}, time.Now(), "*"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, stateName+".damaged")); err != nil {
		t.Error(err)
	}
}
