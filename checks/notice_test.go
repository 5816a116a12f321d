package checks

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
)

func TestOnlyANoticePassesForOne(t *testing.T) {
	for what, c := range map[string]struct {
		status int
		fields [][2]string
		want   string
	}{
		"the notice":      {503, [][2]string{{"Dnsfailover-Page", "notice"}, {"Retry-After", "120"}}, "status 503, the notice"},
		"the site":        {200, nil, "status 200, wanted 503"},
		"another's error": {503, [][2]string{{"Retry-After", "120"}}, "status 503, but it isn't the notice of a page host: there is no header Dnsfailover-Page"},
		"no end":          {503, [][2]string{{"Dnsfailover-Page", "notice"}}, "status 503, but it doesn't say when to come again: there is no header Retry-After"},
		"something else":  {503, [][2]string{{"Dnsfailover-Page", "health"}, {"Retry-After", "1"}}, `status 503, but it isn't the notice: Dnsfailover-Page is "health"`},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for _, f := range c.fields {
				w.Header().Set(f[0], f[1])
			}
			w.WriteHeader(c.status)
		}))
		u, err := url.Parse(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		p := &HTTPProbe{URL: u, Address: netip.MustParseAddr("127.0.0.1"), Notice: true, Statuses: []StatusRange{{503, 503}}}
		if r := p.Run(t.Context()); r.Reason != c.want || r.OK != (what == "the notice") {
			t.Errorf("%s: %v %q, want %q", what, r.OK, r.Reason, c.want)
		}
		s.Close()
	}
}
