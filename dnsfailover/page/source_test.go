package page

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

// TestHowLongASilentSourceIsBelieved: ten minutes, and what has an end until that.
func TestHowLongASilentSourceIsBelieved(t *testing.T) {
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	in := func(d time.Duration) *time.Time { then := at.Add(d); return &then }
	service := func(name, rule string, until *time.Time) api.Service {
		s := api.Service{Name: name, Serving: "backup", Rule: rule, Targets: []api.Target{{Name: "primary"}, {Name: "backup"}}}
		if rule == "window" {
			s.Window = &api.Window{End: *until}
		} else {
			s.Override = &api.Override{Until: until}
		}
		return s
	}
	u, err := url.Parse("http://192.0.2.53:8053")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{config: &config.Page{Source: &config.PageSource{URL: u}}}
	h := &Host{}
	h.heard.Store(&heard{from: u.String(), at: at, services: []api.Service{
		service("hours", "override", in(2*time.Hour)), service("window", "window", in(time.Hour)), service("minutes", "override", in(5*time.Minute)),
		service("released", "override", nil), service("failover", "verdicts", nil),
	}})
	h.silent.Store(&silence{at, errors.New("connection refused")})
	for _, c := range []struct {
		after         time.Duration
		want, problem string
	}{
		{believe - 1, "hours window minutes released failover", "2030-01-01T00:00:00Z (connection refused): what it said last, at 2030-01-01T00:00:00Z, counts until 2030-01-01T00:10:00Z"},
		{believe, "hours window", "only what has an end counts"},
		{time.Hour - 1, "hours window", "only what has an end counts"},
		{time.Hour, "hours", "only what has an end counts"},
		{2 * time.Hour, "", "only what has an end counts"},
	} {
		var names []string
		for _, s := range h.known(w, at.Add(c.after)) {
			names = append(names, s.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("after %v: %s, want %s", c.after, got, c.want)
		}
		if got := h.sourceProblem(w, at.Add(c.after)); !strings.Contains(got, c.problem) {
			t.Errorf("after %v: %s", c.after, got)
		}
	}
}

// TestWhenASiteIsExpectedBack: at the end of what holds now, or of what holds on after it.
func TestWhenASiteIsExpectedBack(t *testing.T) {
	end := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	later := end.Add(time.Hour)
	for what, c := range map[string]struct {
		next *api.NextChange
		end  *time.Time
		want time.Time
	}{
		"released by hand":         {nil, nil, time.Time{}},
		"an end":                   {nil, &end, end}, // the site may be down still; this is what was announced
		"the same end":             {&api.NextChange{At: end, Serving: "primary"}, &end, end},
		"a window behind":          {&api.NextChange{At: later, Serving: "primary"}, &end, later},
		"another backup behind":    {&api.NextChange{At: later, Serving: "standby"}, &end, end},
		"a window in an override":  {&api.NextChange{At: end.Add(-time.Hour), Serving: "standby"}, &end, end},
		"to be cut short, perhaps": {&api.NextChange{At: end.Add(-time.Hour), Serving: "primary"}, &end, end},
	} {
		s := &api.Service{Serving: "backup", Rule: "override", Override: &api.Override{Until: c.end}, NextChange: c.next, Targets: []api.Target{{Name: "primary"}, {Name: "backup"}}}
		if f, _ := planned(s); !f.Planned || !f.Until.Equal(c.want) {
			t.Errorf("%s: %+v, want %v", what, f, c.want)
		}
	}
}
