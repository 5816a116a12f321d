package config

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// document returns the root of the one YAML document in data, or nil after reporting why there is none. least is what has to
// be in it.
func document(r *report, data []byte, least string) *yaml.Node {
	if at, ok := badByte(data); ok {
		r.problem(at, "there is a byte here that isn't text: the file must be UTF-8 without control characters")
		return nil
	}
	first, second, err := readYAML(bytes.NewReader(data))
	switch {
	case err != nil:
		explain(r, data, err)
		return nil
	case first == nil || first.Content[0].Tag == "!!null":
		r.problem(pos{1, 1}, "the file says nothing: it needs %s", least)
		return nil
	case second != nil:
		r.problem(pos{second.Line, second.Column}, "a second document begins here: a configuration is one document, remove the line ---")
	}
	plain(r, first.Content[0])
	return first.Content[0]
}

// readYAML parses the first document of what in holds, and the second one if there are more.
// A panic of the parser, of which two kinds are known, is an error like any other:
// a bad file must not end a server that has a good one.
func readYAML(in io.Reader) (first, second *yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the parser gave up")
		}
	}()
	d := yaml.NewDecoder(in)
	var nodes [2]yaml.Node
	for i := range nodes {
		switch err := d.Decode(&nodes[i]); {
		case err == io.EOF && i == 0:
			return nil, nil, nil
		case err == io.EOF:
			return &nodes[0], nil, nil
		case err != nil:
			return nil, nil, err
		}
	}
	return &nodes[0], &nodes[1], nil
}

// plain reports every anchor, alias, merge key and tag below n.
func plain(r *report, n *yaml.Node) {
	at := pos{n.Line, n.Column}
	switch {
	case n.Kind == yaml.AliasNode:
		r.problem(at, "*%s refers to another place, which isn't supported: write the value out, or use defaults; "+
			"if the text itself begins with *, put it in quotes", n.Value)
		return // what it refers to is looked at where it stands
	case n.Anchor != "":
		r.problem(at, "&%s names this value for use elsewhere, which isn't supported: remove it, and write the value out where it is needed", n.Anchor)
	case n.Style&yaml.TaggedStyle != 0:
		r.problem(at, "%q says what type this value is, which isn't supported: remove it", n.Tag)
	}
	for _, child := range n.Content {
		plain(r, child)
	}
}

// badByte returns the place of the first byte that isn't UTF-8, or of a character that YAML doesn't allow.
func badByte(data []byte) (pos, bool) {
	at := pos{1, 1}
	for len(data) > 0 {
		c, size := utf8.DecodeRune(data)
		switch {
		case c == utf8.RuneError && size == 1,
			c < ' ' && c != '\t' && c != '\n' && c != '\r', c >= 0x7f && c < 0xa0 && c != 0x85, c == 0xfffe, c == 0xffff:
			return at, true
		case c == '\n':
			at.line, at.column = at.line+1, 0
		}
		at.column++
		data = data[size:]
	}
	return pos{}, false
}
