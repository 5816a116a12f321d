package zones

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// word is one token of a master file.
type word struct {
	text   string
	quoted bool // and then without its quotes
}

// respelled returns the record that text begins with in the one way in which the parser reads it, and how many octets of text that
// is; 0 if the parser may have it as it stands. The parser takes the line behind an IPSECKEY record for a part of its key, wants quotes at the
// strings of NAPTR, and none at those of X25 and GPOS (RFC 1035 section 5.1 leaves them to the writer).
func respelled(text []byte) (record string, octets int) {
	if !maySpellOtherwise(text) {
		return "", 0
	}
	words, octets := readRecord(text)
	at := typeAt(words, text[0])
	if at < 0 {
		return "", 0
	}
	data, end := words[at+1:], "\n"
	switch typ := strings.ToUpper(words[at].text); {
	case len(data) == 0 || data[0].text == `\#`:
		return "", 0
	case typ == "IPSECKEY":
		end = "\n\n\n" // the second one ends the record, the third one if there is no key
	case typ == "NAPTR":
		for i := 2; i < min(5, len(data)); i++ {
			data[i].quoted = true
		}
	default: // X25, GPOS
		for i := range data {
			data[i].quoted = false
		}
	}
	var out strings.Builder
	if blank(text[0]) {
		out.WriteByte(' ')
	}
	for i, w := range words {
		if i > 0 {
			out.WriteByte(' ')
		}
		if w.quoted {
			fmt.Fprintf(&out, `"%s"`, w.text)
		} else {
			out.WriteString(w.text)
		}
	}
	out.WriteString(end)
	return out.String(), octets
}

// maySpellOtherwise says whether one of the first words of a record is one of the types in question: soon, for the lines of big zones.
func maySpellOtherwise(text []byte) bool {
	for range 6 { // owner, TTL, class, type, and a parenthesis or two
		text = bytes.TrimLeft(text, " \t(")
		end := bytes.IndexAny(text, " \t(\n")
		if end < 0 {
			return false
		}
		if odd(text[:end]) {
			return true
		}
		if text[end] == '\n' {
			return false
		}
		text = text[end:]
	}
	return false
}

func odd(typ []byte) bool {
	switch len(typ) {
	case 3, 4, 5, 8:
		return slices.ContainsFunc([]string{"X25", "GPOS", "NAPTR", "IPSECKEY"}, func(t string) bool { return strings.EqualFold(t, string(typ)) })
	}
	return false
}

// typeAt returns the index of the type among the words of a record whose first octet is first; -1 if it is none of those in question.
func typeAt(words []word, first byte) int {
	at := 0
	if !blank(first) {
		at++
	}
	for ; at < len(words) && !words[at].quoted; at++ {
		switch text := words[at].text; {
		case odd([]byte(text)):
			return at
		case text != "" && '0' <= text[0] && text[0] <= '9': // a TTL
		case dns.StringToClass[strings.ToUpper(text)] != 0:
		default:
			return -1
		}
	}
	return -1
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// readRecord returns the words of the record that text begins with, and its octets up to and with the end of its last line; none if
// the record doesn't end.
func readRecord(text []byte) (words []word, octets int) {
	var s source // keeps account of quotes, comments and parentheses
	from := -1   // of the word that is being read
	flush := func(to int) {
		if from >= 0 {
			words = append(words, word{text: string(text[from:to])})
			from = -1
		}
	}
	for i, c := range text {
		escaped, quoted, comment := s.escaped, s.quoted, s.comment
		s.follow(c)
		switch {
		case escaped && c != '\n' || comment && c != '\n':
		case quoted && s.quoted:
		case quoted: // the closing quote
			words = append(words, word{text: string(text[from:i]), quoted: true})
			from = -1
		case s.quoted: // the opening one
			flush(i)
			from = i + 1
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '(' || c == ')' || c == ';':
			flush(i)
			if s.begin {
				return words, i + 1
			}
		case from < 0:
			from = i
		}
	}
	if s.quoted || s.depth > 0 {
		return nil, 0
	}
	flush(len(text))
	return words, len(text)
}
