package zones

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// cutOff is said of a file that ends within a record.
const cutOff = "the file ends before the parenthesis is closed: it may be cut off"

var parseText = regexp.MustCompile(`(?s)^(?:.*?: )?dns: (.*): ("(?:[^"\\]|\\.)*") at line: \d+:\d+$`)

// parseProblem turns an error of the parser, which has read the current file last, into a problem. The parser's own line numbers
// leave out the simple lines.
func (f *sourceFiles) parseProblem(err error) Problem {
	at := f.current
	p := Problem{File: at.path, Line: at.start, Text: err.Error()}
	if at.inside && at.simple.owner != nil {
		p.Owner = unpackName(at.simple.owner)
	}
	m := parseText.FindStringSubmatch(p.Text)
	switch {
	case f.objection != "":
		p.Text, f.objection = f.objection, ""
	case m == nil:
	case at.next == len(at.text) && at.quoted:
		p.Text = "the quote is not closed"
	case at.next == len(at.text) && at.depth > 0:
		p.Text = cutOff
		f.cutOff = nil // it is said
	default:
		p.Text = f.explain(m[1], m[2], errors.Unwrap(err))
	}
	return p
}

var badRecord = regexp.MustCompile(`^bad (\S+) (\S+)$`)

// explain says in an operator's words what the parser says of a token, which is quoted.
func (f *sourceFiles) explain(text, token string, cause error) string {
	if strings.HasPrefix(text, "failed to open") {
		return fmt.Sprintf("$INCLUDE %s: %s", token, f.unopened(token, cause))
	}
	word, err := strconv.Unquote(token)
	if err == nil {
		if _, ok := dns.IsDomainName(word); ok || strings.TrimSpace(word) == "" {
			word = ""
		}
	}
	m := badRecord.FindStringSubmatch(text)
	switch {
	case token == `"extra closing brace"`:
		return "a parenthesis is closed that was not opened"
	case text == "": // the parser loses what it knew
		text = "bad data in the record"
	case text == "garbage after rdata":
		return "the record should end before " + token
	case text == "not a TTL":
		if code, ok := spelledAsUnknown[strings.ToUpper(strings.Trim(token, `"`))]; ok {
			return fmt.Sprintf(`%s is a type that has to be written as unknown types are (RFC 3597 section 5): TYPE%d \# LENGTH and the data in hexadecimal digits`, token, code)
		}
		text = "neither a type, a class nor a TTL"
	case text == "bad range in $GENERATE range":
		text = "bad $GENERATE range, which goes from low to high in at most 65,536 steps"
	case m == nil:
	case m[2] == "name" || word != "" && slices.Contains(nameFields, m[1]+" "+m[2]):
		return token + " is not a domain name"
	case m[1] == "A" && token != `""`:
		return token + " is not an IPv4 address"
	case m[1] == "AAAA" && token != `""`:
		return token + " is not an IPv6 address"
	default:
		text = fmt.Sprintf("bad data in the %s record", m[1])
	}
	if token == `""` {
		return text
	}
	return text + ": " + token
}

// spelledAsUnknown are the types of the IANA's registry that the parser knows no presentation of.
var spelledAsUnknown = map[string]uint16{
	"WKS": 11, "NSAP": 22, "ATMA": 34, "A6": 38, "SINK": 40, "DSYNC": 66, "HHIT": 67, "BRID": 68, "DOA": 259, "WALLET": 262, "CLA": 263, "IPN": 264,
}

// nameFields are the fields with a domain name, in the parser's words.
var nameFields = []string{"CNAME Target", "DNAME Target", "NS Ns", "PTR Ptr", "MX Mx", "SRV Target", "SOA Ns", "SOA Mbox", "SVCB Target", "HTTPS Target"}

// unopened says why the file at path, which is quoted, couldn't be included.
func (f *sourceFiles) unopened(path string, cause error) string {
	const outside = "outside of the zone file's directory"
	if name, err := strconv.Unquote(path); err == nil && strings.HasPrefix(name, "/") {
		if _, ok := f.inside(name); !ok {
			return outside
		}
	}
	for errors.Unwrap(cause) != nil {
		cause = errors.Unwrap(cause)
	}
	if cause.Error() == "path escapes from parent" {
		return outside
	}
	return cause.Error()
}

var directives = []string{"$TTL", "$ORIGIN", "$INCLUDE", "$GENERATE"}

// unknownDirective returns an error if the line is a directive that there isn't, which the parser would take for an owner.
func unknownDirective(line []byte) error {
	if line[0] != '$' {
		return nil
	}
	word := string(bytes.Fields(line)[0])
	near := ""
	for _, d := range directives {
		switch {
		case strings.EqualFold(d, word):
			return nil
		case distance(d, strings.ToUpper(word)) <= 2:
			near = d
		}
	}
	if near != "" {
		return fmt.Errorf("unknown directive %q: did you mean %s?", word, near)
	}
	return fmt.Errorf("unknown directive %q: there are %s", word, strings.Join(directives, ", "))
}

// distance returns how many octets must be changed, put in or left out to turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
