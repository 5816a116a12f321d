package config

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dnsfailover/checks"
)

// sameConfig compares probes by what they do.
var sameConfig = cmp.Options{
	cmpopts.EquateComparable(checks.Source{}), cmpopts.IgnoreFields(checks.Check{}, "Other", "OtherName"),
	cmpopts.IgnoreFields(Config{}, "Digest"),
	cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{}),
	cmp.Transformer("probe", func(p checks.Probe) string { return p.String() }),
	cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }),
}

// good loads a good file in a copy of its directory.
func good(t *testing.T, file string) (c *Config, dir string) {
	source, err := filepath.Abs(filepath.Join(testdata, "good"))
	if err != nil {
		t.Fatal(err)
	}
	dir = installed(t, source)
	c, problems := Load(filepath.Join(dir, file))
	for _, p := range problems {
		t.Error(p)
	}
	if c == nil {
		t.FailNow()
	}
	return c, dir
}

func TestTheExampleIsTheMinimalFile(t *testing.T) {
	file, err := os.ReadFile(filepath.Join(testdata, "good/minimal.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(file), Example); diff != "" {
		t.Errorf("(-file +Example):\n%s", diff)
	}
}

func TestWhatIsLeftOutIsFilledIn(t *testing.T) {
	got, dir := good(t, "minimal.yaml")
	file := filepath.Join(dir, "minimal.yaml")
	want := &Config{
		File: file,
		Listen: Listen{
			DNS:     []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:53"), netip.MustParseAddrPort("[::]:53")},
			Admin:   netip.MustParseAddrPort("127.0.0.1:8053"),
			Control: "/var/lib/dnsfailover/control.sock",
		},
		State:  "/var/lib/dnsfailover",
		MaxAge: 15 * time.Minute,
		DNS: DNS{MaxUDP: 1232, RateLimit: RateLimit{
			Rate: 200, Slip: 2, IPv4Prefix: 24, IPv6Prefix: 56,
			Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		}},
		Zones: []Zone{{Name: "example.com.", File: filepath.Join(dir, "example.com.zone"), Where: file + ":2:11"}},
		Services: []Service{{
			Name:    "web",
			Where:   file + ":6:11",
			Records: []Record{{Name: "www.example.com.", Where: file + ":7:15"}},
			MinTTL:  5 * time.Second,
			MaxTTL:  time.Minute,
			Targets: []Target{
				{
					Name: "primary", Where: file + ":9:15", Need: 1,
					Addresses: []Address{{IP: netip.MustParseAddr("203.0.113.10"), Need: 1, Checks: []Watch{{Check: &checks.Check{
						ID:       "web/primary@203.0.113.10",
						Probe:    probeText("GET https://www.example.com/ at 203.0.113.10:443, status 200-299"),
						Interval: 10 * time.Second, Timeout: 3 * time.Second, Recheck: 2 * time.Second, Fall: 3, Rise: 5,
					}}}}},
				},
				{Name: "backup", Where: file + ":12:15", Need: 1, Addresses: []Address{{IP: netip.MustParseAddr("198.51.100.20")}}},
			},
			Failback: Failback{After: time.Minute, HoldDown: time.Hour},
			AllDown:  AllDownLast,
			Guard:    GuardWarn,
		}},
		Warnings: []Problem{{file, 6, 3, "nothing tells whether targets are down or this host is cut off: with fewer than 5 addresses that are watched, name canaries"}},
	}
	want.Checks = []*checks.Check{want.Services[0].Targets[0].Addresses[0].Checks[0].Check}
	if diff := cmp.Diff(want, got, sameConfig); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEveryKeyArrives(t *testing.T) {
	got, dir := good(t, "full.yaml")
	want := &Config{
		File: filepath.Join(dir, "full.yaml"),
		Listen: Listen{
			DNS:     []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0"), netip.MustParseAddrPort("[::1]:5353")},
			Control: filepath.Join(dir, "run/control.sock"),
			TLS: &TLS{
				Addresses:   []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0"), netip.MustParseAddrPort("[::1]:8853")},
				Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"),
			},
		},
		State:  "/srv/dnsfailover",
		MaxAge: time.Hour,
		DNS: DNS{
			MaxUDP: 1400, Identity: "ns1.example.com", Version: "1.0", EDE: true,
			Cookies: Cookies{Secrets: [][16]byte{{0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f, 0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf}, {15: 0xff}}},
			RateLimit: RateLimit{
				Rate: 50, Slip: 1, IPv4Prefix: 32, IPv6Prefix: 64,
				Exempt: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")},
			},
			TrustECS: []netip.Prefix{netip.MustParsePrefix("192.0.2.53/32"), netip.MustParsePrefix("2001:db8::53/128")},
		},
		Tokens: []Token{{Name: "deploy", Secret: "0123456789abcdefghij"}},
		Zones: []Zone{
			{Name: "example.com.", File: filepath.Join(dir, "zones/example.com.zone")},
			{Name: "1.0/25.2.0.192.in-addr.arpa.", File: "/etc/zones/reverse.zone"},
		},
	}
	unlisted := cmpopts.IgnoreFields(Config{}, "Services", "Hooks", "Warnings", "Checks", "Canaries", "Requires")
	if diff := cmp.Diff(want, got, sameConfig, unlisted, cmpopts.IgnoreFields(Zone{}, "Where")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	web := got.Services[0]
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	wantWeb := Service{
		Name:     "web",
		Records:  []Record{{Name: "example.com."}, {Name: "www.example.com."}, {Name: "*.example.com."}},
		MinTTL:   10 * time.Second,
		MaxTTL:   2 * time.Minute,
		Failback: Failback{Manual: true, After: 90 * time.Second},
		AllDown:  AllDownHold,
		Windows: []Window{
			{ID: "web-1", To: 1, Timezone: berlin, For: 30 * time.Minute, Reason: "weekly patches"},
			{ID: "web-2", To: 5, Timezone: time.UTC, For: 2 * time.Hour},
		},
		Guard: GuardRefuse,
	}
	if diff := cmp.Diff(wantWeb, web, cmpopts.IgnoreFields(Service{}, "Where", "Targets"), cmpopts.IgnoreFields(Window{}, "Where", "Cron"), sameConfig, cmpopts.IgnoreFields(Record{}, "Where")); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}
	if crons := []string{web.Windows[0].Cron.String(), web.Windows[1].Cron.String()}; crons[0] != "0 3 * * SUN" || crons[1] != "30 22 * * TUE#2" {
		t.Errorf("windows come at %q", crons)
	}
	if mail := got.Services[1]; mail.MinTTL != 30*time.Second || mail.MaxTTL != 30*time.Second || mail.AllDown != AllDownNone || mail.Guard != GuardOff ||
		mail.Failback.After != 10*time.Second || mail.Failback.HoldDown != 5*time.Minute {
		t.Errorf("service mail: ttl %s to %s, all_down %s, failback %+v", mail.MinTTL, mail.MaxTTL, mail.AllDown, mail.Failback)
	}
	if p := got.Services[1].Failback.OnlyIn; p == nil || p.Cron.String() != "0 3 * * SAT" || p.For != 2*time.Hour || p.Timezone.String() != "Europe/Berlin" {
		t.Errorf("only_in %+v", p)
	}
	if diff := cmp.Diff([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}, got.Services[1].Staff,
		cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("staff (-want +got):\n%s", diff)
	}
	needs := map[string]int{}
	for _, target := range web.Targets {
		needs[target.Name] = target.Need
	}
	if diff := cmp.Diff(map[string]int{"primary": 2, "second": 1, "third": 1, "fourth": 1, "fifth": 1, "page": 1}, needs); diff != "" {
		t.Errorf("need (-want +got):\n%s", diff)
	}
}

func TestAKeyOfACheckComesFromTheTargetThenFromDefaultsThenFromUs(t *testing.T) {
	c, _ := good(t, "full.yaml")
	got := map[string]checks.Check{}
	for _, target := range c.Services[0].Targets {
		for _, a := range target.Addresses {
			if a.Checks == nil {
				continue
			}
			check := *a.Checks[0].Check
			check.Probe = probeText(withoutSecrets(check.Probe.String()))
			got[check.ID] = check
		}
	}
	const roots = ", roots 220fd55d05893bed"
	first := checks.Check{Interval: 5 * time.Second, Timeout: 500 * time.Millisecond, Recheck: 1500 * time.Millisecond, Fall: 1, Rise: 1}
	defaults := checks.Check{Interval: 20 * time.Second, Timeout: 4 * time.Second, Recheck: time.Second, Fall: 2, Rise: 3}
	fast := checks.Check{Interval: time.Second, Timeout: 900 * time.Millisecond, Recheck: time.Second, Fall: 2, Rise: 3}
	want := map[string]checks.Check{}
	add := func(id string, check checks.Check, probe string) {
		check.ID, check.Probe = id, probeText(probe)
		want[id] = check
	}
	const asked = `POST https://www.example.com:8443/healthz at %, status 200-299, 301, body "all\ngood\n", headers ["Authorization"]` + roots
	add("web/primary@203.0.113.10", first, strings.Replace(asked, "%", "192.0.2.1:8443", 1))
	add("web/primary@2001:db8::10", first, strings.Replace(asked, "%", "192.0.2.2:8443", 1))
	add("web/second@203.0.113.11", defaults, `GET https://[2001:db8::1]/ at 192.0.2.3:443, status 200, body "ok", headers ["X-Probe"]`+roots)
	add("web/third@203.0.113.13", defaults, "tcp 203.0.113.13:443")
	add("web/fourth@203.0.113.14", defaults, "tcp [2001:db8::2]:8443")
	add("web/fifth@203.0.113.15", fast, `GET http://www.example.com/ at 203.0.113.15:80, status 200, body "ok", headers ["X-Probe"]`)
	// Both addresses of second are watched by dialling the same one, so that is done once.
	if diff := cmp.Diff(want, got, sameConfig); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	header := c.Services[0].Targets[0].Addresses[0].Checks[0].Check.Probe.(*checks.HTTPProbe).Headers
	if got := header.Get("Authorization"); got != "Bearer x" {
		t.Errorf("header Authorization is %q", got)
	}
}

func TestALimitAloneMovesTheOtherOne(t *testing.T) {
	c, _ := good(t, "defaults-of-everything.yaml")
	mail, slow := c.Services[0], c.Services[1]
	if mail.MinTTL != 2*time.Second || mail.MaxTTL != 2*time.Second {
		t.Errorf("max: 2s alone gives %s to %s", mail.MinTTL, mail.MaxTTL)
	}
	if slow.MinTTL != 5*time.Minute || slow.MaxTTL != 5*time.Minute {
		t.Errorf("min: 5m alone gives %s to %s", slow.MinTTL, slow.MaxTTL)
	}
	if got := mail.Targets[0].Addresses[0].Checks[0].Check.Recheck; got != time.Second {
		t.Errorf("recheck is %s with an interval of 1s", got)
	}
	if got := mail.Targets[0].Addresses[0].Checks[0].Check.Probe.String(); got != "tcp 203.0.113.1:25" {
		t.Errorf("the kind of check in defaults gives %q", got)
	}
	if got := mail.Targets[1].Addresses[0].Checks[0].Check.Probe.String(); !strings.HasPrefix(got, "GET https://example.com/") {
		t.Errorf("the target's own kind of check gives %q", got)
	}
	if diff := cmp.Diff([]string{"mx.", "*.mx."}, []string{mail.Records[0].Name, mail.Records[1].Name}); diff != "" {
		t.Errorf("records in the root zone (-want +got):\n%s", diff)
	}
}

func TestCookiesAndRateLimitCanBeOff(t *testing.T) {
	c, _ := good(t, "quiet.yaml")
	if diff := cmp.Diff(DNS{MaxUDP: 512, Cookies: Cookies{Off: true}}, c.DNS); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c, _ = good(t, "static.yaml")
	if limit := c.DNS.RateLimit; limit.Rate != 1000 || limit.Slip != 0 || len(limit.Exempt) != 0 {
		t.Errorf("rate limit is %+v", limit)
	}
}

func TestAZoneNeedsNoService(t *testing.T) {
	if c, _ := good(t, "static.yaml"); len(c.Zones) != 1 || len(c.Services) != 0 || len(c.Warnings) != 0 {
		t.Errorf("got %d zones, %d services, warnings %v", len(c.Zones), len(c.Services), c.Warnings)
	}
}

func TestPathsAreRelativeToTheFileNotToTheWorkingDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("etc", 0o700); err != nil {
		t.Fatal(err)
	}
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	c, problems := Parse("etc/x.yaml", []byte("state: ../state\nzones: [{name: example.com, file: a.zone}]\n"))
	if c == nil {
		t.Fatal(problems)
	}
	if got, want := c.State, filepath.Join(cwd, "state"); got != want {
		t.Errorf("state is %q, want %q", got, want)
	}
	if got, want := c.Listen.Control, filepath.Join(cwd, "state/control.sock"); got != want {
		t.Errorf("control is %q, want %q", got, want)
	}
	if got := c.Zones[0].File; got != "etc/a.zone" {
		t.Errorf("zone file is %q", got)
	}
}

// probeText is a probe of which only the description is known.
type probeText string

func (p probeText) Run(context.Context) checks.Result { panic("not for running") }
func (p probeText) String() string                    { return string(p) }

func withoutSecrets(s string) string {
	before, after, found := strings.Cut(s, ", secrets ")
	if !found {
		return s
	}
	return before + after[8:]
}
