package page

import (
	"path/filepath"
	"testing"

	"dnsfailover/dnsfailover/api"
)

// TestPollsDontWait: a page that asks whether the site is back is told at once that it isn't, and takes no place among those who wait.
func TestPollsDontWait(t *testing.T) {
	h := run(t, `hosts: [{names: [www.example.com], normally: primary, hold: {for: 30s, max: 1}, primary: {addresses: ["`+origin(t, nil)+`"]}}]`, nil)
	client := api.Dial(filepath.Join(h.dir, "page.sock"))
	defer client.Close()
	say := func(mode string) {
		t.Helper()
		if _, err := client.OrderPage(t.Context(), "www.example.com", mode, api.PageOrder{}); err != nil {
			t.Fatal(err)
		}
	}
	say("pause")
	for range 3 {
		if resp, _ := h.get("/", "Dnsfailover-Poll", "1"); resp.StatusCode != 503 || resp.Header.Get("Dnsfailover-Page") != "notice" {
			t.Errorf("a poll while paused: %s %v", resp.Status, resp.Header)
		}
	}
	got := make(chan int)
	go func() {
		resp, _ := h.get("/")
		got <- resp.StatusCode
	}()
	h.waiting(1)
	say("resume")
	if status := <-got; status != 200 {
		t.Errorf("who waited gets %d", status)
	}
	if resp, _ := h.get("/", "Dnsfailover-Poll", "1"); resp.StatusCode != 200 || resp.Header.Get("Dnsfailover-Page") != "" {
		t.Errorf("a poll when the site is back: %s %v", resp.Status, resp.Header)
	}
}
