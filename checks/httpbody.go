package checks

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// maxBody is how much of a body is looked at if nobody says otherwise.
const maxBody = 64 << 10

// BodyRules say what the body of an answer must be like. If there is none, the body isn't read.
type BodyRules struct {
	// Max is how many bytes of the body are looked at; 0 means 64 KiB.
	Max int
	// Contains must occur, Lacks must not, and each of Matches must match somewhere.
	Contains, Lacks string
	Matches         []*regexp.Regexp
	// JSON says what values a JSON document must have. One that is longer than Max is refused.
	JSON []JSONRule
}

func (b *BodyRules) empty() bool {
	return b.Contains == "" && b.Lacks == "" && len(b.Matches) == 0 && len(b.JSON) == 0
}

func (b *BodyRules) max() int {
	if b.Max == 0 {
		return maxBody
	}
	return b.Max
}

// judge reads the body, or as much of it as it takes, and says which rule failed, or what holds.
func (b *BodyRules) judge(body io.Reader, w *stopwatch) (ok bool, reason string) {
	if b.Lacks == "" && len(b.Matches) == 0 && len(b.JSON) == 0 {
		found, n, err := search(body, b.Contains, b.max())
		w.lap(phaseBody)
		if !found {
			return false, bodyReason(err, b.Contains, n, w.limit)
		}
		return true, "body contains " + brief(b.Contains)
	}
	data, err := io.ReadAll(io.LimitReader(body, int64(b.max())+1))
	w.lap(phaseBody)
	if err != nil {
		return false, unreadReason(err, len(data), w.limit)
	}
	whole := len(data) <= b.max()
	data = data[:min(len(data), b.max())]
	return b.holds(data, whole)
}

// holds says which rule data breaks, or what holds; whole says that data is all of the body.
func (b *BodyRules) holds(data []byte, whole bool) (ok bool, reason string) {
	var held []string
	if b.Contains != "" {
		if !bytes.Contains(data, []byte(b.Contains)) {
			return false, bodyReason(nil, b.Contains, len(data), 0)
		}
		held = append(held, "body contains "+brief(b.Contains))
	}
	if b.Lacks != "" {
		if bytes.Contains(data, []byte(b.Lacks)) {
			return false, fmt.Sprintf("body contains %s, which it must not", brief(b.Lacks))
		}
		held = append(held, "body lacks "+brief(b.Lacks))
	}
	for _, m := range b.Matches {
		if !m.Match(data) {
			return false, fmt.Sprintf("body does not match %s in its first %d bytes", brief(m.String()), len(data))
		}
		held = append(held, "body matches "+brief(m.String()))
	}
	if len(b.JSON) > 0 {
		if !whole {
			return false, fmt.Sprintf("body is longer than %d bytes: that much is read as JSON at most", len(data))
		}
		document, err := parseJSON(data)
		if err != nil {
			return false, fmt.Sprintf("body is not JSON: %s", clean(strings.TrimPrefix(err.Error(), "json: ")))
		}
		for _, rule := range b.JSON {
			got, ok := rule.judge(document)
			if !ok {
				return false, got
			}
			held = append(held, got)
		}
	}
	return true, strings.Join(held, ", ")
}

// describe describes the rules completely, with a comma before each.
func (b *BodyRules) describe() string {
	text := ""
	if b.Contains != "" {
		text += fmt.Sprintf(", body %q", b.Contains)
	}
	if b.Lacks != "" {
		text += fmt.Sprintf(", body lacks %q", b.Lacks)
	}
	for _, m := range b.Matches {
		text += fmt.Sprintf(", body matches %q", m)
	}
	for _, rule := range b.JSON {
		text += fmt.Sprintf(", %s", &rule)
	}
	if b.Max != 0 && !b.empty() {
		text += fmt.Sprintf(", in %d bytes", b.Max)
	}
	return text
}

// search reads at most most bytes, and not on when it has found text. It returns how many it has read.
func search(body io.Reader, text string, most int) (found bool, n int, err error) {
	buf := make([]byte, 0, min(4<<10, most))
	for len(buf) < most {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, min(cap(buf), most-len(buf)))
		}
		var more int
		more, err = body.Read(buf[len(buf):min(cap(buf), most)])
		// The text may have begun in what was read before.
		unsearched := max(0, len(buf)-len(text)+1)
		buf = buf[:len(buf)+more]
		if bytes.Contains(buf[unsearched:], []byte(text)) {
			return true, len(buf), nil
		}
		if err != nil {
			break
		}
	}
	return false, len(buf), err
}
