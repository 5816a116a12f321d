package staff

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options are what New needs.
type Options struct {
	Networks []netip.Prefix
	Secret   string        // of the link, at least MinSecret octets; empty: there is no link
	For      time.Duration // for how long the cookie is good
}

// MinSecret is how short a secret may be: 128 bits in base64.
const MinSecret = 22

// Path is where links lead: the secret follows it. Leave is the one that takes the browser's cookie away.
const (
	Path  = "/.well-known/dnsfailover/staff/"
	Leave = Path + "leave"
)

// cookie is the name of the cookie; with the prefix a browser takes it over TLS only, from the host itself (RFC 6265bis section 4.1.3.2).
const (
	cookie       = "dnsfailover-staff"
	securePrefix = "__Host-"
)

// Staff knows who belongs to it.
type Staff struct {
	networks []netip.Prefix
	link     [sha256.Size]byte // digest of the secret, which compares in equal time
	key      []byte            // nil: there is no link
	good     time.Duration
}

// New returns the staff.
func New(opt Options) *Staff {
	s := &Staff{networks: opt.Networks, good: opt.For}
	if opt.Secret != "" {
		s.link = sha256.Sum256([]byte(opt.Secret))
		s.key = sum([]byte(opt.Secret), "dnsfailover staff cookie, version 1")
	}
	return s
}

// Includes says whether r, which came from client, is of the staff.
func (s *Staff) Includes(r *http.Request, client netip.Addr) bool {
	if s.within(client) {
		return true
	}
	if s.key == nil || len(r.Header["Cookie"]) == 0 {
		return false
	}
	for _, name := range []string{securePrefix + cookie, cookie} {
		for _, c := range r.CookiesNamed(name) {
			if s.valid(c.Value, host(r), time.Now()) {
				return true
			}
		}
	}
	return false
}

// MayInclude says whether a request that came from client with such a Cookie header could be of the staff, without looking closely:
// what it says no to is not.
func (s *Staff) MayInclude(client netip.Addr, cookies []byte) bool {
	return s.within(client) || s.key != nil && bytes.Contains(cookies, []byte(cookie))
}

func (s *Staff) within(client netip.Addr) bool {
	client = client.Unmap().WithZone("")
	return slices.ContainsFunc(s.networks, func(n netip.Prefix) bool { return n.Contains(client) })
}

// Link returns the path of the secret link.
func Link(secret string) string { return Path + url.PathEscape(secret) }

// ServeLink answers r, which came over TLS if secure, if it follows the secret link or Leave; else it returns false and has
// not answered, so that a wrong link looks like any other path.
func (s *Staff) ServeLink(w http.ResponseWriter, r *http.Request, secure bool) bool {
	secret, ok := strings.CutPrefix(r.URL.Path, Path)
	if !ok || s.key == nil || r.Method != http.MethodGet {
		return false
	}
	c := http.Cookie{Name: cookie, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode}
	if secure {
		c.Name = securePrefix + cookie
	}
	given := sha256.Sum256([]byte(secret))
	switch {
	case subtle.ConstantTimeCompare(given[:], s.link[:]) == 1:
		until := time.Now().Add(s.good)
		c.Value, c.MaxAge = s.sign(host(r), until), int(s.good/time.Second)
	case r.URL.Path == Leave:
		c.MaxAge = -1
	default:
		return false
	}
	h := w.Header()
	http.SetCookie(w, &c)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // the link is a secret
	h.Set("Location", "/")
	w.WriteHeader(http.StatusSeeOther)
	return true
}

// Mask returns a target or a Referer as a log may have it: what follows Path is the secret, or once was, or nearly is. However
// it is spelled, it is good for a link.
func Mask(target string) string {
	text := target
	if strings.Contains(text, "%") {
		text = escape.ReplaceAllStringFunc(text, func(e string) string {
			octet, _ := url.PathUnescape(e)
			return octet
		})
	}
	before, secret, ok := strings.Cut(text, Path)
	if !ok || Path+secret == Leave {
		return target
	}
	return before + Path + "***"
}

var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// Clean takes from a request that is passed on what the site has no use for, and might show: the cookie, and a Referer with a link.
func Clean(r *http.Request) {
	if from := r.Referer(); Mask(from) != from {
		r.Header.Del("Referer")
	}
	if len(r.Header["Cookie"]) == 0 {
		return
	}
	var kept []string
	for _, line := range r.Header["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			name, _, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if strings.TrimPrefix(name, securePrefix) != cookie {
				kept = append(kept, strings.TrimSpace(pair))
			}
		}
	}
	r.Header.Del("Cookie")
	if len(kept) > 0 {
		r.Header.Set("Cookie", strings.Join(kept, "; "))
	}
}

// sign returns the value of the cookie that is good for host until then: "EXPIRY.MAC".
func (s *Staff) sign(host string, until time.Time) string {
	expiry := strconv.FormatInt(until.Unix(), 10)
	return expiry + "." + base64.RawURLEncoding.EncodeToString(sum(s.key, host+"\n"+expiry))
}

func (s *Staff) valid(value, host string, now time.Time) bool {
	expiry, _, ok := strings.Cut(value, ".")
	if !ok || len(expiry) > len("9223372036854775807") {
		return false
	}
	seconds, err := strconv.ParseInt(expiry, 10, 64)
	if err != nil || now.Unix() >= seconds {
		return false
	}
	return hmac.Equal([]byte(value), []byte(s.sign(host, time.Unix(seconds, 0))))
}

func sum(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// host returns the host that r asks for, without a port.
func host(r *http.Request) string {
	name := r.Host
	if h, _, err := net.SplitHostPort(name); err == nil {
		name = h
	}
	return strings.TrimSuffix(strings.ToLower(name), ".")
}
