package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// look is how a tab looks at a page. Without more, it is a desktop in the light scheme.
type look struct {
	phone, dark, still, scriptless bool
}

func (l look) String() string {
	size, scheme := "desktop", "light"
	if l.phone {
		size = "phone"
	}
	if l.dark {
		scheme = "dark"
	}
	return size + "-" + scheme
}

// tab is a page in a window and a profile of its own.
type tab struct {
	t                testing.TB
	browser          *browser
	profile, session string
	width            int // of its screen, in CSS pixels

	mu         sync.Mutex      // of what follows
	loaded     map[string]bool // by what the browser names a navigation
	requests   []request
	complaints []string // of the console and the log: errors, warnings, violations of the policy
}

// request is what a tab has asked for, and when, in seconds of some clock.
type request struct {
	method, url string
	by          string // the URL of the page that asked
	at          float64
}

// open shows a page in a new tab and waits until it is loaded.
func (b *browser) open(t testing.TB, l look, page string) *tab {
	t.Helper()
	own := &tab{t: t, browser: b, loaded: map[string]bool{}}
	var made struct{ BrowserContextID, TargetID, SessionID string }
	own.call("Target.createBrowserContext", object{"disposeOnDetach": true}, &made)
	own.call("Target.createTarget", object{"url": "about:blank", "browserContextId": made.BrowserContextID, "newWindow": true}, &made)
	own.call("Target.attachToTarget", object{"targetId": made.TargetID, "flatten": true}, &made)
	own.profile, own.session = made.BrowserContextID, made.SessionID
	b.mu.Lock()
	b.tabs[own.session] = own
	b.mu.Unlock()
	t.Cleanup(func() {
		_ = b.try("", "Target.disposeBrowserContext", object{"browserContextId": own.profile}, nil)
	})

	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		own.call(domain+".enable", object{}, nil)
	}
	own.call("Page.setLifecycleEventsEnabled", object{"enabled": true}, nil)
	own.call("Emulation.setScrollbarsHidden", object{"hidden": true}, nil)
	if l.phone {
		own.phone(360)
	} else {
		own.width = 1280
		own.call("Emulation.setDeviceMetricsOverride", object{"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": false}, nil)
	}
	scheme, motion := "light", "no-preference"
	if l.dark {
		scheme = "dark"
	}
	if l.still {
		motion = "reduce"
	}
	own.call("Emulation.setEmulatedMedia", object{"features": []object{
		{"name": "prefers-color-scheme", "value": scheme},
		{"name": "prefers-reduced-motion", "value": motion},
	}}, nil)
	own.call("Emulation.setScriptExecutionDisabled", object{"value": l.scriptless}, nil)
	own.show(page)
	return own
}

// phone makes the tab that of a phone of some width, in CSS pixels.
func (p *tab) phone(width int) {
	p.t.Helper()
	p.width = width
	p.call("Emulation.setDeviceMetricsOverride", object{"width": width, "height": 740, "deviceScaleFactor": 2, "mobile": true}, nil)
}

// show goes to a page and waits until it is loaded.
func (p *tab) show(page string) {
	p.t.Helper()
	var gone struct{ ErrorText, LoaderID string }
	p.call("Page.navigate", object{"url": page}, &gone)
	if gone.ErrorText != "" {
		p.t.Fatalf("%s: %s", page, gone.ErrorText)
	}
	eventually(p.t, page+" is loaded", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.loaded[gone.LoaderID]
	})
}

// speak makes what the tab asks for from now on asked for in a language.
func (p *tab) speak(language string) {
	p.t.Helper()
	p.call("Network.setExtraHTTPHeaders", object{"headers": object{"Accept-Language": language}}, nil)
}

// cover hides the tab behind another one in the same window.
func (p *tab) cover() {
	p.t.Helper()
	p.call("Target.createTarget", object{"url": "about:blank", "browserContextId": p.profile}, nil)
	p.await(`document.visibilityState == "hidden"`)
}

// call calls a method and ends the test if it fails.
func (p *tab) call(method string, params object, result any) {
	p.t.Helper()
	if err := p.browser.try(p.session, method, params, result); err != nil {
		p.t.Fatal(err)
	}
}

// eval returns what an expression is in the page, through JSON. It sees the page even where scripts are switched off.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	value, err := tryEval[T](p, expression)
	if err != nil {
		p.t.Fatalf("%.200s: %v", expression, err)
	}
	return value
}

func tryEval[T any](p *tab, expression string) (T, error) {
	var out struct {
		Result           struct{ Value T }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := p.browser.try(p.session, "Runtime.evaluate", object{"expression": expression, "returnByValue": true, "awaitPromise": true}, &out)
	if err == nil && out.ExceptionDetails != nil {
		err = fmt.Errorf("%s %s", out.ExceptionDetails.Text, out.ExceptionDetails.Exception.Description)
	}
	return out.Result.Value, err
}

// await waits until an expression is true in the page, whichever page the tab shows by then.
func (p *tab) await(expression string) {
	p.t.Helper()
	eventually(p.t, expression, func() bool {
		is, err := tryEval[bool](p, expression)
		return err == nil && is
	})
}

// screenshot draws the page from its top to its end, and leaves it among the test's artifacts (go test -artifacts).
func (p *tab) screenshot(name string) *image.RGBA {
	p.t.Helper()
	var shot struct{ Data []byte }
	p.call("Page.captureScreenshot", object{"format": "png", "captureBeyondViewport": true}, &shot)
	drawn, err := png.Decode(bytes.NewReader(shot.Data))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.t.ArtifactDir(), name+".png"), shot.Data, 0o600); err != nil {
		p.t.Fatal(err)
	}
	shown := image.NewRGBA(drawn.Bounds())
	draw.Draw(shown, shown.Bounds(), drawn, drawn.Bounds().Min, draw.Src)
	return shown
}

// note writes down what the tab asked for, and what it complained of.
func (p *tab) note(m message) {
	var e struct {
		Name, LoaderID string
		DocumentURL    string
		Request        struct{ Method, URL string }
		Timestamp      json.Number // of some events it is no number
		Entry          struct{ Source, Level, Text string }
		Type           string
		Args           []struct{ Value, Description any }
	}
	_ = json.Unmarshal(m.Params, &e)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch m.Method {
	case "Page.lifecycleEvent":
		if e.Name == "load" {
			p.loaded[e.LoaderID] = true
		}
	case "Network.requestWillBeSent":
		at, _ := e.Timestamp.Float64()
		p.requests = append(p.requests, request{e.Request.Method, e.Request.URL, e.DocumentURL, at})
	case "Log.entryAdded":
		// What comes of the network is in requests; a notice's status is logged as an error, and is what it has to be.
		if e.Entry.Source != "network" && e.Entry.Level != "verbose" {
			p.complaints = append(p.complaints, e.Entry.Source+" "+e.Entry.Level+": "+e.Entry.Text)
		}
	case "Runtime.consoleAPICalled":
		p.complaints = append(p.complaints, fmt.Sprintf("console.%s%v", e.Type, e.Args))
	case "Runtime.exceptionThrown":
		p.complaints = append(p.complaints, string(m.Params))
	}
}

// asked returns the requests that the tab has made so far with a method.
func (p *tab) asked(method string) (out []request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.requests {
		if r.method == method {
			out = append(out, r)
		}
	}
	return out
}

// complains returns what the console has shown so far.
func (p *tab) complains() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.complaints)
}

// keepsToItself fails the test if the page has loaded anything but from its own site, or has given the console a reason to complain.
func (p *tab) keepsToItself() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.requests {
		by, err1 := url.Parse(r.by)
		to, err2 := url.Parse(r.url)
		if err1 != nil || err2 != nil || to.Scheme != "data" && (to.Scheme != by.Scheme || to.Host != by.Host) {
			p.t.Errorf("%s asks for %s", r.by, r.url)
		}
	}
	for _, c := range p.complaints {
		p.t.Errorf("the console shows %s", c)
	}
}
