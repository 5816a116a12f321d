package config

import (
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"dnsfailover/checks"
)

// parseServer reads `tls`: the name that the certificate must be for and, if it isn't 443, the port.
func parseServer(r *report, n *yaml.Node) leaf[endpoint] {
	s := word(r, n, "tls", `"www.example.com:443"`)
	l := typed[endpoint](s)
	if l.bad {
		return l
	}
	name, port := s.v, "443"
	if host, after, err := net.SplitHostPort(s.v); err == nil {
		name, port = host, after
	}
	if !isHost(name) || !isPort(port) {
		r.problem(l.pos, `tls: %q is not the name on a certificate with a port behind it, as "www.example.com:443" is`, s.v)
		l.bad = true
		return l
	}
	number, _ := strconv.ParseUint(port, 10, 16)
	l.v = endpoint{name, uint16(number)}
	return l
}

// recordType reads the type of a record.
func recordType(r *report, n *yaml.Node) leaf[string] {
	l := word(r, n, "type", "a type of record, as in SOA")
	l.v = strings.ToUpper(l.v)
	if _, known := checks.QuestionType(l.v); l.ok() && !known {
		r.problem(l.pos, "type: %q is no type of record that can be asked for: write one such as SOA", l.text)
		l.bad = true
	}
	return l
}

var size = regexp.MustCompile(`^([0-9]{1,9})(B|KiB|MiB)$`)

// parseSize reads a number of bytes.
func parseSize(r *report, n *yaml.Node, what string) leaf[int] {
	s := word(r, n, what, "64KiB")
	l := typed[int](s)
	if l.bad {
		return l
	}
	m := size.FindStringSubmatch(s.v)
	if m == nil {
		r.problem(l.pos, "%s: %q is not a size: write it as in 64KiB (units B, KiB, MiB)", what, s.v)
		l.bad = true
		return l
	}
	l.v, _ = strconv.Atoi(m[1])
	l.v *= map[string]int{"B": 1, "KiB": 1 << 10, "MiB": 1 << 20}[m[2]]
	return l
}

// parsePatterns reads `body_matches`: a regular expression, or a list of them.
func parsePatterns(r *report, n *yaml.Node) list[leaf[*regexp.Regexp]] {
	one := func(n *yaml.Node) leaf[*regexp.Regexp] {
		s := scalar(r, n, "body_matches", "a regular expression")
		l := typed[*regexp.Regexp](s)
		if l.bad {
			return l
		}
		var err error
		if l.v, err = regexp.Compile(s.v); err != nil {
			r.problem(l.pos, "body_matches: %q is not a regular expression as Go has them: %s", s.v, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
			l.bad = true
		}
		return l
	}
	if n.Kind == yaml.ScalarNode {
		return list[leaf[*regexp.Regexp]]{pos: pos{n.Line, n.Column}, from: written, items: []leaf[*regexp.Regexp]{one(n)}}
	}
	return sequence(r, n, "body_matches", `["version 2\\.", …]`, one)
}

// parseJSONRules reads `json`: a mapping of paths to the values that they lead to.
func parseJSONRules(r *report, n *yaml.Node) list[leaf[checks.JSONRule]] {
	l := list[leaf[checks.JSONRule]]{pos: pos{n.Line, n.Column}, from: written}
	if !isKind(r, n, yaml.MappingNode, "json", "a mapping of paths to values", `{"$.status": ok}`) {
		l.bad = true
		return l
	}
	var seen []string
	for i := 0; i < len(n.Content) && !r.full(); i += 2 {
		key := word(r, n.Content[i], "a path in json", `"$.status"`)
		rule := typed[checks.JSONRule](key)
		if key.bad || !isKind(r, n.Content[i+1], yaml.ScalarNode, "a value in json", "one value", "ok, 3, true or null") {
			l.bad = true
			continue
		}
		path, err := checks.ParseJSONPath(key.v)
		switch {
		case err != nil:
			r.problem(key.pos, "json: %q is not a path: %s", key.v, err.Error())
			l.bad = true
		case slices.Contains(seen, key.v):
			r.problem(key.pos, "json: %q is there twice: remove one", key.v)
		}
		seen = append(seen, key.v)
		rule.v.Path = path
		if rule.v.Want, err = jsonValue(n.Content[i+1]); err != nil {
			r.problem(pos{n.Content[i+1].Line, n.Content[i+1].Column}, "json: %q is a number that JSON can't have: put it in quotes if it is meant as text", n.Content[i+1].Value)
			l.bad = true
		}
		l.items = append(l.items, rule)
	}
	return l
}

// jsonValue returns a scalar as a JSON document would have it.
func jsonValue(n *yaml.Node) (any, error) {
	switch n.Tag {
	case "!!null":
		return nil, nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true"), nil
	case "!!int", "!!float":
		value, err := strconv.ParseFloat(n.Value, 64)
		if err == nil && value-value != 0 { // infinite, or no number
			err = strconv.ErrRange
		}
		return value, err
	}
	return n.Value, nil
}
