package page

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// waiting waits until n requests are held.
func (h *host) waiting(n int) {
	h.t.Helper()
	eventually(h.t, fmt.Sprint(n, " requests wait"), func() bool {
		return strings.Contains(curl(h.t, "http://"+h.admin+"/metrics").body, fmt.Sprintf("dnsfailover_page_waiting{site=\"www.example.com\"} %d\n", n))
	})
}

// background asks by curl, n times at once; what they got comes out of the channel.
func (h *host) background(n int, path string) chan string {
	got := make(chan string, n)
	for i := range n {
		go func() {
			out, err := exec.Command("curl", "-sS", "--max-time", "30", "-w", " %{http_code}", "-H", "Host: www.example.com", fmt.Sprintf("http://%s%s%d", h.http, path, i)).CombinedOutput()
			if err != nil {
				out = append(out, err.Error()...)
			}
			got <- string(out)
		}()
	}
	return got
}

// allGet wants that what each request got ends so: with its status.
func allGet(t *testing.T, got chan string, want string) {
	t.Helper()
	for range cap(got) {
		if g := <-got; !strings.HasSuffix(g, want) {
			t.Errorf("a request got %q, not %q", g, want)
		}
	}
}

// TestPauseResumeAndStop says all that an operator can say, while requests wait and are under way.
func TestPauseResumeAndStop(t *testing.T) {
	t.Parallel()
	began, release := make(chan bool, 1), make(chan bool)
	finish := sync.OnceFunc(func() { close(release) })
	site := origin(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/slow") {
			began <- true
			<-release
		}
		fmt.Fprint(w, "site")
	})
	config := listen + `hosts: [{names: [www.example.com], normally: primary, hold: {for: 25s, max: 3}, primary: {addresses: ["` + site + `"]}}]`
	t.Cleanup(finish)
	h := begin(t, config, nil)
	slow := h.background(1, "/slow")
	<-began
	if out := h.tell("pause", "www.example.com"); !strings.HasPrefix(out, "www.example.com: paused (paused by ") {
		t.Errorf("pause says %q", out)
	}
	held := h.background(3, "/")
	h.waiting(3)
	if r := curl(t, "-H", "Host: www.example.com", "http://"+h.http+"/"); r.status != "503" {
		t.Errorf("one more than may wait gets %s", r.status)
	}
	h.reload(config + "\n# anew")
	time.Sleep(300 * time.Millisecond) // what is let go by mistake is let go at once
	h.waiting(3)
	select {
	case g := <-held:
		t.Errorf("a reload while paused lets go who waits: %q", g)
		held <- g
	default:
	}
	h.tell("resume", "www.example.com")
	allGet(t, held, "site 200")

	if out := h.tell("stop", "www.example.com", "--message", "new disks", "--for", "10m"); !strings.HasPrefix(out, "www.example.com: notice (stopped by ") {
		t.Errorf("stop says %q", out)
	}
	r := curl(t, "-H", "Host: www.example.com", "http://"+h.http+"/")
	if after := r.header.Get("Retry-After"); r.status != "503" || !strings.Contains(r.body, "new disks") || after > "601" || after < "570" || len(after) != 3 {
		t.Errorf("after a stop: %s, Retry-After %s\n%s", r.status, after, r.body)
	}
	if out := h.tell("status"); !strings.Contains(out, "new disks") || !strings.Contains(out, "notice") {
		t.Errorf("status says\n%s", out)
	}
	finish()
	allGet(t, slow, "site 200") // it was under way all the time
	h.tell("forget", "www.example.com")
	if r := curl(t, "-H", "Host: www.example.com", "http://"+h.http+"/"); r.status != "200" {
		t.Errorf("after forget: %s", r.status)
	}
}

// TestRequestsWaitWhileTheUpstreamRestarts takes the site away and brings it back.
func TestRequestsWaitWhileTheUpstreamRestarts(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	h := begin(t, listen+`hosts: [{names: [www.example.com], normally: primary, hold: {for: 20s, max: 100}, primary: {addresses: ["`+address+`"]}}]`, nil)
	got := h.background(8, "/")
	h.waiting(8)
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "site") }))
	}()
	allGet(t, got, "site 200")
}

// TestHoldEndsWithTheNotice waits for as long as may be waited.
func TestHoldEndsWithTheNotice(t *testing.T) {
	t.Parallel()
	h := begin(t, listen+`hosts: [{names: [www.example.com], normally: primary, hold: {for: 1s}, primary: {addresses: ["`+freeAddress(t)+`"]}}]`, nil)
	begun := time.Now()
	allGet(t, h.background(4, "/"), " 503")
	if took := time.Since(begun); took < time.Second {
		t.Errorf("the notice came after %v", took)
	}
}

// TestOneClientCantTakeAllPlaces pauses a site of which a client asks for more than may wait: others still find a place.
func TestOneClientCantTakeAllPlaces(t *testing.T) {
	t.Parallel()
	site := origin(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "site") })
	config := listen + `hosts: [{names: [www.example.com], normally: primary, hold: {for: 25s, max: 40}, primary: {addresses: ["` + site + `"]}}]`
	h := begin(t, config, nil)
	h.tell("pause", "www.example.com")
	const share = 10 // the least that a tenth of max comes to
	c := dial(t, h.http, "127.66.0.5")
	for range 60 {
		greedy := dial(t, h.http, "127.66.0.5")
		fmt.Fprint(greedy, "GET /greedy HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n")
	}
	h.waiting(share)
	eventually(t, "all others of that client are turned away", func() bool {
		return h.metric(`dnsfailover_page_held_total{result="share",site="www.example.com"}`) == "50"
	})
	fmt.Fprint(c, "GET /one-more HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != 503 {
		t.Errorf("one more of that client: %v %v", resp, err)
	}
	got := h.background(1, "/other")
	h.waiting(share + 1)
	h.tell("resume", "www.example.com")
	allGet(t, got, "site 200")
	before := h.metric(`dnsfailover_page_held_total{result="released",site="www.example.com"}`)
	h.reload(config)
	for result, want := range map[string]string{"share": "51", "released": before} {
		if got := h.metric(`dnsfailover_page_held_total{result="` + result + `",site="www.example.com"}`); got != want {
			t.Errorf("after a reload %s is %s, not %s", result, got, want)
		}
	}
}

// TestLongRequestsKeepNobodyUp pauses a site while streams are asked for and bodies are sent that don't flow: more of them than are let go at once.
func TestLongRequestsKeepNobodyUp(t *testing.T) {
	t.Parallel()
	release := make(chan bool)
	finish := sync.OnceFunc(func() { close(release) })
	site := origin(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			_, _ = io.Copy(io.Discard, r.Body)
		case strings.HasPrefix(r.URL.Path, "/stream"):
			fmt.Fprintln(w, "event")
			_ = http.NewResponseController(w).Flush()
			<-release
		}
		fmt.Fprint(w, "site")
	})
	t.Cleanup(finish)
	h := begin(t, listen+`hosts: [{names: [www.example.com], normally: primary, hold: {for: 10s, max: 1000}, primary: {addresses: ["`+site+`"]}}]`, nil)
	h.tell("pause", "www.example.com")
	streams := h.background(24, "/stream")
	h.waiting(24)
	for range 24 {
		c, err := net.Dial("tcp", h.http)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 100\r\n\r\n")
	}
	h.waiting(48)
	visitors := h.background(3, "/")
	h.waiting(51)
	h.tell("resume", "www.example.com")
	allGet(t, visitors, "site 200")
	finish()
	allGet(t, streams, "event\nsite 200")
}
