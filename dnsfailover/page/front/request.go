package front

import (
	"bytes"
	"net/netip"
	"time"
)

// Request is a plain request: a GET or HEAD without a body. Its octets are those of the read buffer, valid until
// Answer returns.
type Request struct {
	Head   bool   // HEAD: the answer has no body
	Target []byte // as sent; it begins with a slash
	Host   []byte // as sent, with the port if there was one
	// Accept, Language, Dest and Poll are the values of Accept, Accept-Language, Sec-Fetch-Dest and Dnsfailover-Poll; nil if there are none.
	Accept, Language, Dest, Poll []byte
	Agent, Referer               []byte
	Cookie                       []byte
	Close                        bool // the client wants the connection closed

	Client netip.Addr
	Secure bool      // over TLS
	Now    time.Time // of the answer
}

// parse reads the head of a request, that is everything up to and including the empty line. It refuses whatever is not plain.
func (r *Request) parse(head []byte) bool {
	line, rest, _ := cutLine(head)
	switch {
	case bytes.HasPrefix(line, []byte("GET /")):
		r.Head, line = false, line[4:]
	case bytes.HasPrefix(line, []byte("HEAD /")):
		r.Head, line = true, line[5:]
	default:
		return false
	}
	target, ok := bytes.CutSuffix(line, []byte(" HTTP/1.1"))
	if !ok || !graphic(target) {
		return false
	}
	r.Target = target
	r.Host, r.Accept, r.Language, r.Dest, r.Poll, r.Agent, r.Referer, r.Cookie, r.Close = nil, nil, nil, nil, nil, nil, nil, nil, false
	for len(rest) > 2 {
		line, rest, ok = cutLine(rest)
		colon := bytes.IndexByte(line, ':')
		if !ok || colon < 1 || !token(line[:colon]) {
			return false
		}
		value := trim(line[colon+1:])
		if !text(value) || !r.field(line[:colon], value) {
			return false
		}
	}
	return len(r.Host) > 0
}

// field takes one header field; false if only net/http can judge it.
func (r *Request) field(name, value []byte) bool {
	var to *[]byte
	switch len(name) {
	case 4:
		if is(name, "host") {
			to = &r.Host
		}
	case 6:
		switch {
		case is(name, "accept"):
			to = &r.Accept
		case is(name, "cookie"):
			to = &r.Cookie
		case is(name, "expect"):
			return false
		}
	case 7:
		switch {
		case is(name, "referer"):
			to = &r.Referer
		case is(name, "upgrade"), is(name, "trailer"):
			return false
		}
	case 10:
		switch {
		case is(name, "user-agent"):
			to = &r.Agent
		case is(name, "connection"):
			r.Close = is(value, "close")
			return r.Close || is(value, "keep-alive")
		}
	case 14:
		switch {
		case is(name, "sec-fetch-dest"):
			to = &r.Dest
		case is(name, "content-length"):
			return false
		}
	case 15:
		if is(name, "accept-language") {
			to = &r.Language
		}
	case 16:
		if is(name, "dnsfailover-poll") {
			to = &r.Poll
		}
	case 17:
		if is(name, "transfer-encoding") {
			return false
		}
	}
	if to == nil {
		return true
	}
	if *to != nil { // twice: net/http joins them, or refuses
		return false
	}
	*to = value
	return true
}

// cutLine returns the first line without its CR LF, and what follows. A line that ends otherwise is not ok.
func cutLine(b []byte) (line, rest []byte, ok bool) {
	i := bytes.IndexByte(b, '\n')
	if i < 1 || b[i-1] != '\r' {
		return nil, nil, false
	}
	return b[:i-1], b[i+1:], true
}

func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// is compares b with a word in lower case.
func is(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// The classes of octets, as bits.
const (
	isToken   = 1 << iota // RFC 9110 section 5.6.2
	isText                // visible, blank, tab, and those above ASCII
	isGraphic             // visible ASCII
)

var class = func() (t [256]uint8) {
	for c := range t {
		if c > ' ' && c < 0x7f {
			t[c] |= isGraphic
		}
		if c >= ' ' && c != 0x7f || c == '\t' {
			t[c] |= isText
		}
		if c > ' ' && c < 0x7f && !bytes.ContainsRune([]byte(`"(),/:;<=>?@[\]{}`), rune(c)) {
			t[c] |= isToken
		}
	}
	return t
}()

func all(b []byte, want uint8) bool {
	for _, c := range b {
		if class[c]&want == 0 {
			return false
		}
	}
	return true
}

func token(b []byte) bool   { return all(b, isToken) }
func text(b []byte) bool    { return all(b, isText) }
func graphic(b []byte) bool { return all(b, isGraphic) }
