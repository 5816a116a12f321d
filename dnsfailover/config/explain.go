package config

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

var parserPrefix = regexp.MustCompile(`^yaml: (line \d+: )?`)

// explain reports an error of the YAML parser at the line that spoils the file, in words for those who
// don't know what a block mapping is.
func explain(r *report, data []byte, err error) {
	number, line := spoiler(data, err)
	text := strings.TrimLeft(line, " \t-")
	at := pos{number, 1 + utf8.RuneCountInString(line[:len(line)-len(text)])}
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	says := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(err.Error(), part) {
				return true
			}
		}
		return false
	}
	switch {
	case strings.Contains(indent, "\t"):
		r.problem(pos{number, 1 + strings.Index(line, "\t")}, "a tab stands before the text: YAML is indented with spaces only")
	case says("alphabetic or numeric", "unknown anchor"):
		r.problem(at, `* and & have a meaning of their own here: put text that begins with them in quotes, as in "*.example.com"`)
	case says("cannot start any token"):
		r.problem(at, "a value begins with a sign that YAML keeps for itself: put it in quotes")
	case says("could not find expected ':'"), says("mapping values") && !strings.Contains(text, ":"):
		r.problem(at, `a ":" with a space behind it is missing after the key`)
	case says("mapping values are not allowed"):
		r.problem(at, `there is a ":" too many, or the line is indented further than the one it belongs to`)
	case says("did not find expected ',' or"):
		r.problem(at, "a [ or { is not closed, or a comma is missing behind it")
	case says("expected node content"):
		r.problem(at, "a comma or bracket stands where a value should be")
	case says("end of stream", "document indicator"):
		r.problem(at, "a quote is opened and never closed")
	case says("escape character", "hexdecimal number"):
		r.problem(at, `in double quotes \ begins an escape: write \\, or use single quotes`)
	case says("expected key", "'-' indicator", "<document start>"):
		r.problem(at, "the line doesn't fit those above it: keys, or the dashes of a list, that belong together start in the same column, and nothing follows a closing quote")
	default:
		r.problem(at, "this isn't YAML: %s", parserPrefix.ReplaceAllString(err.Error(), ""))
	}
}

// spoiler returns the first line after the longest run of whole lines that can be read. The parser's own line
// would be missing, or that of the enclosing block, or one off.
func spoiler(data []byte, err error) (number int, line string) {
	in := &lineReader{rest: data}
	readYAML(in)
	read := data[:len(data)-len(in.rest)] // up to the line at which the parser gave up
	start := len(read)
	for effort := 0; start > 0; effort += start {
		start = 1 + bytes.LastIndexByte(bytes.TrimSuffix(read[:start], []byte("\n")), '\n')
		// A lone word is a document of its own, but no beginning of a configuration.
		root, _, unreadable := readYAML(bytes.NewReader(read[:start]))
		if unreadable == nil && (root == nil || root.Content[0].Kind != yaml.ScalarNode) {
			break
		}
		if effort > 4<<20 { // bytes parsed again, less than a second
			// Far away is a quote that was never closed, and of that the parser knows the line.
			if fmt.Sscanf(err.Error(), "yaml: line %d:", &number); number > 0 {
				start = 0
				for range number - 1 {
					start += 1 + bytes.IndexByte(data[start:], '\n')
				}
			}
			break
		}
	}
	before, _, _ := bytes.Cut(data[start:], []byte("\n"))
	return 1 + bytes.Count(data[:start], []byte("\n")), string(before)
}

// lineReader hands out one line at a time, so that what is left over tells how far its reader came.
type lineReader struct{ rest []byte }

func (l *lineReader) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		return 0, io.EOF
	}
	line := l.rest
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end+1]
	}
	n := copy(p, line)
	l.rest = l.rest[n:]
	return n, nil
}
