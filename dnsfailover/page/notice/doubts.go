package notice

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Speaks says that there are texts in a language.
func (d *Design) Speaks(tag string) bool { return d.find([]byte(tag)) >= 0 }

// pages returns what the template writes in the first language, unplanned and planned. It is one that Try has found nothing wrong with.
func (d *Design) pages() (out [][]byte) {
	for _, f := range samples {
		if page, err := render(d.Template, view(d, f, &d.Languages[0])); err == nil {
			out = append(out, page)
		}
	}
	return out
}

// Blank says that there is nothing to be seen in one of the pages of the template.
func (d *Design) Blank() bool { return slices.ContainsFunc(d.pages(), blank) }

func blank(page []byte) bool {
	hidden := 0 // depth of what is in the page and not seen
	for z := html.NewTokenizer(bytes.NewReader(page)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return true
		case html.TextToken:
			if hidden == 0 && len(bytes.TrimSpace(z.Text())) > 0 {
				return false
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			switch name, _ := z.TagName(); string(name) {
			case "title", "style", "script", "template":
				hidden++
			case "img", "svg", "picture", "video", "canvas", "object", "embed", "iframe":
				return false
			}
		case html.EndTagToken:
			switch name, _ := z.TagName(); string(name) {
			case "title", "style", "script", "template":
				hidden--
			}
		}
	}
}

// Blocked names what the pages of the template hold and policyOf keeps browsers from using, each once. With a Policy of its own that is
// the operator's matter.
func (d *Design) Blocked() (out []string) {
	if d.Policy != "" {
		return nil
	}
	for _, page := range d.pages() {
		for _, one := range blocked(page) {
			if !slices.Contains(out, one) {
				out = append(out, one)
			}
		}
	}
	return out
}

func blocked(page []byte) (out []string) {
	for z := html.NewTokenizer(bytes.NewReader(page)); z.Next() != html.ErrorToken; {
		token := z.Token()
		if token.Type != html.StartTagToken && token.Type != html.SelfClosingTagToken {
			continue
		}
		at := map[string]string{}
		for _, a := range token.Attr {
			at[a.Key] = strings.TrimSpace(a.Val)
			switch {
			case a.Key == "style":
				out = append(out, fmt.Sprintf(`style="…" of <%s>`, token.Data))
			case strings.HasPrefix(a.Key, "on"):
				out = append(out, fmt.Sprintf(`%s="…" of <%s>`, a.Key, token.Data))
			}
		}
		switch rel := strings.ToLower(at["rel"]); token.Data {
		case "link":
			switch {
			case strings.Contains(rel, "stylesheet"), strings.Contains(rel, "icon") && elsewhere(at["href"]):
				out = append(out, "<link> to "+at["href"])
			}
		case "script":
			if at["src"] != "" {
				out = append(out, "<script> of "+at["src"])
			}
		case "img":
			if elsewhere(at["src"]) {
				out = append(out, "<img> of "+at["src"])
			}
		case "iframe", "object", "embed", "audio", "video", "form":
			out = append(out, "<"+token.Data+">")
		}
	}
	return out
}

// elsewhere says that a URL leads to another host.
func elsewhere(url string) bool {
	lower := strings.ToLower(url)
	return strings.HasPrefix(lower, "http:") || strings.HasPrefix(lower, "https:") || strings.HasPrefix(lower, "//")
}
