package dnsfailover

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnsfailover/dnsfailover/config"
	"dnsfailover/zones"
)

const goodZone = "$TTL 60\n@ SOA ns1 host 1 7200 900 1209600 5\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.53\nns2 A 192.0.2.54\n"

// loadWorld builds the world of a configuration with one zone and a service for each of names, whose one record is NAME.example.test.
func loadWorld(t *testing.T, dir string, old *world, names ...string) *world {
	t.Helper()
	text := "zones: [{name: example.test, file: example.test.zone}]\nservices:\n"
	for _, n := range names {
		text += "- {name: " + n + ", records: [" + n + ".example.test], targets: [{name: a, addresses: [192.0.2.1]}]}\n"
	}
	if len(names) == 0 {
		text = "zones: [{name: example.test, file: example.test.zone}]\n"
	}
	cfg, problems := config.Parse(filepath.Join(dir, "c.yaml"), []byte(text))
	if cfg == nil {
		t.Fatal(problems)
	}
	return build(cfg, old, time.Now())
}

func writeZone(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "example.test.zone"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// serve fills a service's slot with one address.
func serve(w *world, service, address string) {
	w.Slots[service].Store(&zones.Timeline{Segments: []zones.Segment{
		{Max: 60, A: zones.Records([]netip.Addr{netip.MustParseAddr(address)}, false)},
	}})
}

// answer returns the address that w has for a service's name.
func answer(t *testing.T, w *world, service string) string {
	t.Helper()
	query, err := new(dns.Msg).SetQuestion(service+".example.test.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	var r zones.Responder
	out := make([]byte, 1<<16)
	m := new(dns.Msg)
	if err := m.Unpack(out[:r.Respond(w.Set, query, out, zones.Stream, 1)]); err != nil {
		t.Fatal(err)
	}
	if len(m.Answer) != 1 {
		return dns.RcodeToString[m.Rcode]
	}
	return m.Answer[0].(*dns.A).A.String()
}

func TestKeptZoneGoesOnWithTheNewWorldsSlots(t *testing.T) {
	dir := t.TempDir()
	writeZone(t, dir, goodZone)
	first := loadWorld(t, dir, nil, "web")
	serve(first, "web", "192.0.2.1")

	writeZone(t, dir, "broken")
	without := loadWorld(t, dir, first) // the service is dropped while the zone file is bad
	if got := answer(t, without, "web"); got != "192.0.2.1" {
		t.Errorf("without its service the name is %s, want it as last decided", got)
	}
	if got := without.zones[0].problem; got == "" {
		t.Error("nothing says that the zone was kept")
	}
	again := loadWorld(t, dir, without, "web") // and comes back
	serve(again, "web", "192.0.2.7")
	if got := answer(t, again, "web"); got != "192.0.2.7" {
		t.Errorf("a decision for the service that came back shows as %s", got)
	}
}

func TestNewWorldDoesNotShowInTheOldOne(t *testing.T) {
	dir := t.TempDir()
	writeZone(t, dir, goodZone)
	old := loadWorld(t, dir, nil, "web", "api")
	serve(old, "web", "192.0.2.1")
	serve(old, "api", "192.0.2.2")
	next := loadWorld(t, dir, old, "web", "api")
	serve(next, "web", "192.0.2.3")
	if got := answer(t, old, "web"); got != "192.0.2.1" {
		t.Errorf("before the swap the old world answers %s", got)
	}
	if got := answer(t, next, "web"); got != "192.0.2.3" {
		t.Errorf("the new world answers %s", got)
	}
}

// A zone that the zone above it, served here too, does not delegate is warned of, by validate and by serve.
func TestUndelegatedZone(t *testing.T) {
	for delegation, want := range map[string]int{
		"":               1,
		"b.sub NS ns1\n": 1, // beside it
		"a.sub NS ns1\n": 0,
		"sub NS ns1.a.sub\nns1.a.sub A 192.0.2.55\n":    0, // the cut above it is somebody's
		"a.sub TXT \"a name that is the zone's own\"\n": 1,
	} {
		dir := t.TempDir()
		writeZone(t, dir, goodZone+delegation)
		for name, text := range map[string]string{
			"c.yaml":   "zones: [{name: example.test, file: example.test.zone}, {name: a.sub.example.test, file: sub.zone}]\n",
			"sub.zone": goodZone,
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cfg, problems := config.Load(filepath.Join(dir, "c.yaml"))
		if cfg == nil {
			t.Fatal(problems)
		}
		sentence := filepath.Join(dir, "example.test.zone") + ": example.test.: the zone a.sub.example.test. is served here too, but is not delegated: add NS records for it"
		for says, warnings := range map[string][]string{"serve": build(cfg, nil, time.Now()).allWarnings(), "validate": Validate(filepath.Join(dir, "c.yaml")).Warnings} {
			found := 0
			for _, w := range warnings {
				if w == sentence {
					found++
				}
			}
			if found != want {
				t.Errorf("with %q %s warns %d times, want %d: %q", delegation, says, found, want, warnings)
			}
		}
	}
}
