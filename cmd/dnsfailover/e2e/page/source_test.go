package page

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// delay is within what a page host follows its source, as the README says, and what a busy machine adds to it.
const delay = 4*time.Second + patience/2

// services returns services with a name each below example.test, that have a primary which is up and a backup.
func services(t testing.TB, more string, names ...string) string {
	t.Helper()
	site := origin(t, func(http.ResponseWriter, *http.Request) {})
	var b strings.Builder
	b.WriteString("services:\n")
	for _, name := range names {
		fmt.Fprintf(&b, `  - name: %s
    records: [%s.example.test]
    ttl: 1s
    targets:
      - {name: primary, addresses: [127.0.0.1], check: {tcp: "%s", interval: 200ms, timeout: 100ms, fall: 2, rise: 1}}
      - {name: backup, addresses: [192.0.2.2]}
%s`, name, name, site, more)
	}
	return b.String()
}

// follower runs a page host that has the server for its source, and hosts of the services' names.
func follower(s *server, names ...string) *host {
	s.t.Helper()
	hosts := make([]string, len(names))
	for i, name := range names {
		hosts[i] = "{names: [" + name + ".example.test]}"
	}
	return begin(s.t, listen+`source: "http://`+s.admin+`"
hosts: [`+strings.Join(hosts, ", ")+`]
`, nil)
}

// The texts in which a visitor reads what kind of outage it is.
const (
	plannedText   = "We are working on this site"
	unplannedText = "This site can't be reached"
)

// notice asks for a service's site in a form.
func (h *host) notice(name, accept string) reply {
	h.t.Helper()
	return curl(h.t, "-H", "Host: "+name+".example.test", "-H", "Accept: "+accept, "http://"+h.http+"/")
}

// shows waits until the notice of a service's site says that, and returns the Retry-After it comes with.
func (h *host) shows(name, text string) (retryAfter int) {
	h.t.Helper()
	var r reply
	begun := time.Now()
	eventually(h.t, name+" shows "+text, func() bool {
		r = h.notice(name, "text/plain")
		return r.status == "503" && strings.Contains(r.body, text)
	})
	if took := time.Since(begun); took > delay {
		h.t.Errorf("%s shows %q after %v", name, text, took)
	}
	retryAfter, err := strconv.Atoi(r.header.Get("Retry-After"))
	if err != nil {
		h.t.Errorf("%s: Retry-After is %q", name, r.header.Get("Retry-After"))
	}
	return retryAfter
}

// isBack waits until a site's notice says that nothing is planned and that the site is there again.
func (h *host) isBack(name string) {
	h.t.Helper()
	eventually(h.t, name+" is back", func() bool {
		r := h.notice(name, "text/plain")
		return r.status == "503" && strings.Contains(r.body, unplannedText) && r.header.Get("Retry-After") == "1"
	})
}

// within fails if seconds, of Retry-After, are not what is left until then, give or take what a busy machine takes.
func within(t *testing.T, what string, seconds int, until time.Time) {
	t.Helper()
	if left := time.Until(until).Seconds(); float64(seconds) < left-1 || float64(seconds) > left+patience.Seconds() {
		t.Errorf("%s: Retry-After is %d, with %.0f seconds left", what, seconds, left)
	}
}

// TestOverridesOfASourceAreTold with their reason and end, in every form, until they are released or end by themselves.
func TestOverridesOfASourceAreTold(t *testing.T) {
	t.Parallel()
	names := []string{"web", "api", "shop", "short"}
	s := newServer(t, services(t, "", names...), nil).start()
	h := follower(s, names...)
	h.isBack("web") // the page host has heard of it: names point at the site

	until := time.Now().Add(2 * time.Hour).Truncate(time.Second)
	s.must("switch", "web", "backup", "--for", "1h", "--reason", "New <disks> & fans")
	hour := time.Now().Add(time.Hour)
	s.must("switch", "api", "backup", "--until", until.Format(time.RFC3339), "--reason", "a move")
	s.must("switch", "shop", "backup", "--until-released", "--reason", "counting socks")
	s.must("switch", "short", "backup", "--for", "4s", "--reason", "a blink")
	within(t, "an override of 4 s", h.shows("short", "a blink"), time.Now())
	within(t, "an override for 1h", h.shows("web", "New <disks> & fans"), hour)
	within(t, "an override until then", h.shows("api", "a move"), until)
	if after := h.shows("shop", "counting socks"); after != 120 { // the default of retry_after
		t.Errorf("without an end Retry-After is %d", after)
	}
	for accept, want := range map[string]string{
		"text/html": "New &lt;disks&gt; &amp; fans", "text/plain": "New <disks> & fans", "application/json": `"reason": "New <disks> & fans"`,
		"application/xml": "<reason>New &lt;disks&gt; &amp; fans</reason>", "image/png": "\x89PNG", "image/svg+xml": "<svg",
	} {
		r := h.notice("web", accept)
		if r.status != "503" || !strings.Contains(r.body, want) || r.header.Get("Dnsfailover-Page") != "notice" {
			t.Errorf("%s: %s %v without %q in\n%.2000q", accept, r.status, r.header, want, r.body)
		}
		after, _ := strconv.Atoi(r.header.Get("Retry-After"))
		within(t, accept, after, hour)
		if picture := strings.HasPrefix(accept, "image/"); !picture && accept != "application/json" && accept != "application/xml" && !strings.Contains(r.body, plannedText) {
			t.Errorf("%s: not the planned text:\n%.2000s", accept, r.body)
		}
	}
	h.isBack("short") // it has ended by itself
	for _, name := range []string{"web", "api", "shop"} {
		s.must("release", name)
	}
	for _, name := range []string{"web", "api", "shop"} {
		h.isBack(name)
	}
}

// TestWindowsOfASourceAreTold, one-shot and recurring, with the reason and the end, until they end.
func TestWindowsOfASourceAreTold(t *testing.T) {
	t.Parallel()
	// A recurring window can begin at a full minute only. This one has begun at the last, and ends in 9 seconds.
	now := time.Now().UTC()
	long := time.Duration(now.Second()+9) * time.Second
	config := services(t, fmt.Sprintf("    windows: [{to: backup, cron: \"%d * * * *\", for: %v, timezone: UTC, reason: weekly patches}]\n", now.Minute(), long), "cron")
	s := newServer(t, config+strings.TrimPrefix(services(t, "", "once"), "services:\n"), nil).start()
	h := follower(s, "cron", "once")

	start := time.Now().Add(2 * time.Second).Truncate(time.Second).Add(time.Second)
	end := start.Add(6 * time.Second)
	s.must("window", "add", "once", "backup", "--start", start.Format(time.RFC3339), "--for", "6s", "--reason", "new kernel")
	var after int
	recurring := make(chan int)
	go func() { recurring <- h.shows("cron", "weekly patches") }()
	after = h.shows("once", "new kernel")
	if after > 7 { // it is shown up to a second before the start
		t.Errorf("in a window of 6 s, Retry-After is %d", after)
	}
	if !strings.Contains(h.notice("once", "text/html").body, end.UTC().Format("2006-01-02T15:04:05Z")) {
		t.Errorf("the page doesn't name the window's end, %v", end)
	}
	if after := <-recurring; after > 9 {
		t.Errorf("in a recurring window that ends in 9 s, Retry-After is %d", after)
	}
	h.isBack("once")
	h.isBack("cron")
	if time.Now().Before(end) {
		t.Errorf("the window is over before its end")
	}
}

// TestAnUnplannedFailoverIsNoMaintenance takes the primary away.
func TestAnUnplannedFailoverIsNoMaintenance(t *testing.T) {
	t.Parallel()
	site, down := moody(t)
	s := newServer(t, `services:
  - name: web
    records: [web.example.test]
    targets:
      - {name: primary, addresses: [127.0.0.1], check: {http: "http://`+site+`/", interval: 200ms, timeout: 100ms, fall: 2, rise: 1}}
      - {name: backup, addresses: [192.0.2.2]}
    failback: {mode: auto, after: 1s}
`, nil).start()
	h := follower(s, "web")
	h.isBack("web")
	down.Store(true)
	eventually(t, "the site isn't back any more", func() bool { return h.notice("web", "text/plain").header.Get("Retry-After") == "120" })
	if r := h.notice("web", "text/plain"); !strings.Contains(r.body, unplannedText) || strings.Contains(r.body, plannedText) {
		t.Errorf("it shows\n%s", r.body)
	}
	if r := h.notice("web", "application/json"); !strings.Contains(r.body, `"planned": false`) {
		t.Errorf("it shows\n%s", r.body)
	}
	down.Store(false)
	h.isBack("web")
}
