package notice

import (
	"bytes"
	"strings"
)

// media are the media types of each form. A range such as image/* is about the first ones only: who takes application/* has not HTML in
// mind.
var media = [forms][]string{
	HTML: {"text/html", "application/xhtml+xml"},
	Text: {"text/plain"},
	JSON: {"application/problem+json", "application/json"},
	XML:  {"application/xml", "text/xml", "application/problem+xml"},
	PNG:  {"image/png"},
	SVG:  {"image/svg+xml"},
}

// extensions say which form a path is about. Those of what a page brings along (styles, scripts) get the shortest one.
var extensions = map[string]Form{
	"html": HTML, "htm": HTML, "php": HTML, "asp": HTML, "aspx": HTML, "jsp": HTML,
	"json": JSON, "jsonld": JSON, "geojson": JSON, "webmanifest": JSON,
	"xml": XML, "rss": XML, "atom": XML,
	"png": PNG, "jpg": PNG, "jpeg": PNG, "gif": PNG, "webp": PNG, "avif": PNG, "ico": PNG, "bmp": PNG,
	"svg": SVG,
}

// rated is how much a client likes a form.
type rated struct {
	q       int // in thousandths; -1: nothing was said
	precise int // 3: the type itself was named, 2: as in image/*, 1: */*
}

// Negotiate returns the form for a request with an Accept and a Sec-Fetch-Dest header (RFC 9110 section 12.5.1, Fetch Metadata)
// for target, which is a path with or without a query. Where Accept leaves it open, an extension decides; then a program is assumed, for
// every browser names HTML, and gets plain text. A client that accepts none of the forms gets plain text too: a notice
// has something to say.
func Negotiate(accept, dest, target []byte) Form {
	var rates [forms]rated
	for f := range rates {
		rates[f].q = -1
	}
	rate(&rates, accept)
	hint, hinted := extension(target)
	switch {
	case string(dest) == "image" && !hinted:
		hint, hinted = SVG, true
	case string(dest) == "document" && !hinted:
		hint, hinted = HTML, true
	}
	best, found := Text, false
	for f := range forms {
		r, b := rates[f], rates[best]
		switch {
		case r.q <= 0:
			continue
		case !found, r.q > b.q, r.q == b.q && r.precise > b.precise:
		case r.q == b.q && r.precise == b.precise && !betterThan(f, best, r.precise, hint, hinted):
			continue
		case r.q < b.q, r.precise < b.precise:
			continue
		}
		best, found = f, true
	}
	switch {
	case found:
		return best
	case len(bytes.TrimSpace(accept)) == 0 && hinted:
		return hint
	}
	return Text
}

// betterThan decides between forms that are liked equally. Who names JSON reads it: libraries for HTTP ask for
// "application/json, text/plain, */*".
func betterThan(f, best Form, precise int, hint Form, hinted bool) bool {
	switch {
	case hinted && best == hint:
		return false
	case hinted && f == hint, precise == 3 && f == JSON:
		return true
	}
	return precise == 1 && f == Text // with */* alone it is a program that asks
}

// rate reads the ranges of an Accept header. What can't be understood is skipped.
func rate(rates *[forms]rated, accept []byte) {
	for len(accept) > 0 {
		var item []byte
		item, accept = cut(accept, ',')
		name, parameters := cut(item, ';')
		name = bytes.TrimSpace(name)
		q := weight(parameters)
		like := suffixed(name)
		for f := range forms {
			precise := 0
			switch {
			case len(name) == 3 && string(name) == "*/*":
				precise = 1
			case bytes.HasSuffix(name, []byte("/*")) && covers(name[:len(name)-1], f):
				precise = 2
			case f == like, named(name, f):
				precise = 3
			}
			if r := &rates[f]; precise > r.precise || precise > 0 && precise == r.precise && q > r.q {
				*r = rated{q, precise}
			}
		}
	}
}

// covers says whether a range such as image/ includes the first type of the form.
func covers(prefix []byte, f Form) bool {
	first := media[f][0]
	return len(prefix) < len(first) && bytes.EqualFold(prefix, []byte(first[:len(prefix)]))
}

// suffixed returns the form as which a type can be read by its suffix (RFC 6839 section 3), as forms if there is none, or one that is
// named by it whole.
func suffixed(name []byte) Form {
	plus := bytes.LastIndexByte(name, '+')
	if plus <= 0 || named(name, HTML) || named(name, SVG) {
		return forms
	}
	switch suffix := name[plus:]; {
	case bytes.EqualFold(suffix, []byte("+json")):
		return JSON
	case bytes.EqualFold(suffix, []byte("+xml")):
		return XML
	}
	return forms
}

func named(name []byte, f Form) bool {
	for _, m := range media[f] {
		if len(name) == len(m) && bytes.EqualFold(name, []byte(m)) {
			return true
		}
	}
	return false
}

// weight returns the q of parameters such as "charset=utf-8; q=0.5", in thousandths.
func weight(parameters []byte) int {
	for len(parameters) > 0 {
		var p []byte
		p, parameters = cut(parameters, ';')
		p = bytes.TrimSpace(p)
		if len(p) < 3 || p[0] != 'q' && p[0] != 'Q' || p[1] != '=' {
			continue
		}
		return thousandths(p[2:])
	}
	return 1000
}

// thousandths reads a weight of RFC 9110 section 12.4.2; what isn't one counts as 1.
func thousandths(b []byte) int {
	if len(b) == 0 || len(b) > 5 || b[0] != '0' && b[0] != '1' || len(b) > 1 && b[1] != '.' {
		return 1000
	}
	n := 1000 * int(b[0]-'0')
	for unit, rest := 100, b[min(2, len(b)):]; len(rest) > 0; unit, rest = unit/10, rest[1:] {
		if rest[0] < '0' || rest[0] > '9' {
			return 1000
		}
		n += unit * int(rest[0]-'0')
	}
	return min(n, 1000)
}

// extension returns the form that a path's extension asks for.
func extension(target []byte) (Form, bool) {
	path, _ := cut(target, '?')
	path = path[bytes.LastIndexByte(path, '/')+1:]
	dot := bytes.LastIndexByte(path, '.')
	if dot < 0 || len(path)-dot > 12 {
		return 0, false
	}
	var lower [12]byte
	ext := lower[:0]
	for _, c := range path[dot+1:] {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		ext = append(ext, c)
	}
	f, ok := extensions[string(ext)]
	return f, ok
}

// Language returns the index of the language of d that an Accept-Language header (RFC 9110 section 12.5.4) likes best.
func (d *Design) Language(accept []byte) int {
	best, bestQ := 0, 0
	for len(accept) > 0 {
		var item []byte
		item, accept = cut(accept, ',')
		tag, parameters := cut(item, ';')
		tag = bytes.TrimSpace(tag)
		q := weight(parameters)
		if q <= bestQ {
			continue
		}
		if i := d.find(tag); i >= 0 {
			best, bestQ = i, q
		}
	}
	return best
}

// find returns the language of d with that tag, or of its first subtag; -1 if there is none.
func (d *Design) find(tag []byte) int {
	if len(tag) == 1 && tag[0] == '*' {
		return 0
	}
	primary, _ := cut(tag, '-')
	near := -1
	for i := range d.Languages {
		known := d.Languages[i].Tag
		switch {
		case len(tag) == len(known) && strings.EqualFold(string(tag), known):
			return i
		case near < 0 && len(primary) == len(known) && strings.EqualFold(string(primary), known):
			near = i
		}
	}
	return near
}

// cut is bytes.Cut for one octet.
func cut(b []byte, sep byte) (before, after []byte) {
	if i := bytes.IndexByte(b, sep); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}
