package checks

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// digest returns a text that differs if one of the parts differs. It tells two probes apart in memory and in the state
// file, which only its owner can read: whoever has it can tell most wrong guesses at a weak secret from the right one.
// So it is not logged.
func digest(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%q\n", part) // quoting keeps one from running into the next
	}
	return hex.EncodeToString(h.Sum(nil)[:4])
}

// secretive is a probe that holds secrets: describe leaves their digest out if it is told to.
type secretive interface{ describe(secrets bool) string }

// Describe describes a probe for people and logs: completely, but for its secrets, of which String has a digest.
func Describe(p Probe) string {
	if s, ok := p.(secretive); ok {
		return s.describe(false)
	}
	return p.String()
}

// secrets are what a probe sends and must not show, whatever the server repeats of it.
type secrets []string

// leastSecret is the length from which on a text is recognised; a shorter one would be found everywhere.
const leastSecret = 4

// add adds texts that are secret as a whole, in the ways they may be written.
func (s *secrets) add(texts ...string) {
	for _, text := range texts {
		quoted := strings.Trim(strconv.Quote(text), `"`)
		for _, form := range []string{text, quoted, url.QueryEscape(text), url.PathEscape(text)} {
			if len(form) >= leastSecret && !slices.Contains(*s, form) {
				*s = append(*s, form)
			}
		}
	}
}

// addWords adds the words of texts in which secrets may stand among others. Short words are not: they are "Bearer" or "PING".
func (s *secrets) addWords(texts ...string) {
	for _, text := range texts {
		for _, word := range strings.FieldsFunc(text, func(c rune) bool { return c <= ' ' || strings.ContainsRune(`"'{}[](),:;&=<>`, c) }) {
			if len(word) > len("Bearer") {
				s.add(word)
			}
		}
	}
}

// hide replaces the secrets in what a result shows.
func (s secrets) hide(r Result) Result {
	if len(s) == 0 {
		return r
	}
	r.Reason, r.Warning = s.hidden(r.Reason), s.hidden(r.Warning)
	for i := range r.Seen {
		r.Seen[i] = s.hidden(r.Seen[i])
	}
	return r
}

// hidden replaces the secrets in text. What a server repeats may be cut off, so the begin of a secret counts too.
func (s secrets) hidden(text string) string {
	const begin = 8
	for _, secret := range s {
		head := secret[:min(begin, len(secret))]
		for from := 0; ; {
			i := strings.Index(text[from:], head)
			if i < 0 {
				break
			}
			i += from
			n := len(head)
			for n < len(secret) && i+n < len(text) && text[i+n] == secret[n] {
				n++
			}
			text = text[:i] + "…" + text[i+n:]
			from = i + len("…")
		}
	}
	return text
}
