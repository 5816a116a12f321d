package page

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tick is what the countdown showed, and when, in milliseconds since 1970.
type tick struct {
	At   int64
	Text string
}

// testCountdown reads the countdown for two seconds.
func testCountdown(t *testing.T, b *browser, h *host) {
	p := b.open(t, look{}, h.at("www", "/"))
	ticks := eval[[]tick](p, `new Promise(done => {
		const left = document.getElementById("left"), ticks = [];
		new MutationObserver(() => {
			ticks.push({ at: Date.now(), text: left.textContent });
			if (ticks.length == 3) done(ticks);
		}).observe(left, { childList: true });
	})`)
	if took := ticks[2].At - ticks[0].At; took < 1500 || took > 4000 {
		t.Errorf("two ticks take %d ms", took)
	}
	until, err := time.Parse(time.RFC3339, eval[string](p, `document.getElementById("at").dateTime`))
	if err != nil || time.Until(until) < 50*time.Minute || time.Until(until) > time.Hour {
		t.Errorf("the end is %v, %v", until, err)
	}
	for i, tick := range ticks {
		left := until.Sub(time.UnixMilli(tick.At)).Seconds()
		minutes, seconds, _ := strings.Cut(tick.Text, ":")
		m, err1 := strconv.Atoi(minutes)
		s, err2 := strconv.Atoi(seconds)
		if shown := float64(60*m + s); err1 != nil || err2 != nil || shown < left-2 || shown > left+2 {
			t.Errorf("the countdown shows %q, with %.1f s left", tick.Text, left)
		}
		if i > 0 && tick.Text == ticks[i-1].Text {
			t.Errorf("a tick changes nothing: %v", ticks)
		}
	}
	p.keepsToItself()
}

// How often the page asks, in seconds, each time give or take a fifth: as README has it.
const (
	usually     = 15.
	aroundEnd   = 5.
	whenCovered = 60.
)

// TestBrowserGoesBackToTheSite leaves the page open in several tabs, until the site is back in the one way or the other. Nobody touches
// them meanwhile.
func TestBrowserGoesBackToTheSite(t *testing.T) {
	t.Parallel()
	b := chromium(t)
	ending := b.open(t, look{}, "about:blank")
	ending.call("Page.addScriptToEvaluateOnNewDocument", object{"source": `new MutationObserver(() => {
		const left = document.getElementById("left");
		if (left?.textContent) sessionStorage.seen = (sessionStorage.seen ?? "") + "|" + left.textContent;
	}).observe(document, { subtree: true, childList: true });`}, nil)
	answer := func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<title>The site</title>", r.URL) }
	site := origin(t, answer)
	soon := `planned: {reason: "New disks", until: "` + in(29*time.Second) + `"}`
	h := begin(t, listen+`hosts:
  - {names: [resumed.example.com], `+soon+`, primary: {addresses: ["`+site+`"]}}
  - {names: [switched.example.com], `+soon+`, primary: {addresses: ["`+site+`"]}, normally: primary, file: maintenance}
  - {names: [covered.example.com, told.example.com], `+soon+`}
  - {names: [ending.example.com], planned: {until: "`+in(10*time.Second)+`"}}
  - {names: [usual.example.com]}`, map[string]string{"maintenance": ""})
	ending.show(h.at("ending", "/"))
	other := &host{t: t, dir: t.TempDir()}
	certify(t, other.dir, "moved.example.com", 1)
	write(t, other.dir, "page.yaml", `listen: {http: ["127.0.0.1:0"], https: ["127.0.0.1:0"], admin: "off"}
state: state
certificates: [{certificate: moved.example.com.pem, key: moved.example.com.key}]
hosts: [{names: [moved.example.com], `+soon+`}]`)
	other.run(other.command("page", "--config", "page.yaml"))
	usual := b.open(t, look{}, h.at("usual", "/"))
	covered := b.open(t, look{}, h.at("covered", "/"))
	covered.cover()
	asked := len(covered.asked("HEAD"))
	told := b.open(t, look{}, h.at("told", "/"))
	resumed := b.open(t, look{}, h.at("resumed", "/a?b=c"))
	switched := b.open(t, look{phone: true}, h.at("switched", "/a#part"))
	_, port, _ := strings.Cut(other.https, ":")
	secure := "https://moved.example.com:" + port + "/"
	moved := b.open(t, look{}, secure)
	if got := eval[string](moved, `performance.getEntriesByType("navigation")[0].nextHopProtocol`); got != "h2" {
		t.Errorf("over TLS the page came by %s", got)
	}
	for _, p := range []*tab{usual, covered, told, resumed, switched, moved} {
		if title := eval[string](p, "document.title"); !strings.HasPrefix(title, "Under maintenance · ") && !strings.HasPrefix(title, "Back in a moment · ") {
			t.Fatalf("the notice's title is %q", title)
		}
	}

	h.tell("resume", "resumed.example.com")
	if err := os.Remove(filepath.Join(h.dir, "maintenance")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the page has asked over HTTP/2", func() bool { return len(moved.asked("HEAD")) > 0 })
	if err := other.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-other.Exit
	l, err := net.Listen("tcp", other.https)
	if err != nil {
		t.Fatal(err)
	}
	there := http.Server{Handler: http.HandlerFunc(answer)}
	go func() {
		_ = there.ServeTLS(l, filepath.Join(other.dir, "moved.example.com.pem"), filepath.Join(other.dir, "moved.example.com.key"))
	}()
	t.Cleanup(func() { there.Close() })
	for page, p := range map[string]*tab{h.at("resumed", "/a?b=c"): resumed, h.at("switched", "/a#part"): switched, secure: moved} {
		p.await(`document.title == "The site" && document.readyState == "complete"`)
		if now := eval[string](p, "location.href"); now != page {
			t.Errorf("%s was left for %s", page, now)
		}
		if n := len(p.asked("GET")); n > 3 { // the notice, the site, and the icon of it
			t.Errorf("%s was asked for %d times", page, n)
		}
		p.keepsToItself()
	}

	// When the end has come, it says so; once the page host doesn't speak of that end any more, the page doesn't either.
	ending.await(`sessionStorage.seen?.includes("|0:01|Any moment now") && !document.getElementById("left")`)
	if title := eval[string](ending, "document.title"); title != "Back in a moment · ending.example.com" {
		t.Errorf("after the end the title is %q", title)
	}

	// Who says something else is heard.
	h.tell("stop", "told.example.com", "--message", "Newer disks", "--for", "25s")
	told.await(`document.querySelector(".reason dd").textContent == "Newer disks"`)

	eventually(t, "each page has asked", func() bool { return len(usual.asked("HEAD")) > 0 && len(told.asked("HEAD")) > 1 })
	for p, every := range map[*tab]float64{usual: usually, told: aroundEnd, ending: aroundEnd, moved: aroundEnd, resumed: aroundEnd, switched: aroundEnd} {
		polls := p.asked("HEAD")
		before := p.asked("GET")[0]
		for _, r := range polls {
			if gap := r.at - before.at; gap < .8*every-.1 {
				t.Errorf("%s is asked for again after %.1f s", r.url, gap)
			}
			before = r
		}
	}
	if n := len(covered.asked("HEAD")) - asked; n > 0 {
		t.Errorf("a page that nobody sees has asked %d times, with %g s between at least", n, .8*whenCovered)
	}
	for _, p := range []*tab{usual, covered} {
		if got := p.asked("GET"); len(got) != 1 {
			t.Errorf("a notice that stands is loaded %d times: %v", len(got), got)
		}
	}
	covered.call("Page.bringToFront", object{}, nil)
	eventually(t, "who comes back to the page needn't wait", func() bool { return len(covered.asked("HEAD")) > asked })
	for _, p := range []*tab{usual, covered, told, ending} {
		p.keepsToItself()
	}
}
