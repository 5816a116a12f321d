package staff

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const secret = "correct-horse-battery-staple"

var outside = netip.MustParseAddr("198.51.100.7")

func request(host, path string) *http.Request {
	return httptest.NewRequest(http.MethodGet, "https://"+host+path, nil)
}

// follow follows a link and returns what the browser is told.
func follow(s *Staff, host, path string, secure bool) *http.Response {
	w := httptest.NewRecorder()
	if !s.ServeLink(w, request(host, path), secure) {
		return nil
	}
	return w.Result()
}

func with(r *http.Request, c *http.Cookie) *http.Request {
	r.AddCookie(c)
	return r
}

func TestNetworks(t *testing.T) {
	s := New(Options{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}})
	for address, want := range map[string]bool{
		"192.0.2.200": true, "::ffff:192.0.2.1": true, "2001:db8::1%eth0": true, "192.0.3.1": false, "2001:db9::1": false,
	} {
		if got := s.Includes(request("www.example.com", "/"), netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	if s.ServeLink(httptest.NewRecorder(), request("www.example.com", Path), true) {
		t.Error("without a secret the empty one opens")
	}
}

func TestLinkMakesStaff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Secret: secret, For: 8 * time.Hour})
		resp := follow(s, "www.example.com", Path+secret, true)
		if resp == nil || resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/" || resp.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Fatalf("the link is answered with %+v", resp)
		}
		c := resp.Cookies()[0]
		if c.Name != "__Host-dnsfailover-staff" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 8*3600 {
			t.Errorf("the cookie is %s", c)
		}
		if strings.Contains(c.Value, secret) {
			t.Error("the cookie tells the secret")
		}
		other := New(Options{Secret: secret, For: time.Hour}) // on another host, with the same secret
		for _, host := range []string{"www.example.com", "WWW.example.com.", "www.example.com:8443"} {
			if !other.Includes(with(request(host, "/"), c), outside) {
				t.Errorf("not of the staff at %s", host)
			}
		}
		if s.Includes(with(request("shop.example.com", "/"), c), outside) {
			t.Error("the cookie is good for another host")
		}
		if New(Options{Secret: secret + "2", For: time.Hour}).Includes(with(request("www.example.com", "/"), c), outside) {
			t.Error("another secret has not taken the cookie back")
		}
		for name, value := range map[string]string{
			"empty": "", "no mac": strings.Split(c.Value, ".")[0] + ".", "later": "9" + c.Value, "no number": "x" + c.Value,
			"longer": c.Value + "A", "huge": strings.Repeat("9", 100) + ".x",
		} {
			forged := *c
			forged.Value = value
			if s.Includes(with(request("www.example.com", "/"), &forged), outside) {
				t.Errorf("forged (%s): of the staff", name)
			}
		}
		time.Sleep(8 * time.Hour)
		if s.Includes(with(request("www.example.com", "/"), c), outside) {
			t.Error("the cookie has no end")
		}
	})
}

func TestWrongLinkIsLikeAnyOtherPath(t *testing.T) {
	s := New(Options{Secret: secret, For: time.Hour})
	for _, path := range []string{Path, Path + "x", Path + secret + "/", Path + secret + "x", "/" + secret, Path + strings.ToUpper(secret)} {
		if follow(s, "www.example.com", path, true) != nil {
			t.Errorf("%s is answered", path)
		}
	}
	post := request("www.example.com", Path+secret)
	post.Method = http.MethodPost
	if s.ServeLink(httptest.NewRecorder(), post, true) {
		t.Error("POST is answered")
	}
}

func TestLeave(t *testing.T) {
	resp := follow(New(Options{Secret: secret, For: time.Hour}), "www.example.com", Leave, false)
	if resp == nil || resp.Cookies()[0].MaxAge != -1 || resp.Cookies()[0].Secure || resp.Cookies()[0].Name != "dnsfailover-staff" {
		t.Fatalf("leaving without TLS is answered with %+v", resp)
	}
}

func TestClean(t *testing.T) {
	for given, want := range map[string]string{
		"a=1; __Host-dnsfailover-staff=x.y; b=2": "a=1; b=2",
		"dnsfailover-staff=x":                    "",
		"a=1":                                    "a=1",
		`odd; "q"=;x`:                            `odd; "q"=; x`,
	} {
		r := request("www.example.com", "/")
		r.Header.Set("Cookie", given)
		Clean(r)
		if got := r.Header.Get("Cookie"); got != want {
			t.Errorf("%q becomes %q, want %q", given, got, want)
		}
	}
}

func TestMask(t *testing.T) {
	const masked = Path + "***"
	for given, want := range map[string]string{
		Path + secret:                            masked,
		Path:                                     masked,
		"http://www.example.com" + Path + secret: "http://www.example.com" + masked,
		"/%2ewell-known/dnsfailover/%73taff/" + secret:          masked,
		"/%2Ewell-known/dnsfailover/staff%2F" + secret + "?%zz": masked,
		"/login?next=" + url.QueryEscape(Path+secret):           "/login?next=" + masked,
		Leave:             Leave,
		Leave + "/secret": masked,
		"/a%20b?c=%zz":    "/a%20b?c=%zz",
		"":                "",
	} {
		if got := Mask(given); got != want {
			t.Errorf("%q becomes %q, want %q", given, got, want)
		}
	}
}

func TestCleanTakesTheLink(t *testing.T) {
	for given, want := range map[string]string{"https://www.example.com" + Path + secret: "", "https://www.example.com/a%20b": "https://www.example.com/a%20b"} {
		r := request("www.example.com", "/")
		r.Header.Set("Referer", given)
		Clean(r)
		if got := r.Referer(); got != want {
			t.Errorf("%q becomes %q, want %q", given, got, want)
		}
	}
}
