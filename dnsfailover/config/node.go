package config

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// leaf is one value of the file and where it stands.
type leaf[T any] struct {
	pos
	v    T
	text string // as written
	from origin
	bad  bool // reported already: no rule looks at it
}

// origin says where a value comes from.
type origin uint8

const (
	absent    origin = iota
	builtin          // the product's default
	inherited        // from `defaults` of the file
	written          // where it applies
)

func (l leaf[T]) ok() bool { return l.from != absent && !l.bad }

// typed returns what the word s, which stands in the file, is to become: all of it but the value.
func typed[T any](s leaf[string]) leaf[T] {
	return leaf[T]{pos: s.pos, text: s.v, from: written, bad: s.bad}
}

// list is a list of the file and where it stands.
type list[T any] struct {
	pos
	items []T
	from  origin
	bad   bool // not a list, or reported already
}

func (l list[T]) ok() bool { return l.from != absent && !l.bad }

// mapping reads the mapping n: the value of each key goes to its reader. example shows what n should look like. It returns whether n is whole, with every
// key understood: otherwise, to say that some key is missing would often be wrong.
func mapping(r *report, n *yaml.Node, what, example string, readers map[string]func(*yaml.Node)) (whole bool) {
	if !isKind(r, n, yaml.MappingNode, what, "a mapping, that is keys with values", example) {
		return false
	}
	whole = true
	seen := map[string]pos{}
	for i := 0; i < len(n.Content) && !r.full(); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := pos{key.Line, key.Column}
		first, twice := seen[key.Value]
		read, known := readers[key.Value]
		switch {
		case key.Kind == yaml.AliasNode:
			// reported by plain
		case key.Kind != yaml.ScalarNode:
			r.problem(at, "a key of %s must be a word, not a list or a mapping", what)
		case key.Tag == "!!merge":
			r.problem(at, "<< merges another mapping in, which isn't supported: write its keys out, or use defaults")
		case twice:
			r.problem(at, "%q is given twice in %s, first in line %d: remove one", key.Value, what, first.line)
		case !known:
			r.problem(at, "%s has no key %q%s", what, key.Value, suggestKey(key.Value, what, readers))
		case isNull(value):
			r.problem(at, "%q has no value: give it one, or remove the key", key.Value)
		default:
			seen[key.Value] = at
			read(value)
			continue
		}
		whole = false
	}
	return whole
}

// sequence reads the list n, each item with read.
func sequence[T any](r *report, n *yaml.Node, what, example string, read func(*yaml.Node) T) list[T] {
	l := list[T]{pos: pos{n.Line, n.Column}, from: written}
	if !isKind(r, n, yaml.SequenceNode, what, "a list", example) {
		l.bad = true
		return l
	}
	for _, item := range n.Content {
		if r.full() {
			break
		}
		if isNull(item) {
			r.problem(pos{item.Line, item.Column}, "an item of %s has no value: give it one, or remove it", what)
			l.bad = true
			continue
		}
		l.items = append(l.items, read(item))
	}
	if len(n.Content) == 0 {
		r.problem(l.pos, "%s is an empty list: fill it, as in %s, or remove the key", what, example)
		l.bad = true
	}
	return l
}

// scalar reads n as text.
func scalar(r *report, n *yaml.Node, what, example string) leaf[string] {
	l := leaf[string]{pos: pos{n.Line, n.Column}, v: n.Value, text: n.Value, from: written}
	switch {
	case !isKind(r, n, yaml.ScalarNode, what, "one value", example):
		l.bad = true
	case n.Value == "" || isNull(n):
		r.problem(l.pos, "%s is empty: write %s", what, example)
		l.bad = true
	}
	return l
}

// word is scalar for text without control characters, which escapes in double quotes can bring in.
func word(r *report, n *yaml.Node, what, example string) leaf[string] {
	l := scalar(r, n, what, example)
	if l.ok() && strings.ContainsFunc(l.v, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		r.problem(l.pos, "%s %q has a line break or another control character in it", what, l.v)
		l.bad = true
	}
	return l
}

// isKind reports n if it is not of kind, unless an alias stands there, which plain has reported.
func isKind(r *report, n *yaml.Node, kind yaml.Kind, what, wanted, example string) bool {
	if n.Kind == kind || n.Kind == yaml.AliasNode {
		return n.Kind == kind
	}
	given := map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "one value"}[n.Kind]
	r.problem(pos{n.Line, n.Column}, "%s must be %s, not %s: write %s", what, wanted, given, example)
	return false
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }
