package try

import (
	"testing"
	"time"

	"dnsfailover/dnsfailover/api"
)

func TestAChangedTTLTellsItsReason(t *testing.T) {
	targets := []api.Target{{Name: "primary"}, {Name: "backup"}}
	for _, c := range []struct {
		service api.Service
		shrinks bool
		want    string
	}{
		{api.Service{Serving: "primary", Targets: targets}, true, ": it shrinks, since a probe failed"},
		{api.Service{Serving: "backup", Targets: targets}, true, ": it shrinks, since a probe of the primary succeeded"},
		{api.Service{Serving: "backup", Targets: targets, NextChange: &api.NextChange{Serving: "primary"}}, true, ": it counts down to the change to the primary"},
		{api.Service{Serving: "primary", Targets: targets, NextChange: &api.NextChange{Serving: "primary"}}, true, ": it shrinks, since a probe failed"},
		{api.Service{Serving: "backup", Targets: targets, Override: &api.Override{}}, true, ""},
		{api.Service{Serving: "primary", Targets: targets}, false, ": no change is near"},
	} {
		if got := ttlReason(c.service, c.shrinks); got != c.want {
			t.Errorf("%+v, shrinks %v: %q, want %q", c.service, c.shrinks, got, c.want)
		}
	}
}

func TestWhatIsSeenWithTheNextQueryIsAtOnce(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "at once", 99 * time.Millisecond: "at once", 100 * time.Millisecond: "0.1 s later", 4 * time.Second: "4.0 s later"} {
		if got := later(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

func TestPathsAreQuotedForAShell(t *testing.T) {
	for path, want := range map[string]string{"/tmp/a-1_b.sock": "/tmp/a-1_b.sock", "/tmp/my dir/it's": `'/tmp/my dir/it'\''s'`} {
		if got := quote(path); got != want {
			t.Errorf("%s is quoted as %s, want %s", path, got, want)
		}
	}
}
