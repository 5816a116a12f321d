package page

import (
	"fmt"
	"image"
	"math"
	"strings"
	"testing"
	"time"

	"dnsfailover/dnsfailover/page/notice"
)

// TestBrowser opens the page in a headless Chromium, as a phone and as a desktop, and leaves screenshots among the artifacts of its tests.
func TestBrowser(t *testing.T) {
	t.Parallel()
	b, h := chromium(t), sites(t)
	for _, l := range []look{{}, {dark: true}, {phone: true}, {phone: true, dark: true}} {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			testLook(t, b, h, l)
		})
	}
	for name, test := range map[string]func(*testing.T, *browser, *host){
		"languages":  testLanguages,
		"access":     testAccess,
		"scriptless": testScriptless,
		"policy":     testPolicy,
		"picture":    testPicture,
		"countdown":  testCountdown,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, b, h)
		})
	}
}

// at returns a URL of the host, by one of its names. The browser takes all names below example.com to this machine.
func (h *host) at(name, path string) string {
	_, port, _ := strings.Cut(h.http, ":")
	return "http://" + name + ".example.com:" + port + path
}

// in returns the time that lies a while ahead, as a configuration has it.
func in(while time.Duration) string { return time.Now().Add(while).UTC().Format(time.RFC3339) }

const (
	unbroken = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz" + "https://status.example.com/incidents/0123456789012345678901234567890123456789"
	arabic   = `{ar: {title: "الموقع تحت الصيانة", text: "نعمل على تحسين الموقع. شكرا لصبركم.", unplanned_title: "سنعود قريبا", unplanned_text: "لا يمكن الوصول إلى الموقع الآن.",
      reason: "ما يجري الآن", back: "العودة المتوقعة", again: "حاول مرة أخرى", contact: "اتصل بنا", returns: "يمكنكم ترك هذه الصفحة مفتوحة."}}`
)

// sites are one as most are, one with texts that fill any screen, and one that is down without a plan.
func sites(t *testing.T) *host {
	t.Helper()
	return begin(t, listen+`hosts:
  - {names: [www.example.com], contact: "mailto:help@example.com", planned: {reason: "We are replacing the disks of the database.", until: "`+in(time.Hour)+`"}}
  - {names: [long.example.com], site: "`+unbroken+`", texts: `+arabic+`, contact: "mailto:help@example.com", accent: "#123456", planned: {reason: "`+unbroken+`", until: "`+in(20000*time.Hour)+`"}}
  - {names: [down.example.com], texts: `+arabic+`}
`, nil)
}

// testLook draws the page and reads what is drawn.
func testLook(t *testing.T, b *browser, h *host, l look) {
	p := b.open(t, l, h.at("www", "/"))
	width := p.width
	if l.phone {
		width *= 2 // the scale
	}
	for _, name := range []string{"www", "long", "down"} {
		if name != "www" {
			p.show(h.at(name, "/"))
		}
		drawn := p.screenshot(name)
		light, ink := measure(drawn)
		t.Logf("%s: %v, brightness %.3f, %.1f %% ink", name, drawn.Bounds().Size(), light, 100*ink)
		if l.dark && light > .2 || !l.dark && light < .8 {
			t.Errorf("%s: the brightness is %.2f", name, light)
		}
		if ink < .005 || ink > .2 {
			t.Errorf("%s: %.1f %% of the page are drawn upon", name, 100*ink)
		}
		if drawn.Bounds().Dx() != width {
			t.Errorf("%s: it is drawn %d wide, not %d", name, drawn.Bounds().Dx(), width)
		}
		legible(t, p, name)
	}
	p.keepsToItself()
}

// measure returns the mean brightness of a picture, 0 being black and 1 white, and the share of it that stands out. Every second pixel of
// every second row is enough.
func measure(m *image.RGBA) (light, ink float64) {
	var all []float64
	for y := 0; y < m.Rect.Dy(); y += 2 {
		row := m.Pix[y*m.Stride:]
		for x := 0; x < m.Rect.Dx(); x += 2 {
			all = append(all, (.2126*float64(row[4*x])+.7152*float64(row[4*x+1])+.0722*float64(row[4*x+2]))/255)
		}
	}
	for _, l := range all {
		light += l / float64(len(all))
	}
	for _, l := range all {
		if math.Abs(l-light) > .3 {
			ink += 1 / float64(len(all))
		}
	}
	return light, ink
}

// seen is what the page consists of for who looks at it.
type seen struct {
	Width float64 // in CSS pixels, all that can be scrolled to
	Texts []struct {
		Text             string
		Size             float64 // in CSS pixels
		Contrast         float64 // WCAG 2.2, 1 to 21
		Faded            bool
		Left, Right      float64
		MainLeft, MainTo float64
	}
}

// look over all visible texts. Colours are laid over each other by a canvas, which knows every way to write one.
const lookOver = `(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const luminance = colours => {
    for (const c of colours) { canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); }
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const texts = [], nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), main = document.querySelector("main").getBoundingClientRect();
  for (let n; n = nodes.nextNode();) {
    const own = n.parentElement;
    if (!n.data.trim() || !own.checkVisibility()) continue;
    const above = [];
    let faded = false;
    for (let e = own; e; e = e.parentElement) {
      above.unshift(getComputedStyle(e).backgroundColor);
      faded ||= getComputedStyle(e).opacity != 1;
    }
    const style = getComputedStyle(own), ground = luminance(["white", ...above]), ink = luminance([style.color]);
    const range = document.createRange();
    range.selectNodeContents(n);
    const box = range.getBoundingClientRect();
    texts.push({
      text: n.data.trim(), size: parseFloat(style.fontSize), contrast: (Math.max(ground, ink) + .05) / (Math.min(ground, ink) + .05), faded,
      left: box.left, right: box.right, mainLeft: main.left, mainTo: main.right,
    });
  }
  return { width: document.scrollingElement.scrollWidth, texts };
})()`

// legible fails the test if a text of the page is too small, too faint (WCAG 2.2, 1.4.3) or reaches out of its card.
func legible(t *testing.T, p *tab, what string) {
	t.Helper()
	page := eval[seen](p, lookOver)
	if page.Width > float64(p.width) {
		t.Errorf("%s: it is %g wide on a screen of %d", what, page.Width, p.width)
	}
	if len(page.Texts) < 4 {
		t.Errorf("%s: it has %d texts: %v", what, len(page.Texts), page.Texts)
	}
	for _, text := range page.Texts {
		where := fmt.Sprintf("%s: %.30q", what, text.Text)
		if text.Size < 16 {
			t.Errorf("%s is %g pixels tall", where, text.Size)
		}
		if text.Contrast < 4.5 || text.Faded {
			t.Errorf("%s has a contrast of %.1f, faded %v", where, text.Contrast, text.Faded)
		}
		if text.Left < text.MainLeft || text.Right > text.MainTo {
			t.Errorf("%s reaches from %g to %g, its card from %g to %g", where, text.Left, text.Right, text.MainLeft, text.MainTo)
		}
	}
}

// testLanguages shows the page on a phone in each language that is built in, and in one that is written from right to left; on a narrow
// one too, to which the others are enlarged by who sees little (WCAG 2.2, 1.4.10).
func testLanguages(t *testing.T, b *browser, h *host) {
	p := b.open(t, look{phone: true}, h.at("www", "/"))
	titles := map[string]bool{}
	languages := []string{"ar"}
	for _, words := range notice.BuiltIn {
		languages = append(languages, words.Tag)
	}
	for _, language := range languages {
		p.speak(language)
		for _, name := range []string{"down", "long"} {
			p.show(h.at(name, "/"))
			legible(t, p, language+" "+name)
			if got := eval[string](p, "document.documentElement.lang"); got != language {
				t.Errorf("who asks for %s gets %s", language, got)
			}
			direction := "ltr"
			if language == "ar" {
				direction = "rtl"
			}
			if got := eval[string](p, `getComputedStyle(document.querySelector("h1")).direction`); got != direction {
				t.Errorf("%s is written %s", language, got)
			}
			titles[eval[string](p, "document.title")] = true
		}
		p.screenshot(language)
		p.phone(320)
		legible(t, p, language+" narrow")
		p.phone(360)
	}
	if len(titles) != 2*len(languages) {
		t.Errorf("%d different titles in %d languages, planned and not: %v", len(titles), len(languages), titles)
	}
	p.keepsToItself()
}

// testPolicy sees that the console tells of violations, which the other tests rely on, and that the page's policy lets nothing else in.
func testPolicy(t *testing.T, b *browser, h *host) {
	p := b.open(t, look{}, h.at("www", "/"))
	p.keepsToItself()
	eval[any](p, `void document.body.insertAdjacentHTML("beforeend", "<img src='http://other.example.com/'><p style='color: red' onclick='x()'>")`)
	eventually(t, "the console tells of all three", func() bool {
		told := strings.Join(p.complains(), "\n")
		return strings.Contains(told, "img-src") && strings.Contains(told, "inline style") && strings.Contains(told, "inline event handler")
	})
}

// testPicture has the picture where a page has one from the site, and looks at it in both schemes.
func testPicture(t *testing.T, b *browser, h *host) {
	for _, l := range []look{{}, {dark: true}} {
		p := b.open(t, l, h.at("www", "/"))
		if wide := eval[int](p, `new Promise(done => {
			const picture = new Image();
			picture.onload = picture.onerror = () => done(picture.naturalWidth);
			picture.src = "/photos/1.jpg";
			picture.style.maxWidth = picture.style.maxHeight = "none";
			document.body.replaceChildren(picture);
		})`); wide != 640 {
			t.Fatalf("the picture is %d wide", wide)
		}
		light, ink := measure(p.screenshot(l.String()))
		if l.dark && light > .2 || !l.dark && light < .8 || ink < .002 {
			t.Errorf("%s: the brightness is %.2f, %.1f %% are drawn upon", l, light, 100*ink)
		}
		p.keepsToItself()
	}
}
