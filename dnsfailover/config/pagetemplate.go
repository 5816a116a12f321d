package config

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"dnsfailover/dnsfailover/page/notice"
)

var (
	templateError = regexp.MustCompile(`(?s)^(?:html/)?template: ?[^:]*:(\d+)(?::(\d+))?: ?(?:executing .*? at <.*?>: )?(.*)$`)
	noField       = regexp.MustCompile(`can't evaluate field (\S+) in type .*`)
	blockAction   = regexp.MustCompile(`\{\{-?\s*(if|range|with|block|define|end)\b`)
)

// template reports what is wrong with a template whose source is at path, at the place in it.
func (r *report) template(path, source string, err error) {
	at, closed := pos{1, 1}, true
	text := err.Error()
	if m := templateError.FindStringSubmatch(text); m != nil {
		at.line, _ = strconv.Atoi(m[1])
		if column, err := strconv.Atoi(m[2]); err == nil {
			at.column = column + 1
		} else {
			at.column, closed = actionColumn(source, at.line)
		}
		text = m[3]
	}
	switch m := noField.FindStringSubmatch(text); {
	case m != nil:
		text = "a notice has no ." + m[1] + suggestField(m[1], viewFields())
	case strings.Contains(text, "ends in a non-text context"):
		text = "a tag, an attribute, a style or a script is opened and never closed"
	case text == "unexpected EOF":
		var action string
		if at, action = openAction(source); action != "" {
			text = "{{" + action + "}} is opened and never closed: put {{end}} where it ends"
		}
	case !closed:
		text = "{{ is opened here and not closed by }} (" + text + ")"
	}
	text = strings.ReplaceAll(strings.TrimSuffix(text, "."), "\n", " ")
	if !r.full() {
		r.problems = append(r.problems, Problem{File: path, Line: at.line, Column: at.column, Text: text})
	}
}

// actionColumn returns where the action begins with which a parser, that names lines only, finds fault: the first one in the line that isn't
// closed before the next, else the last.
func actionColumn(source string, line int) (column int, closed bool) {
	lines := strings.Split(source, "\n")
	if line < 1 || line > len(lines) {
		return 1, true
	}
	column = 1
	for rest, at := lines[line-1], 0; ; {
		open := strings.Index(rest, "{{")
		if open < 0 {
			return column, true
		}
		column = at + open + 1
		at, rest = at+open+2, rest[open+2:]
		end, next := strings.Index(rest, "}}"), strings.Index(rest, "{{")
		if end < 0 || next >= 0 && next < end {
			return column, false
		}
	}
}

// openAction returns the last action of a template that wants an {{end}} and has none, and where it is.
func openAction(source string) (at pos, action string) {
	type opened struct {
		offset int
		action string
	}
	var open []opened
	for _, m := range blockAction.FindAllStringSubmatchIndex(source, -1) {
		action := source[m[2]:m[3]]
		switch {
		case action != "end":
			open = append(open, opened{m[0], action})
		case len(open) > 0:
			open = open[:len(open)-1]
		}
	}
	if len(open) == 0 {
		return pos{1, 1}, ""
	}
	last := open[len(open)-1]
	before := source[:last.offset]
	return pos{1 + strings.Count(before, "\n"), last.offset - strings.LastIndex(before, "\n")}, last.action
}

// viewFields are the names that a template can use.
func viewFields() []string {
	var out []string
	t := reflect.TypeFor[*notice.View]()
	for i := range t.Elem().NumField() {
		out = append(out, t.Elem().Field(i).Name)
	}
	for i := range t.NumMethod() {
		out = append(out, t.Method(i).Name)
	}
	return out
}
