package notice

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"strings"
	"time"

	"golang.org/x/net/html"
)

//go:embed page.html
var builtIn string

var builtInPage = template.Must(template.New("page").Parse(compact(builtIn)))

// compact takes out of our page what is there for its readers: each answer carries the rest. Indentation and comments go, and the space
// around signs that need none, but for what is quoted.
func compact(page string) string {
	page = indentation.ReplaceAllString(page, "\n")
	for part, signs := range map[*regexp.Regexp]*regexp.Regexp{style: punctuation, script: operators} {
		page = part.ReplaceAllStringFunc(page, func(s string) string {
			s = signs.ReplaceAllString(comment.ReplaceAllString(s, "$1"), "$1$2")
			return strings.ReplaceAll(s, ";}", "}") // the last of a block needs no end
		})
	}
	return page
}

var (
	indentation = regexp.MustCompile(`\n\s+`)
	style       = regexp.MustCompile(`(?s)<style>.*</style>`)
	punctuation = regexp.MustCompile(`("[^"]*")|\s*([{};:,])\s*`)
	script      = regexp.MustCompile(`(?s)<script>.*</script>`)
	comment     = regexp.MustCompile(`("[^"]*")|\s*(?://.*|(?s:/\*.*?\*/))`)
	operators   = regexp.MustCompile(`("[^"]*")|\s*([{}();:,=?<>&|+*])\s*`)
)

// maxPage bounds what a template may write, in octets.
const maxPage = 1 << 20

// page returns the page and its Content-Security-Policy. A template that fails now gives way to ours.
func (n *Notice) page(v *View) (body []byte, policy string) {
	if n.Design.Template != nil {
		body, err := render(n.Design.Template, v)
		if err == nil {
			if n.Design.Policy != "" {
				return body, n.Design.Policy
			}
			return body, policyOf(body)
		}
		n.log.Error("template failed, the built-in page is shown", "site", v.Site, "error", err)
	}
	body, err := render(builtInPage, v)
	if err != nil { // it was tried with everything that a view can hold
		return plain(v), ""
	}
	return body, policyOf(body)
}

// render runs a template, bounded.
func render(t *template.Template, v *View) ([]byte, error) {
	var b bounded
	if err := t.Execute(&b, v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxPage {
		return 0, fmt.Errorf("the page is longer than %d KiB", maxPage>>10)
	}
	return b.Buffer.Write(p)
}

// Try runs a template with what it will be given, planned and not, with and without an end, and returns its error: where it is
// and what is wrong.
func (d *Design) Try() error {
	for i := range d.Languages {
		for _, f := range samples {
			if _, err := render(d.Template, view(d, f, &d.Languages[i])); err != nil {
				return err
			}
		}
	}
	return nil
}

// policyOf returns a Content-Security-Policy that allows the styles and scripts that are in the page, pictures in data: URLs and of the site, and
// what the page needs to see whether the site is back. Nothing else is loaded, sent or run.
func policyOf(page []byte) string {
	var styles, scripts []string
	z := html.NewTokenizer(bytes.NewReader(page))
	in := ""
	for {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				return "default-src 'none'"
			}
			return "default-src 'none'; style-src" + sources(styles) + "; script-src" + sources(scripts) +
				"; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
		case html.StartTagToken:
			name, _ := z.TagName()
			in = string(name)
		case html.EndTagToken:
			in = ""
		case html.TextToken:
			sum := sha256.Sum256(z.Raw())
			hash := " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
			switch in {
			case "style":
				styles = append(styles, hash)
			case "script":
				scripts = append(scripts, hash)
			}
		}
	}
}

func sources(hashes []string) string {
	if len(hashes) == 0 {
		return " 'none'"
	}
	return strings.Join(hashes, "")
}

// samples are what a template is tried with.
var samples = []Facts{{}, {Planned: true, Reason: "x", Until: time.Date(2030, 1, 31, 6, 0, 0, 0, time.UTC)}}
