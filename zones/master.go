package zones

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// Bounds on what a master file may ask for.
const (
	maxFile      = 1 << 30   // octets
	maxGenerated = 1_000_000 // records made by all $GENERATE lines of a zone
)

// A source is one master file while it is parsed. The parser reads it octet by octet, so that at each
// record the source knows on which line the record began.
type source struct {
	*bytes.Reader
	info  fs.FileInfo
	files *sourceFiles
	name  string

	line      int // of the octet that is read next
	start     int // line on which the current record or directive began
	generated bool
	text      bool // something but white space was seen on this line
	comment   bool
	quoted    bool
	escaped   bool
	depth     int // of parentheses
}

// Stat and Close make a source an fs.File.
func (s *source) Stat() (fs.FileInfo, error) { return s.info, nil }
func (s *source) Close() error               { return nil }

// ReadByte notes where records begin: at the first octet of a line that is neither white space nor a comment,
// outside parentheses and quotes.
func (s *source) ReadByte() (byte, error) {
	c, err := s.Reader.ReadByte()
	if err != nil {
		return c, err
	}
	s.files.current = s
	switch {
	case s.escaped:
		s.escaped = false
	case c == '\\' && !s.comment:
		s.escaped = true
	case c == '"' && !s.comment:
		s.quoted = !s.quoted
	case s.quoted || s.comment:
	case c == ';':
		s.comment = true
	case c == '(':
		s.depth++
	case c == ')':
		s.depth--
	}
	switch {
	case c == '\n':
		s.line++
		s.text, s.comment = false, false
	case !s.text && !s.comment && c != ' ' && c != '\t' && c != '\r':
		if s.depth <= 0 && !s.quoted {
			s.start, s.generated = s.line, c == '$'
		}
		s.text = true
	}
	return c, err
}

// sourceFiles opens the master file of a zone and what it includes, all below one directory.
type sourceFiles struct {
	root    *os.Root
	ttl     string  // of the last $TTL line
	current *source // the file that was read last, to which the latest record belongs
}

// Open implements fs.FS for $INCLUDE. os.Root confines it: neither .. nor a link leads out of the directory.
func (f *sourceFiles) Open(name string) (fs.File, error) { return f.open(name) }

func (f *sourceFiles) open(name string) (*source, error) {
	info, err := f.root.Stat(name)
	if err != nil {
		return nil, plain(err)
	}
	if !info.Mode().IsRegular() { // a FIFO would block
		return nil, errors.New("not a regular file")
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("larger than %d MiB", maxFile>>20)
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, plain(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return nil, plain(err)
	}
	text = bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF"))
	return &source{
		Reader: bytes.NewReader(f.withGenerateTTL(text)), info: info, files: f, name: name, line: 1,
	}, nil
}

// plain strips the operation and path from a file error, which the caller names better.
func plain(err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return path.Err
	}
	return err
}

var generateLine = regexp.MustCompile(`(?is)^(\$GENERATE\s+\S+\s+\S+\s+)((?:IN\s+)?(\S+).*)`)

// withGenerateTTL writes the $TTL in force into the $GENERATE lines that give no TTL of their
// own: the parser would take an hour instead.
func (f *sourceFiles) withGenerateTTL(text []byte) []byte {
	if !mayGenerate(text) {
		return text
	}
	out := make([]byte, 0, len(text)+len(text)/8)
	for line := range bytes.Lines(text) {
		if fields := bytes.Fields(line); len(fields) > 1 && strings.EqualFold(string(fields[0]), "$TTL") {
			f.ttl = string(fields[1])
		}
		m := generateLine.FindSubmatch(line)
		if m != nil && f.ttl != "" && (m[3][0] < '0' || m[3][0] > '9') {
			line = slices.Concat(m[1], []byte(f.ttl+" "), m[2])
		}
		out = append(out, line...)
	}
	return out
}

func mayGenerate(text []byte) bool {
	for {
		at := bytes.IndexByte(text, '$')
		if at < 0 {
			return false
		}
		text = text[at+1:]
		if len(text) >= 8 && strings.EqualFold(string(text[:8]), "GENERATE") {
			return true
		}
	}
}

var parseText = regexp.MustCompile(`(?s)^(?:(.*?): )?dns: (.*): ("(?:[^"\\]|\\.)*") at line: (\d+):(\d+)$`)

// parseProblem turns an error of the parser into a problem.
func parseProblem(dir string, err error) Problem {
	m := parseText.FindStringSubmatch(err.Error())
	if m == nil {
		return Problem{File: dir, Text: err.Error()}
	}
	line, _ := strconv.Atoi(m[4])
	return Problem{File: filepath.Join(dir, m[1]), Line: line, Text: explain(m[2], m[3], errors.Unwrap(err))}
}

var badRecord = regexp.MustCompile(`^bad (\S+) \S+$`)

// explain says in an operator's words what the parser says of a token, which is quoted.
func explain(text, token string, cause error) string {
	switch m := badRecord.FindStringSubmatch(text); {
	case strings.HasPrefix(text, "failed to open"):
		for errors.Unwrap(cause) != nil {
			cause = errors.Unwrap(cause)
		}
		if cause.Error() == "path escapes from parent" {
			return fmt.Sprintf("$INCLUDE %s: outside of the zone file's directory", token)
		}
		return fmt.Sprintf("$INCLUDE %s: %v", token, cause)
	case text == "not a TTL":
		text = "neither a type, a class nor a TTL"
	case text == "bad range in $GENERATE range":
		text = "bad $GENERATE range, which goes from low to high in at most 65,536 steps"
	case m != nil:
		text = fmt.Sprintf("bad data in the %s record", m[1])
	}
	if token == `""` {
		return text
	}
	return text + ": " + token
}

// readMaster parses the master file and gives each record with its place to take, until that says
// no. What is wrong with the file as such is returned.
func readMaster(name, file string, take func(rr dns.RR, file string, line int)) []Problem {
	dir, base := filepath.Split(file)
	if dir == "" {
		dir = "."
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return []Problem{{File: file, Text: plain(err).Error()}}
	}
	defer root.Close()
	files := &sourceFiles{root: root}
	main, err := files.open(base)
	if err != nil {
		return []Problem{{File: file, Text: plain(err).Error()}}
	}
	files.current = main

	parser := dns.NewZoneParser(main, name, base)
	parser.SetIncludeFS(files)
	parser.SetIncludeAllowed(true)
	generated := 0
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		at := files.current
		path := filepath.Join(dir, at.name)
		if at.generated {
			if generated++; generated > maxGenerated {
				return []Problem{{File: path, Line: at.start, Text: fmt.Sprintf(
					"$GENERATE made more than %d records: write the zone with fewer", maxGenerated)}}
			}
		}
		take(rr, path, at.start)
	}
	if err := parser.Err(); err != nil {
		return []Problem{parseProblem(dir, err)}
	}
	return nil
}
