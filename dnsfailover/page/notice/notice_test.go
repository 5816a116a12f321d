package notice

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"html/template"
	"image/png"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"
)

func TestNegotiate(t *testing.T) {
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
	const picture = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
	for _, c := range []struct {
		accept, dest, target string
		want                 Form
	}{
		{browser, "document", "/", HTML},
		{browser, "", "/feed.xml", HTML}, // what Accept says comes before what a path looks like
		{picture, "image", "/logo.png", SVG},
		{"image/webp,image/png;q=0.9", "", "/", PNG},
		{"image/*", "", "/", PNG},
		{"image/*", "", "/x.svg", SVG},
		{"image/*;q=0.5,image/svg+xml;q=0", "", "/x.svg", PNG},
		{"*/*", "image", "/logo", SVG},
		{"*/*", "document", "/", HTML},
		{"*/*", "", "/", Text},
		{"", "", "/", Text},
		{"", "", "/a.html", HTML},
		{"", "", "/v1/users.JSON?x=y.png", JSON},
		{"*/*", "", "/feed.rss", XML},
		{"*/*", "", "/a.JPG", PNG},
		{"*/*", "", "/app.js", Text},
		{"application/json", "", "/", JSON},
		{"application/json, text/plain, */*", "", "/", JSON}, // axios and Angular
		{"text/plain, application/json", "", "/", JSON},
		{"text/html, application/json", "", "/", JSON},
		{"text/html, application/json", "", "/a.html", HTML},
		{"application/json;q=0.9, text/plain, */*", "", "/", Text},
		{"application/*", "", "/", JSON},
		{"application/*", "", "/feed.xml", XML},
		{"application/*;q=0.5, text/html;q=0.6", "", "/", HTML},
		{"application/vnd.api+json", "", "/", JSON},
		{"application/ld+JSON, */*;q=0.1", "", "/", JSON},
		{"application/vnd.api+json;q=0.5, text/plain;q=0.6", "", "/", Text},
		{"application/vnd.api+json;q=0", "", "/", Text},
		{"application/atom+xml", "", "/", XML},
		{"application/atom+xml, text/html", "", "/", HTML},
		{"application/xhtml+xml", "", "/", HTML},
		{"image/svg+xml", "", "/", SVG},
		{"+json, +xml", "", "/", Text},
		{"application/json, text/plain;q=0.9, */*;q=0.1", "", "/", JSON},
		{"application/problem+json", "", "/", JSON},
		{"application/xml;q=0.5, application/json;q=0.4", "", "/", XML},
		{"text/*;q=0.3, text/html;q=0.1", "", "/", Text},
		{"text/*", "", "/", HTML},
		{"*/*;q=0.2, text/html;q=0", "", "/a.html", Text},
		{"video/mp4", "", "/film.mp4", Text},
		{"TEXT/HTML ; Q=0.7 , */* ; q=0.1", "", "/", HTML},
		{",,;q=,text/html;q=2;;", "", "/", HTML},
		{"text/html;q=0.001,application/json;q=0.002", "", "/", JSON},
	} {
		if got := Negotiate([]byte(c.accept), []byte(c.dest), []byte(c.target)); got != c.want {
			t.Errorf("Accept %q, destination %q, %s: %s, want %s", c.accept, c.dest, c.target, got, c.want)
		}
	}
}

func TestLanguage(t *testing.T) {
	d := &Design{Languages: Languages("de", []Words{{Tag: "pt-BR", Again: "Tente novamente"}, {Tag: "eo"}})}
	for accept, want := range map[string]string{
		"": "de", "fr": "fr", "fr-CA, en;q=0.9": "fr", "xx, ja;q=0.5, en;q=0.8": "en", "xx": "de", "*": "de", "en;q=0": "de",
		"pt-br": "pt-BR", "pt-PT": "pt", "EO": "eo", "zh-Hant-TW": "zh", "es;q=0.1, *;q=0.5": "de",
	} {
		if got := d.Languages[d.Language([]byte(accept))].Tag; got != want {
			t.Errorf("Accept-Language %q: %s, want %s", accept, got, want)
		}
	}
	for _, w := range d.Languages {
		for _, s := range []string{w.Planned.Title, w.Planned.Text, w.Unplanned.Title, w.Unplanned.Text, w.Reason, w.Back, w.Soon, w.Returns, w.Returned, w.Contact, w.Again} {
			if s == "" {
				t.Errorf("%s is not complete: %+v", w.Tag, w)
			}
		}
	}
}

// hostile is a reason that would do harm in any form that forgot to escape it.
const hostile = `</script><script>alert(1)</script> & "quotes" ]]> ` + "\x00\x1b[31m\u009b2J\u202e\r\nnext: line"

// TestAReasonSteersNothing, in any form, and is one line.
func TestAReasonSteersNothing(t *testing.T) {
	n := New(&Design{Languages: BuiltIn}, Facts{Planned: true, Reason: hostile + "\xff"}, slog.New(slog.DiscardHandler))
	for _, form := range []Form{HTML, Text, JSON, XML, SVG} {
		for line := range strings.Lines(string(n.Answer(form, 0).Body)) {
			if i := strings.IndexFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return unicode.IsControl(r) || r == '\u202e' || r == unicode.ReplacementChar }); i >= 0 {
				t.Errorf("%s: %q", form, line)
			}
			if strings.HasPrefix(line, "next") {
				t.Errorf("%s: a reason has more than one line: %q", form, line)
			}
		}
	}
	for given, want := range map[string]string{"نسخه\u200cها": "نسخه\u200cها", "mise à jour\u00a0: vite": "mise à jour\u00a0: vite", "\x1b\n": ""} {
		if got := tame(given); got != want {
			t.Errorf("%q becomes %q, want %q", given, got, want)
		}
	}
}

func TestEveryFormSaysItInEveryLanguage(t *testing.T) {
	until := time.Date(2030, 1, 31, 6, 0, 0, 0, time.UTC)
	d := &Design{Site: "Ex & Ample", Contact: "mailto:help@example.com", Languages: Languages("en", nil)}
	for _, facts := range []Facts{{}, {Planned: true, Reason: hostile, Until: until}} {
		n := New(d, facts, slog.New(slog.DiscardHandler))
		for i, words := range d.Languages {
			title := words.Unplanned.Title
			if facts.Planned {
				title = words.Planned.Title
			}
			for _, form := range Forms {
				a := n.Answer(form, i)
				body := string(a.Body)
				if again := n.Answer(form, i); again != a {
					t.Errorf("%s in %s is drawn twice", form, words.Tag)
				}
				if !bytes.Contains(a.Head, []byte(Marker+": notice\r\n")) || !bytes.Contains(a.Head, []byte("Cache-Control: no-store\r\n")) {
					t.Errorf("%s: header %s", form, a.Head)
				}
				if strings.Contains(body, "<script>alert") && form != JSON && form != Text {
					t.Errorf("%s in %s runs what somebody wrote as a reason:\n%s", form, words.Tag, body)
				}
				switch form {
				case HTML:
					if !strings.Contains(body, ">"+template.HTMLEscapeString(title)+"<") || !strings.Contains(body, `lang="`+words.Tag+`"`) {
						t.Errorf("HTML in %s:\n%s", words.Tag, body)
					}
					if facts.Planned && !strings.Contains(body, `datetime="2030-01-31T06:00:00Z"`) {
						t.Errorf("HTML without the end:\n%s", body)
					}
				case Text:
					if !strings.Contains(body, title) || facts.Planned && !strings.Contains(body, "2030-01-31 06:00 UTC") {
						t.Errorf("text in %s:\n%s", words.Tag, body)
					}
				case JSON:
					var p map[string]any
					if err := json.Unmarshal(a.Body, &p); err != nil || p["status"] != 503.0 || !strings.Contains(p["detail"].(string), title) || p["planned"] != facts.Planned {
						t.Errorf("JSON in %s: %v\n%s", words.Tag, err, body)
					}
				case XML:
					var p problem
					if err := xml.Unmarshal(a.Body, &p); err != nil || p.Status != 503 || p.Planned != facts.Planned {
						t.Errorf("XML in %s: %v\n%s", words.Tag, err, body)
					}
				case SVG:
					if err := xml.Unmarshal(a.Body, new(struct{})); err != nil {
						t.Errorf("SVG in %s: %v\n%s", words.Tag, err, body)
					}
				case PNG:
					img, err := png.Decode(bytes.NewReader(a.Body))
					if err != nil || img.Bounds().Dx() != width {
						t.Errorf("PNG in %s: %v", words.Tag, err)
					}
				}
			}
		}
	}
}

// TestThePageNeedsNothingElse: it is one file, and its policy allows just what is in it.
func TestThePageNeedsNothingElse(t *testing.T) {
	d := &Design{Site: "example.com", Languages: BuiltIn}
	a := New(d, Facts{}, slog.New(slog.DiscardHandler)).Answer(HTML, 0)
	z := html.NewTokenizer(bytes.NewReader(a.Body))
	for z.Next() != html.ErrorToken {
		token := z.Token()
		for _, attribute := range token.Attr {
			if attribute.Key == "src" || attribute.Key == "style" || strings.HasPrefix(attribute.Key, "on") || attribute.Key == "href" && attribute.Val != "" && attribute.Val != "data:," {
				t.Errorf("<%s %s=%q>", token.Data, attribute.Key, attribute.Val)
			}
		}
	}
	if z.Err() != io.EOF {
		t.Error(z.Err())
	}
	policy := policyOf(a.Body)
	if !strings.Contains(policy, "style-src 'sha256-") || !strings.Contains(policy, "script-src 'sha256-") || strings.Contains(policy, "unsafe") {
		t.Error(policy)
	}
	if len(a.Body) > 6<<10 {
		t.Errorf("the page has %d octets", len(a.Body))
	}
}

// TestCompact: nothing that is quoted is touched, and nothing that means something.
// TestWhatTakesLongIsNotMadeAtOnce: others wait for who answers at once.
func TestWhatTakesLongIsNotMadeAtOnce(t *testing.T) {
	n := New(&Design{Languages: BuiltIn}, Facts{}, slog.New(slog.DiscardHandler))
	for _, f := range Forms {
		if a := n.AnswerAtOnce(f, 0); (a == nil) != (f == PNG) {
			t.Errorf("%v: %v", f, a)
		}
		if a := n.Answer(f, 0); n.AnswerAtOnce(f, 0) != a {
			t.Errorf("%v isn't kept", f)
		}
	}
	own := New(&Design{Languages: BuiltIn, Template: template.Must(template.New("").Parse("own"))}, Facts{}, slog.New(slog.DiscardHandler))
	if own.AnswerAtOnce(HTML, 0) != nil {
		t.Error("a template of somebody's is run at once")
	}
}

func TestCompact(t *testing.T) {
	for page, want := range map[string]string{
		"<p>\n  a, b\n</p>": "<p>\na, b\n</p>",
		"<style>\n  /* c: */ a { font: 1px \"A : B\"; }\n  @media (x: y) {\n    b > c { top: calc(1px + 2px); }\n  }\n</style>": `<style> a{font:1px "A : B"}@media (x:y){b > c{top:calc(1px + 2px)}}</style>`,
		"<script>\n  let a = 1; // b = \"c\"\n  f(\" = //\" + a, a - -a) /* d\n e */;\n</script>":                               `<script>let a=1;f(" = //"+a,a - -a);</script>`,
	} {
		if got := compact(page); got != want {
			t.Errorf("%s\nbecomes %s\nnot %s", page, got, want)
		}
	}
}

// TestEditions: what a visitor reads has another name when it says something else, and the page knows its own.
func TestEditions(t *testing.T) {
	until := time.Date(2030, 1, 31, 6, 0, 0, 0, time.UTC)
	d := &Design{Languages: BuiltIn}
	seen := map[string]bool{}
	for _, f := range []Facts{{}, {Planned: true}, {Planned: true, Reason: "x"}, {Planned: true, Reason: "x", Until: until}, {Planned: true, Reason: "x", Until: until.Add(time.Second)}} {
		edition := f.edition()
		seen[edition] = true
		elsewhere := f
		elsewhere.Until = f.Until.In(time.FixedZone("", 3600))
		if got := elsewhere.edition(); got != edition {
			t.Errorf("%+v is %s and %s", f, edition, got)
		}
		a := New(d, f, slog.New(slog.DiscardHandler)).Answer(HTML, 0)
		if !strings.Contains(string(a.Body), ` data-edition="`+edition+`"`) || !strings.Contains(string(a.Head), Edition+": "+edition+"\r\n") {
			t.Errorf("%s isn't in\n%s%s", edition, a.Head, a.Body)
		}
	}
	if len(seen) != 5 {
		t.Errorf("five notices have %d editions", len(seen))
	}
}

func TestATemplateThatFailsGivesWayToOurs(t *testing.T) {
	parse := func(text string) *template.Template { return template.Must(template.New("own.html").Parse(text)) }
	for text, want := range map[string]string{
		"<p>{{.Title}}":              "<p>" + BuiltIn[0].Unplanned.Title,
		"<p>{{index .Words.Tag 99}}": builtInTitle,
		`{{define "a"}}x{{template "a"}}{{end}}{{template "a"}}`: builtInTitle,
	} {
		d := &Design{Site: "example.com", Languages: BuiltIn, Template: parse(text)}
		body := string(New(d, Facts{}, slog.New(slog.DiscardHandler)).Answer(HTML, 0).Body)
		if !strings.Contains(body, want) {
			t.Errorf("%s gives %.200q", text, body)
		}
	}
}

const builtInTitle = "<!doctype html>"

func FuzzNegotiate(f *testing.F) {
	f.Add("text/html;q=0.5, */*;q=0.1", "image", "/a.png?x", "de, en;q=0.5")
	f.Add("image/*;q=1.0001", "", "/..../", "*;q=")
	d := &Design{Languages: BuiltIn}
	f.Fuzz(func(t *testing.T, accept, dest, target, languages string) {
		if form := Negotiate([]byte(accept), []byte(dest), []byte(target)); form >= forms {
			t.Errorf("form %d", form)
		}
		if i := d.Language([]byte(languages)); i < 0 || i >= len(BuiltIn) {
			t.Errorf("language %d", i)
		}
	})
}

func BenchmarkNegotiate(b *testing.B) {
	accept := []byte("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8")
	languages := []byte("de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7")
	d := &Design{Languages: BuiltIn}
	b.ReportAllocs()
	for b.Loop() {
		Negotiate(accept, nil, []byte("/some/path"))
		d.Language(languages)
	}
}
