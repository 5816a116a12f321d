package page

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// status returns what `page status` prints, its problems included.
func (h *host) status() string { return h.tell("status") }

// metric returns the value of a metric of the page host; empty if it isn't there.
func (h *host) metric(name string) string {
	h.t.Helper()
	for line := range strings.Lines(curl(h.t, "http://"+h.admin+"/metrics").body) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// ask makes the page host ask its source now: SIGHUP does.
func (h *host) ask() {
	h.t.Helper()
	if err := h.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
		h.t.Fatal(err)
	}
}

// TestASilentSourceIsBelievedAndNamed kills the server in the middle of maintenance: the notice stays as it was, and whoever looks at the page host
// learns why it may be out of date, until the server is back.
func TestASilentSourceIsBelievedAndNamed(t *testing.T) {
	t.Parallel()
	s := newServer(t, services(t, "", "web"), nil).start()
	h := follower(s, "web")
	s.must("switch", "web", "backup", "--for", "1h", "--reason", "new disks")
	h.shows("web", "new disks")
	if up := h.metric("dnsfailover_page_source_up"); up != "1" {
		t.Errorf("dnsfailover_page_source_up is %q", up)
	}
	if out := h.status(); strings.Contains(out, "problem:") {
		t.Errorf("status says\n%s", out)
	}
	heard := h.metric("dnsfailover_page_source_heard_timestamp_seconds")

	s.Kill()
	want := "problem: source http://" + s.admin + " does not answer since "
	eventually(t, "status says that the source is silent", func() bool { return strings.Contains(h.status(), want) })
	out := h.status()
	for _, part := range []string{"connection refused", "what it said last, at ", "counts until ", "new disks", "an override of service web"} {
		if !strings.Contains(out, part) {
			t.Errorf("status doesn't say %q:\n%s", part, out)
		}
	}
	if up := h.metric("dnsfailover_page_source_up"); up != "0" {
		t.Errorf("of a silent source, dnsfailover_page_source_up is %q", up)
	}
	if now := h.metric("dnsfailover_page_source_heard_timestamp_seconds"); now < heard || now == "" {
		t.Errorf("it was heard at %q, then at %q", heard, now)
	}
	eventually(t, "the log says so too", func() bool { return strings.Contains(h.String(), `msg="source does not answer`) })
	if n := strings.Count(h.String(), `msg="source does not answer, what it said last counts" url=http://`+s.admin); n != 1 {
		t.Errorf("%d lines of the log say that the source is silent", n)
	}
	if after := h.shows("web", "new disks"); after < 3500 || after > 3600 {
		t.Errorf("Retry-After is %d", after)
	}

	s.start() // it remembers the override
	eventually(t, "the source is heard again", func() bool { return strings.Contains(h.String(), `msg="source answers again"`) })
	if h.metric("dnsfailover_page_source_up") != "1" || strings.Contains(h.status(), "problem:") {
		t.Errorf("it is still said to be silent: %s", h.status())
	}
	h.shows("web", "new disks")
	s.must("release", "web")
	h.isBack("web")
}

// TestASourceThatIsTakenAwayIsForgotten by a reload without it, and with another one that says something else.
func TestASourceThatIsTakenAwayIsForgotten(t *testing.T) {
	t.Parallel()
	s := newServer(t, services(t, "", "web"), nil).start()
	other := newServer(t, services(t, "", "web"), nil).start()
	config := listen + "hosts: [{names: [web.example.test]}]\n"
	h := begin(t, config+`source: "http://`+s.admin+`"`, nil)
	s.must("switch", "web", "backup", "--until-released", "--reason", "new disks")
	other.must("switch", "web", "backup", "--until-released", "--reason", "new fans")
	h.shows("web", "new disks")
	h.reload(config)
	h.shows("web", unplannedText)
	if up := h.metric("dnsfailover_page_source_up"); up != "" {
		t.Errorf("without a source dnsfailover_page_source_up is %s", up)
	}
	h.reload(config + `source: "http://` + other.admin + `"`)
	h.shows("web", "new fans")
	other.Kill()
	h.reload(config + `source: "http://` + other.admin + "\"\n# anew")
	eventually(t, "the source is silent", func() bool { return h.metric("dnsfailover_page_source_up") == "0" })
	h.shows("web", "new fans")
}

// told is the status of a dnsfailover with one service, on its backup by an override.
const told = `{"version":"1","services":[{"name":"web","records":["web.example.test"],"serving":"backup","rule":"override",
"override":{"target":"backup","reason":"new disks","until":null},"targets":[{"name":"primary"},{"name":"backup"}]}]}`

// liar is a source that does as it is told.
type liar struct {
	address string
	does    atomic.Pointer[http.HandlerFunc]
	asked   atomic.Int64
}

func newLiar(t *testing.T) *liar {
	l := &liar{}
	l.say(told)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.asked.Add(1)
		(*l.does.Load())(w, r)
	}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	l.address = s.Listener.Addr().String()
	return l
}

func (l *liar) do(f http.HandlerFunc) { l.does.Store(&f) }

func (l *liar) say(body string) {
	l.do(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
}

// raw has it answer with octets that need not be HTTP, then more and more of them until the other side has had enough.
func (l *liar) raw(head, more string) {
	l.do(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		_, err = io.WriteString(c, head)
		for err == nil && more != "" {
			_, err = io.WriteString(c, more)
		}
	})
}

// TestASourceThatIsNoDnsfailover, any more or never was one: whatever it answers, the notice stays as it was, little memory is taken, and status says
// what is wrong in words.
func TestASourceThatIsNoDnsfailover(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	h := begin(t, listen+"hosts: [{names: [web.example.test]}]\nsource: \"http://"+l.address+"\"\n", nil)
	h.shows("web", "new disks")
	elsewhere := newLiar(t)
	elsewhere.say(`{"services":[]}`)
	const ok = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
	before := h.peak(t)
	for _, c := range []struct {
		what string
		does func()
		want string
	}{
		{"an error", func() { l.do(http.NotFound) }, "it answers 404 Not Found"},
		{"a refusal", func() { l.do(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }) }, "it answers 401 Unauthorized"},
		{"a redirect", func() { l.do(http.RedirectHandler("http://"+elsewhere.address, http.StatusFound).ServeHTTP) }, "it answers 302 Found"},
		{"a web site", func() { l.say("<!doctype html><title>It works!</title>") }, "it answers what is no status of a dnsfailover: invalid character '<'"},
		{"JSON of something else", func() { l.say(`{"status":"ok"}`) }, "it has no services"},
		{"services of another kind", func() { l.say(`{"services":{"web":1}}`) }, "{ where [ should be"},
		{"a field of another kind", func() { l.say(`{"services":[{"name":7}]}`) }, "cannot unmarshal number"},
		{"a list", func() { l.say(`[]`) }, "[ where { should be"},
		{"half an answer", func() { l.say(told[:len(told)/2]) }, "unexpected EOF"},
		{"half an answer, broken off", func() { l.raw("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"+told[:50], "") }, "unexpected EOF"},
		{"nothing", func() { l.raw("", "") }, " (EOF): "},
		{"SSH", func() { l.raw("SSH-2.0-OpenSSH_9.2\r\n", "") }, "malformed HTTP"},
		{"a head without an end", func() { l.raw("HTTP/1.1 200 OK\r\n", "X: "+strings.Repeat("x", 4000)+"\r\n") }, "exceeded"},
		{"garbage without an end", func() { l.raw("", "\x00\xff\x1b[31m") }, "exceeded"},
		{"blanks without an end", func() { l.raw(ok, strings.Repeat(" ", 64<<10)) }, "it is longer than 16 MiB"},
		{"a string without an end", func() { l.raw(ok+`{"version":"`, strings.Repeat("x", 64<<10)) }, "it is longer than 16 MiB"},
		{"services without an end", func() { l.raw(ok+`{"services":[{}`, strings.Repeat(",{}", 20<<10)) }, "it has more than 50000 services"},
		{"records without an end", func() { l.raw(ok+`{"services":[{"records":[""`, strings.Repeat(`,""`, 20<<10)) }, "it is longer than 16 MiB"},
		{"depth without an end", func() { l.raw(ok+`{"x":`, strings.Repeat("[", 64<<10)) }, "exceeded max depth"},
	} {
		c.does()
		asked := l.asked.Load()
		h.ask()
		eventually(t, c.what+": status says "+c.want, func() bool { return l.asked.Load() > asked && strings.Contains(h.status(), c.want) })
		if text := h.status(); strings.Contains(text, "\x1b") || len(text) > 2000 {
			t.Errorf("%s: status says %.3000q", c.what, text)
		}
		h.shows("web", "new disks")
	}
	grown := h.peak(t) - before
	t.Logf("%d KiB more for all of that", grown)
	if grown > 200<<10 {
		t.Errorf("it takes %d KiB", grown)
	}
	if n := elsewhere.asked.Load(); n != 0 {
		t.Errorf("it was sent on, and asked there %d times", n)
	}
	l.say(strings.Replace(told, "new disks", "new fans", 1))
	h.ask()
	h.shows("web", "new fans")
	if strings.Contains(h.status(), "problem") {
		t.Errorf("status says\n%s", h.status())
	}
}

// TestASourceThatDrips sends an octet now and then, or nothing at all. It is left after five seconds, and meanwhile the notice is served.
func TestASourceThatDrips(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for what, head := range map[string]string{"a body": "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{", "a head": "HTTP/1.1 200 OK\r\nX: ", "nothing": ""} {
		l := newLiar(t)
		l.do(func(w http.ResponseWriter, r *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer c.Close()
			_, err = io.WriteString(c, head)
			for tick := time.NewTicker(100 * time.Millisecond); err == nil && head != ""; <-tick.C {
				_, err = io.WriteString(c, " ")
			}
			_, _ = io.Copy(io.Discard, c) // until the other side leaves
		})
		h := begin(t, listen+"hosts: [{names: [web.example.test]}]\nsource: \"http://"+l.address+"\"\n", nil)
		all.Go(func() {
			eventually(t, what+" is left", func() bool { return strings.Contains(h.status(), "there is no whole answer after 5s") })
			if out := h.status(); !strings.Contains(out, "what is planned isn't known") {
				t.Errorf("%s: status says\n%s", what, out)
			}
		})
		h.shows("web", unplannedText)
	}
	all.Wait()
}

// TestThePageHostOfAFarServer asks with a token by a URL that has a path, as behind a proxy, and shows neither token nor password to anybody.
func TestThePageHostOfAFarServer(t *testing.T) {
	t.Parallel()
	const token, password = "correct-horse-battery-staple", "hunter22hunter22"
	l := newLiar(t)
	l.do(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/dns/api/v1/status" || r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, told)
	})
	config := fmt.Sprintf("%shosts: [{names: [web.example.test]}]\nsource: {url: \"http://%s/dns\", token: token}\n", listen, l.address)
	h := begin(t, config, map[string]string{"token": token + "\n"})
	h.shows("web", "new disks")
	write(t, h.dir, "token", password+"\n")
	h.reload(config)
	eventually(t, "the source refuses", func() bool { return strings.Contains(h.status(), "it answers 403 Forbidden") })
	h.shows("web", "new disks")
	for what, text := range map[string]string{"log": h.String(), "status": h.status(), "metrics": curl(t, "http://"+h.admin+"/metrics").body, "API": curl(t, "http://"+h.admin+"/api/v1/page").body} {
		if strings.Contains(text, token) || strings.Contains(text, password) {
			t.Errorf("the %s names a secret:\n%s", what, text)
		}
	}
}
