package page

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

var inside = regexp.MustCompile(`msg=listening dns=\[(\S+)\] .* page=\[(\S+)\]`)

// startInside runs the server with a page host inside, as a host that can be asked and told like any other.
func (s *server) startInside() *host {
	s.t.Helper()
	s.start()
	found := inside.FindStringSubmatch(s.String())
	if found == nil {
		s.t.Fatalf("where the page host listens isn't in\n%s", s)
	}
	return &host{Process: s.Process, t: s.t, dir: s.dir, http: found[2], admin: s.admin}
}

// dns returns where the server answers.
func (s *server) dns() string { return inside.FindStringSubmatch(s.String())[1] }

// pages is listen.page with a host; more follows in the host's mapping.
func pages(name, more string) string {
	return fmt.Sprintf("  page:\n    http: [\"127.0.0.1:0\"]\n    hosts:\n      - {names: [%s.example.test]%s}\n", name, more)
}

// TestThePageHostInsideTheServer knows what is planned from the server's own decisions, with no source, within seconds.
func TestThePageHostInsideTheServer(t *testing.T) {
	t.Parallel()
	s := newServer(t, pages("web", "")+services(t, "", "web"), nil)
	h := s.startInside()
	h.isBack("web")
	s.must("switch", "web", "backup", "--for", "1h", "--reason", "New <disks>")
	within(t, "an override", h.shows("web", "New <disks>"), time.Now().Add(time.Hour))
	for accept, want := range map[string]string{"text/html": "New &lt;disks&gt;", "application/json": `"reason": "New <disks>"`, "application/xml": "New &lt;disks&gt;"} {
		if r := h.notice("web", accept); r.status != "503" || !strings.Contains(r.body, want) {
			t.Errorf("%s: %s\n%s", accept, r.status, r.body)
		}
	}
	s.must("release", "web")
	h.isBack("web")

	start := time.Now().Add(2 * time.Second).Truncate(time.Second)
	s.must("window", "add", "web", "backup", "--start", start.Format(time.RFC3339), "--for", "3s", "--reason", "new kernel")
	if after := h.shows("web", "new kernel"); after > 5 { // what is over soon is worth asking for every 5 seconds
		t.Errorf("Retry-After is %d", after)
	}
	h.isBack("web")
	if out := h.tell("status"); !strings.Contains(out, "names of service web point at the site") {
		t.Errorf("page status says\n%s", out)
	}
	if n := h.metric(`dnsfailover_page_requests_total{form="html",site="web.example.test",status="503"}`); n != "1" {
		t.Errorf("the server's metrics count %q pages", n)
	}
	if h.metric("dnsfailover_page_source_up") != "" {
		t.Error("it says to have a source")
	}
}

// TestReloadsKeepThePageHostInside: with another text it shows that one; with a mistake everything stays as it was, and the mistake is named by file, line and column;
// what an operator has said stays, as does a request that waits.
func TestReloadsKeepThePageHostInside(t *testing.T) {
	t.Parallel()
	web := services(t, "", "web")
	s := newServer(t, pages("web", ", texts: {en: {unplanned_title: One}}")+web, nil)
	h := s.startInside()
	h.shows("web", "web.example.test: One")
	h.tell("stop", "web.example.test", "--message", "said by hand", "--for", "1h")
	h.shows("web", "said by hand")

	s.configure(pages("web", ", texts: {en: {unplanned_title: Two}}, planned: {until: tomorrow}, colour: red") + web)
	out, code := s.cli("reload")
	for _, want := range []string{
		`dnsfailover.yaml:10:91: until: "tomorrow" is not a time with its zone`, `dnsfailover.yaml:10:102: a host has no key "colour"`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("a bad reload doesn't say %s:\n%s", want, out)
		}
	}
	if code != 1 {
		t.Errorf("a bad reload ends with %d", code)
	}
	if out := s.must("status"); !strings.Contains(out, "dnsfailover.yaml:10:") {
		t.Errorf("status doesn't tell:\n%s", out)
	}
	h.shows("web", "said by hand")
	if got := address(t, s.dns(), "web.example.test."); got != "127.0.0.1" {
		t.Errorf("DNS answers %q", got)
	}

	s.configure(pages("web", ", texts: {en: {unplanned_title: Two}}") + web)
	s.must("reload")
	h.shows("web", "said by hand")
	if n := h.metric(`dnsfailover_page_site_mode{mode="notice",site="web.example.test"}`); n != "1" {
		t.Errorf("mode: %q", n)
	}
	h.tell("forget", "web.example.test")
	h.shows("web", "Two")

	s.configure(web)
	if out := s.must("reload"); !strings.Contains(out, "listen.page has changed: restart dnsfailover to use it") {
		t.Errorf("without listen.page, reload says\n%s", out)
	}
	h.shows("web", "Two")
}

// address asks for the A record of a name.
func address(t *testing.T, server, name string) string {
	t.Helper()
	client := dns.Client{Timeout: patience}
	m, _, err := client.Exchange(new(dns.Msg).SetQuestion(name, dns.TypeA), server)
	if err != nil || len(m.Answer) == 0 {
		t.Fatalf("%s: %v %v", name, m, err)
	}
	a, ok := m.Answer[0].(*dns.A)
	if !ok {
		t.Fatalf("%s: %v", name, m.Answer[0])
	}
	return a.A.String()
}

// TestTheServerEndsWithItsPages: at SIGTERM no more clients are taken, who is being answered is answered whole, and all of it ends well.
func TestTheServerEndsWithItsPages(t *testing.T) {
	t.Parallel()
	began, release := make(chan bool), make(chan bool)
	site := origin(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first half, ")
		_ = http.NewResponseController(w).Flush()
		began <- true
		<-release
		_, _ = io.WriteString(w, "second half")
	})
	s := newServer(t, pages("web", `, normally: primary, primary: {addresses: ["`+site+`"]}`)+services(t, "", "web"), nil)
	h := s.startInside()
	got := make(chan reply, 1)
	go func() {
		r, err := tryCurl(t, "-H", "Host: web.example.test", "http://"+h.http+"/")
		if err != nil {
			r.body = err.Error()
		}
		got <- r
	}()
	<-began
	if err := s.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nobody is taken any more", func() bool {
		c, err := net.DialTimeout("tcp", h.http, patience)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	if s.Ended() {
		t.Error("it has ended in the middle of an answer")
	}
	close(release)
	if r := <-got; r.status != "200" || r.body != "first half, second half" {
		t.Errorf("who was being answered got %+v", r)
	}
	select {
	case <-s.Exit:
	case <-time.After(patience):
		t.Fatal("SIGTERM didn't end it")
	}
	if code := s.Cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// TestAServerWhosePageHostCantListen names the address and the key, and doesn't start by half.
func TestAServerWhosePageHostCantListen(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	s := newServer(t, "  page: {http: [\""+taken+"\"]}\n"+services(t, "", "web"), nil)
	out, code := s.cli("serve", "--config", "dnsfailover.yaml")
	if code != 1 || !strings.Contains(out, "http "+taken+" is in use by another program: stop it, or name another address") {
		t.Errorf("exit %d\n%s", code, out)
	}
	if matches, _ := filepath.Glob(filepath.Join(s.dir, "*.sock")); len(matches) > 0 {
		t.Errorf("%v are left", matches)
	}
}

// TestCertificatesOfPagesInside are among the problems in the server's status.
func TestCertificatesOfPagesInside(t *testing.T) {
	t.Parallel()
	s := newServer(t, `  page:
    https: ["127.0.0.1:0"]
    certificates: [{certificate: late.pem, key: late.key}]
`+services(t, "", "web"), nil)
	certifyUntil(t, s.dir, "late", "web.example.test", 1, time.Now().Add(-time.Hour))
	h := s.startInside()
	if out := s.must("status"); !strings.Contains(out, "late.pem") || !strings.Contains(out, "expired") {
		t.Errorf("status says\n%s", out)
	}
	if r := curl(t, "-k", "--connect-to", "::"+h.http, "https://web.example.test/"); r.status != "503" {
		t.Errorf("%+v", r)
	}
}
