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
	"strings"

	"github.com/miekg/dns"
)

// Bounds on what a master file may ask for.
const (
	maxFile      = 1 << 30 // octets of the file and all it includes
	maxIncludes  = 10_000  // files
	maxProblems  = 100
	maxGenerated = 1_000_000 // records made by all $GENERATE lines of a zone
)

// A source is one master file while it is parsed. The parser reads it octet by octet, so that at each
// record the source knows on which line the record began; lines that are simple never reach the parser.
type source struct {
	text  []byte
	next  int    // offset in text of the octet that is read next
	extra string // is read before that
	info  fs.FileInfo
	files *sourceFiles
	path  string // for problems

	line      int  // of the octet that is read next
	start     int  // line on which the current record or directive began
	startAt   int  // offset of that line
	resumed   int  // offset behind the last one that was not understood
	begin     bool // a line begins here, outside parentheses and quotes
	inside    bool // the parser has begun a record that it has not returned yet
	generated bool // the record comes from a $GENERATE line
	comment   bool
	quoted    bool
	escaped   bool
	digits    int // of the \DDD that is being read
	number    int // that they are
	depth     int // of parentheses
	simple    simple
}

// Stat, Read and Close make a source an fs.File.
func (s *source) Stat() (fs.FileInfo, error) { return s.info, nil }
func (s *source) Close() error               { return nil }
func (s *source) Read(into []byte) (n int, err error) {
	for n < len(into) && err == nil {
		if into[n], err = s.ReadByte(); err == nil {
			n++
		}
	}
	return n, err
}

// ReadByte is what the parser reads by.
func (s *source) ReadByte() (byte, error) {
	s.files.current = s
	if s.begin {
		s.begin = false
		if err := s.skipSimple(); err != nil {
			return 0, err
		}
	}
	if s.extra != "" {
		c := s.extra[0]
		s.extra = s.extra[1:]
		s.begin = s.extra == "" && c == '\n' // a whole record was respelled
		return c, nil
	}
	if s.next == len(s.text) {
		if s.depth > 0 {
			s.files.cutOff = s
		}
		return 0, io.EOF
	}
	c := s.text[s.next]
	s.next++
	escaped := s.escaped
	s.follow(c)
	if number := s.escape(escaped, c); number > 255 { // the parser would take what is left of it in an octet
		s.files.objection = fmt.Sprintf(`\%d is no octet: the number behind a backslash is 000 to 255 (RFC 1035 section 5.1)`, number)
		return 0, errors.New(s.files.objection)
	}
	return c, nil
}

// escape returns the number of \DDD when c ends it, else 0. escaped says whether a backslash stands before c.
func (s *source) escape(escaped bool, c byte) (number int) {
	switch digit := '0' <= c && c <= '9'; {
	case !digit, !escaped && s.digits == 0:
		s.digits = 0
		return 0
	case escaped:
		s.digits, s.number = 0, 0
	}
	s.digits, s.number = s.digits+1, 10*s.number+int(c-'0')
	if s.digits < 3 {
		return 0
	}
	s.digits = 0
	return s.number
}

// follow keeps account of lines, comments, quotes and parentheses.
func (s *source) follow(c byte) {
	switch {
	case c == '\n':
		s.line++
		s.comment, s.escaped = false, false
		s.begin = s.depth <= 0 && !s.quoted
	case s.comment:
	case s.escaped:
		s.escaped = false
	case c == '\\':
		s.escaped = true
	case c == '"':
		s.quoted = !s.quoted
	case s.quoted:
	case c == ';':
		s.comment = true
	case c == '(':
		s.depth++
	case c == ')':
		s.depth--
	}
}

// skipSimple takes the simple lines from here on, and prepares for the first line that the parser has to read.
func (s *source) skipSimple() error {
	if s.inside {
		return nil // the parser would take what comes then for a part of its record
	}
	for s.next < len(s.text) {
		line := s.text[s.next:]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line = line[:end+1]
		}
		r, ok := s.simple.read(line)
		if !ok {
			if text := bytes.Trim(line, " \t\r\n"); len(text) > 0 {
				s.start, s.startAt, s.generated = s.line, s.next, line[0] == '$'
				s.inside = text[0] != ';' && text[0] != '$'
			}
			s.extra = s.simple.follow(line)
			if record, octets := respelled(s.text[s.next:]); octets > 0 {
				s.extra += record
				s.line += bytes.Count(s.text[s.next:][:octets], []byte("\n"))
				s.next += octets
			}
			return unknownDirective(line)
		}
		s.start, s.generated = s.line, false
		s.files.take(r, s)
		s.next += len(line)
		s.line++
	}
	return nil
}

// sourceFiles opens the master file of a zone and what it includes, all below one directory.
type sourceFiles struct {
	root    *os.Root
	dir     string  // of root
	full    string  // dir as an absolute path
	octets  int64   // of all files opened
	opened  int     // number of those
	ttl     string  // of the last $TTL line
	current *source // the file that was read last, to which the latest record belongs
	texts   []*region
	// objection is what reading ended with, since the parser may make something else of it.
	objection string
	cutOff    *source // a file that ends within parentheses, which the parser lets pass
	take      func(r record, at *source)
}

// Open implements fs.FS for $INCLUDE. os.Root confines it: neither .. nor a link leads out of the directory.
func (f *sourceFiles) Open(name string) (fs.File, error) {
	file, err := f.open(name)
	if errors.Is(err, fs.ErrNotExist) { // the parser takes the slash from absolute paths
		if inside, ok := f.inside("/" + name); ok {
			return f.open(inside)
		}
	}
	return file, err
}

// inside returns an absolute path relative to the directory; false if it lies elsewhere.
func (f *sourceFiles) inside(path string) (string, bool) {
	inside, err := filepath.Rel(f.full, path)
	return inside, err == nil && filepath.IsLocal(inside)
}

func (f *sourceFiles) open(name string) (*source, error) {
	info, err := f.root.Stat(name)
	if err != nil {
		return nil, plain(err)
	}
	if !info.Mode().IsRegular() { // a FIFO would block
		return nil, errors.New("not a regular file")
	}
	f.octets += info.Size()
	if f.opened++; f.octets > maxFile || f.opened > maxIncludes {
		return nil, fmt.Errorf("too much: a zone has at most %d MiB in %d files, each $INCLUDE counted", maxFile>>20, maxIncludes)
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, plain(err)
	}
	defer file.Close()
	text, err := f.read(file, int(info.Size()))
	if err != nil {
		return nil, plain(err)
	}
	text = bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF"))
	return &source{text: f.withGenerateTTL(text), info: info, files: f, path: filepath.Join(f.dir, name), line: 1, begin: true}, nil
}

// read returns what is in file, of about size octets.
func (f *sourceFiles) read(file io.Reader, size int) ([]byte, error) {
	memory := newRegion(0, size+1)
	f.texts = append(f.texts, memory)
	n, err := io.ReadFull(file, memory.octets[:size+1])
	memory.octets = memory.octets[:n]
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return memory.octets, nil
	}
	if err == nil { // it has become longer
		var rest []byte
		rest, err = io.ReadAll(io.LimitReader(file, maxFile))
		memory.append(rest)
	}
	return memory.octets, err
}

// release gives the texts back.
func (f *sourceFiles) release() {
	for _, memory := range f.texts {
		memory.unmap()
	}
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

// readMaster parses the master file and adds each record to the draft. What is wrong with the file as
// such is returned.
func (d *draft) readMaster(file string) []Problem {
	dir, base := filepath.Split(file)
	if dir == "" {
		dir = "."
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return []Problem{{File: file, Text: plain(err).Error()}}
	}
	defer root.Close()
	full, err := filepath.Abs(dir)
	if err != nil {
		return []Problem{{File: file, Text: err.Error()}}
	}
	files := &sourceFiles{root: root, dir: dir, full: full, take: func(r record, at *source) { d.addSimple(r, at.path, at.start) }}
	defer files.release()
	main, err := files.open(base)
	if err != nil {
		return []Problem{{File: file, Text: plain(err).Error()}}
	}
	files.current = main
	main.simple.origin = packName(d.name)
	d.reserve(bytes.Count(main.text, []byte("\n")), len(main.text)) // most lines hold one record of a name of its own

	problems, generated := []Problem(nil), 0
	origin := d.name
	for {
		parser := dns.NewZoneParser(main, origin, base)
		parser.SetIncludeFS(files)
		parser.SetIncludeAllowed(true)
		if main.simple.hasTTL {
			parser.SetDefaultTTL(main.simple.ttl)
		}
		for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
			at := files.current
			at.inside = false
			if at.generated {
				if generated++; generated > maxGenerated {
					return append(problems, Problem{File: at.path, Line: at.start, Text: fmt.Sprintf(
						"$GENERATE made more than %d records: write the zone with fewer", maxGenerated)})
				}
			}
			d.add(rr, at.path, at.start)
		}
		err := parser.Err()
		if err == nil {
			break
		}
		problems = append(problems, files.parseProblem(err))
		if len(problems) >= maxProblems || !main.resume() {
			return problems
		}
		origin = unpackName(main.simple.origin)
	}
	if at := files.cutOff; at != nil {
		problems = append(problems, Problem{File: at.path, Line: at.start, Text: cutOff})
	}
	return problems
}

// resume goes behind the record or directive that the parser didn't understand, for a new parser to find what else is wrong. What
// an included file says behind it is not looked at. False if there is no more, or if it can't be told where that record ends
// or what is in force behind it.
func (s *source) resume() bool {
	if s.simple.origin == nil || !s.simple.hasTTL || s.startAt < s.resumed {
		return false
	}
	s.next, s.line, s.extra = s.startAt, s.start, ""
	s.comment, s.quoted, s.escaped, s.inside, s.depth = false, false, false, false, 0
	for s.next < len(s.text) {
		s.begin = false
		c := s.text[s.next]
		s.next++
		s.follow(c)
		if s.begin {
			s.depth = 0
			if s.simple.owner != nil || s.next == len(s.text) || s.text[s.next] != ' ' && s.text[s.next] != '\t' {
				break
			} // else the owner was not understood, and the next record has the same
		}
	}
	s.simple.told = false
	s.resumed = s.next
	return s.begin && s.next < len(s.text)
}
