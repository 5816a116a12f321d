package checks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A JSONRule wants one value of a JSON document.
type JSONRule struct {
	Path JSONPath
	// Want is a string, a float64, a bool or nil for null.
	Want any
}

// JSONPath leads to one value: the singular queries of RFC 9535 section 2.3.5.1, in which every step names one member or
// element, as in $.db.replicas[0].state or $["a b"][-1].
type JSONPath struct {
	text  string
	steps []any // a string is a member's name, an int an element's index, from the end if it is negative
}

// String returns the path as it was written.
func (p JSONPath) String() string { return p.text }

// ParseJSONPath reads a path.
func ParseJSONPath(text string) (JSONPath, error) {
	p := JSONPath{text: text}
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return p, errors.New("a path begins with $, as in $.status")
	}
	for rest != "" {
		var step any
		var err error
		switch {
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[") + 1
			if end == 0 {
				end = len(rest)
			}
			step, rest = rest[1:end], rest[end:]
			if !isMember(step.(string)) {
				err = fmt.Errorf("%q is no name that can follow a dot: write it as [\"…\"]", step)
			}
		case rest[0] == '[':
			step, rest, err = bracketed(rest[1:])
		default:
			err = fmt.Errorf("%q must begin with a dot or a bracket", rest)
		}
		if err != nil {
			return p, err
		}
		p.steps = append(p.steps, step)
	}
	return p, nil
}

// isMember says whether a name needs no quotes (RFC 9535 section 2.5.1.1).
func isMember(name string) bool {
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	return !strings.ContainsFunc(name, func(c rune) bool {
		return c != '_' && c < 0x80 && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
}

// bracketed reads what stands in brackets: an index, or a name in quotes.
func bracketed(text string) (step any, rest string, err error) {
	if text != "" && (text[0] == '\'' || text[0] == '"') {
		name, rest, ok := strings.Cut(text[1:], text[:1]+"]")
		if !ok || strings.Contains(name, `\`) {
			return nil, "", fmt.Errorf("[%s has no closing %s], or a backslash in it", text, text[:1])
		}
		return name, rest, nil
	}
	inner, rest, ok := strings.Cut(text, "]")
	n, err := strconv.Atoi(inner)
	if !ok || err != nil || strconv.Itoa(n) != inner {
		return nil, "", fmt.Errorf("[%s is neither a number nor a name in quotes: a path leads to one value", text)
	}
	return n, rest, nil
}

// find returns the value that the path leads to; false if there is none.
func (p JSONPath) find(value any) (any, bool) {
	for _, step := range p.steps {
		switch step := step.(type) {
		case string:
			members, _ := value.(map[string]any)
			inner, ok := members[step]
			if !ok {
				return nil, false
			}
			value = inner
		case int:
			elements, _ := value.([]any)
			if step < 0 {
				step += len(elements)
			}
			if step < 0 || step >= len(elements) {
				return nil, false
			}
			value = elements[step]
		}
	}
	return value, true
}

// judge says that the rule holds of a document, or why not.
func (r *JSONRule) judge(document any) (says string, ok bool) {
	got, there := r.Path.find(document)
	if number, is := got.(json.Number); is {
		if f, err := number.Float64(); err == nil {
			got = f
		}
	}
	switch {
	case !there:
		return fmt.Sprintf("%s is not in the body, wanted %s", r.Path, inJSON(r.Want)), false
	case got != r.Want:
		return fmt.Sprintf("%s is %s, wanted %s", r.Path, inJSON(got), inJSON(r.Want)), false
	}
	return fmt.Sprintf("%s is %s", r.Path, inJSON(r.Want)), true
}

// String describes the rule completely.
func (r *JSONRule) String() string {
	raw, _ := json.Marshal(r.Want) // of a string, number, bool or nil
	return r.Path.String() + " " + string(raw)
}

// inJSON shows a value, in short.
func inJSON(value any) string {
	switch value.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	}
	raw, _ := json.Marshal(value)
	const most = 80
	if len(raw) > most {
		return clean(strings.ToValidUTF8(string(raw[:most]), "")) + "…"
	}
	return clean(string(raw))
}

// parseJSON reads one document and nothing behind it. Numbers stay as they are written, until one is looked at.
func parseJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var document any
	if err := d.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errors.New("it ends too early")
		}
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows behind it")
	}
	return document, nil
}
