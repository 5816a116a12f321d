package notice

import (
	"encoding/json"
	"hash/fnv"
	"html/template"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
)

// Form is a form of the notice.
type Form uint8

// The forms, in the order in which they are preferred if a client likes several equally.
const (
	HTML Form = iota
	Text
	JSON
	XML
	PNG
	SVG
	forms
)

// Forms are all forms.
var Forms = [...]Form{HTML, Text, JSON, XML, PNG, SVG}

// String returns the form's name, as metrics and logs have it.
func (f Form) String() string { return [...]string{"html", "text", "json", "xml", "png", "svg"}[f] }

// ContentType returns the media type.
func (f Form) ContentType() string {
	return [...]string{
		"text/html; charset=utf-8", "text/plain; charset=utf-8", "application/problem+json",
		"application/xml; charset=utf-8", "image/png", "image/svg+xml",
	}[f]
}

// Facts are what there is to say.
type Facts struct {
	Planned bool      // a person has announced it
	Reason  string    // in that person's words; empty: not told
	Until   time.Time // when the site is expected back; zero: not known
}

// edition returns a short name of what there is to say. An open page that learns of another one shows itself anew.
func (f Facts) edition() string {
	f.Until = f.Until.UTC()
	h := fnv.New32a()
	_ = json.NewEncoder(h).Encode(f) // the hash takes anything
	return strconv.FormatUint(uint64(h.Sum32()), 36)
}

// Design is how one site says it. It is immutable.
type Design struct {
	Site       string       // whose notice it is: a name, or the first of the host's names; empty: not known
	Logo       template.URL // a data: URL; empty: none
	Accent     string       // colours, as in #0b6e4f; empty: ours
	AccentDark string
	Contact    string             // where visitors can turn to: an http, https, mailto or tel URL; empty: nowhere
	Languages  []Words            // the first one is for those who ask for none of them
	Template   *template.Template // of a page of one's own; nil: ours
	Policy     string             // Content-Security-Policy of that page; empty: one that allows just what the page holds
}

// Answer is one notice in one form and language.
type Answer struct {
	Form     Form
	Language string
	Body     []byte
	Fields   [][2]string // of the header, all that don't depend on the request or the clock
	Head     []byte      // the same as they are sent in HTTP/1.1
}

// Marker is the header field by which the notice is told from the site, Edition the one by which two notices of a site are told apart.
const (
	Marker  = "Dnsfailover-Page"
	Edition = "Dnsfailover-Edition"
)

// complete makes the header.
func (a *Answer) complete(policy, edition string) {
	a.Fields = [][2]string{
		{"Content-Type", a.Form.ContentType()},
		{"Content-Length", strconv.Itoa(len(a.Body))},
		{"Cache-Control", "no-store"},
		{"Vary", "Accept, Accept-Language, Sec-Fetch-Dest"},
		{"X-Content-Type-Options", "nosniff"},
		{Marker, "notice"},
		{Edition, edition},
	}
	if a.Language != "" {
		a.Fields = append(a.Fields, [2]string{"Content-Language", a.Language})
	}
	if policy != "" {
		a.Fields = append(a.Fields, [2]string{"Content-Security-Policy", policy})
	}
	for _, f := range a.Fields {
		a.Head = append(a.Head, f[0]+": "+f[1]+"\r\n"...)
	}
}

// Notice is what one site says now.
type Notice struct {
	Facts  Facts
	Design *Design
	log    *slog.Logger

	answers []atomic.Pointer[Answer] // by language, then form
	making  sync.Mutex
}

// New returns the notice of a site.
func New(d *Design, f Facts, log *slog.Logger) *Notice {
	return &Notice{Facts: f, Design: d, log: log, answers: make([]atomic.Pointer[Answer], len(d.Languages)*int(forms))}
}

// Answer returns the notice in a form and in the language with that index in the design.
func (n *Notice) Answer(form Form, language int) *Answer {
	slot := &n.answers[language*int(forms)+int(form)]
	if a := slot.Load(); a != nil {
		return a
	}
	n.making.Lock()
	defer n.making.Unlock()
	if a := slot.Load(); a != nil {
		return a
	}
	a := n.make(form, &n.Design.Languages[language])
	slot.Store(a)
	return a
}

// AnswerAtOnce returns the same, or nil if it has still to be made and that takes milliseconds: a drawing, or somebody's template.
func (n *Notice) AnswerAtOnce(form Form, language int) *Answer {
	if a := n.answers[language*int(forms)+int(form)].Load(); a != nil {
		return a
	}
	if form == PNG || n.Design.Template != nil {
		return nil
	}
	return n.Answer(form, language)
}

func (n *Notice) make(form Form, words *Words) *Answer {
	a := &Answer{Form: form, Language: words.Tag}
	v := view(n.Design, n.Facts, words)
	policy := ""
	switch form {
	case HTML:
		a.Body, policy = n.page(v)
	case Text:
		a.Body = plain(v)
	case JSON:
		a.Body = problemJSON(v)
	case XML:
		a.Body = problemXML(v)
	case PNG:
		a.Body = drawPNG(v)
	case SVG:
		a.Body = drawSVG(v)
		policy = "default-src 'none'; style-src 'unsafe-inline'"
	}
	a.complete(policy, v.Edition)
	return a
}

// View is what a template is given.
type View struct {
	Language, Site, Title, Text, Reason, Contact, Edition string

	Planned    bool
	Until      time.Time // in UTC; zero if it isn't known
	Logo       template.URL
	Accent     template.CSS
	AccentDark template.CSS
	Words      *Words
}

// Ends says whether it is known when the site is expected back.
func (v *View) Ends() bool { return !v.Until.IsZero() }

// Headline returns the title and, if that is known, whose it is.
func (v *View) Headline() string {
	if v.Site == "" {
		return v.Title
	}
	return v.Site + ": " + v.Title
}

// UntilText returns Until for those who can't have it in their own time zone.
func (v *View) UntilText() string { return v.Until.Format("2006-01-02 15:04 UTC") }

// UntilStamp returns Until in the form of RFC 3339.
func (v *View) UntilStamp() string { return v.Until.Format(time.RFC3339) }

func view(d *Design, f Facts, w *Words) *View {
	v := &View{
		Language: w.Tag, Site: d.Site, Reason: tame(f.Reason), Contact: d.Contact, Planned: f.Planned, Edition: f.edition(), Logo: d.Logo,
		Accent: template.CSS(d.Accent), AccentDark: template.CSS(d.AccentDark), Words: w, // colours are checked by the configuration
	}
	if !f.Until.IsZero() {
		v.Until = f.Until.UTC()
	}
	v.Title, v.Text = w.Unplanned.Title, w.Unplanned.Text
	if f.Planned {
		v.Title, v.Text = w.Planned.Title, w.Planned.Text
	}
	return v
}

// tame returns one line of text that steers neither a terminal nor the direction of writing: a reason is handed on from elsewhere.
func tame(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune("\t\n\v\f\r\u0085\u2028\u2029", r):
			return ' '
		case unicode.IsControl(r), '\u202a' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069':
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "")))
}
