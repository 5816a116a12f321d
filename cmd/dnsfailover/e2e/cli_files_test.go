package e2e

import (
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"
)

// TestReloadTakesWhatIsGood edits the files of a running server, well and badly.
func TestReloadTakesWhatIsGood(t *testing.T) {
	t.Parallel()
	primary, backup, third := newSite(t), newSite(t), newSite(t)
	good := listen + quick + web(plain, primary, backup)
	s := newServer(t, "", "one TXT 1\n")
	s.write("dnsfailover.yaml", good)
	s.start()
	s.verdict("web", "primary", "up")
	text := func(name string) string {
		if answer := s.ask(name, dns.TypeTXT); answer != nil && len(answer.Answer) > 0 {
			return answer.Answer[0].(*dns.TXT).Txt[0]
		}
		return ""
	}
	same := func(when string) {
		t.Helper()
		if got, _ := s.addresses("www.example.test", dns.TypeA); got != primary.ip || text("one.example.test") != "1" {
			t.Errorf("%s: www is %s, one is %q", when, got, text("one.example.test"))
		}
	}
	dir := regexp.QuoteMeta(s.dir)
	warning := `warning: ` + dir + `/dnsfailover\.yaml:6:3: nothing tells whether targets are down or this host is cut off: .*
`

	// A bad configuration: all that is wrong with it, in one run, and nothing is taken.
	bad := strings.NewReplacer("failback:", "failbakc:", "interval: 1s", "interval: 1").Replace(listen+quick+web(plain, third, backup)) + "canaries: {fail: all}\n"
	s.write("dnsfailover.yaml", bad)
	problems := dir + `/dnsfailover\.yaml:4:30: interval: "1" has no unit: write 1s
` + dir + `/dnsfailover\.yaml:9:5: a service has no key "failbakc": did you mean "failback"\?
` + dir + `/dnsfailover\.yaml:13:11: canaries needs the key "checks"
`
	out, code := s.cli("reload")
	if matches(t, out, problems+`dnsfailover: nothing was changed; the old configuration serves on: 3 problems\n`); code != 1 {
		t.Errorf("reload of a bad configuration: exit %d", code)
	}
	same("after a bad configuration")
	if got := strings.Join(s.status().Problems, "\n") + "\n"; !regexp.MustCompile("^" + problems + "$").MatchString(got) {
		t.Errorf("status tells of the bad configuration as\n%s", got)
	}
	out, code = s.cli("validate", "--config", s.path("dnsfailover.yaml"))
	if matches(t, out, problems+`dnsfailover: `+dir+`/dnsfailover\.yaml has 3 problems\n`); code != 1 {
		t.Errorf("validate of a bad configuration: exit %d", code)
	}

	// A bad zone: it stays, and the rest moves on.
	s.write("dnsfailover.yaml", listen+quick+web(plain, primary, third))
	s.write("example.test.zone", zoneHead+"one TXT 2\nwww A 192.0.2.99\n\ntwo A 192.0.2.2\ntwo CNAME one\n")
	out, code = s.cli("reload")
	matches(t, out, `zone example\.test\. is served as it was before: `+dir+`/example\.test\.zone:8: .* \(and 1 more, see dnsfailover validate\)
`+warning+`dnsfailover: not everything was taken: 1 problem
`)
	if code != 1 {
		t.Errorf("reload of a bad zone: exit %d", code)
	}
	same("after a bad zone")
	if targets := s.service("web").Targets; targets[1].Addresses[0].Address != third.ip {
		t.Errorf("beside a bad zone the good configuration was not taken: %+v", targets)
	}
	out, code = s.cli("validate", "--config", s.path("dnsfailover.yaml"))
	matches(t, out, dir+`/example\.test\.zone:8: www\.example\.test\.: address 192\.0\.2\.99, but the addresses of this name belong to service "web" \(`+dir+`/dnsfailover\.yaml:7:15\): .*
`+dir+`/example\.test\.zone:10: two\.example\.test\.: A beside a CNAME: .*
`+warning+`dnsfailover: `+dir+`/dnsfailover\.yaml has 2 problems
`)
	if code != 1 {
		t.Errorf("validate of a bad zone: exit %d", code)
	}
	out = s.must("status")
	matches(t, out, `! zone example\.test\. is served as it was before: .*\n\nweb: (.*\n)*`)

	// Mended, and taken by a signal.
	s.write("example.test.zone", zoneHead+"one TXT 3\n")
	s.Signal(syscall.SIGHUP)
	s.wait("the zone is new", func() bool { return text("one.example.test") == "3" })
	s.wait("nothing is amiss", func() bool { return len(s.status().Problems) == 0 })
	matches(t, s.must("validate", "--config", s.path("dnsfailover.yaml")), dir+`/dnsfailover\.yaml is good

When the target that is served dies, at the latest:
  web:  detected within [\d.]+s, every cache follows within [\d.]+s
`+warning)
	matches(t, s.must("reload"), `reloaded\n`+warning)
}

// TestProbeShowsWhatItSaw runs probes in the foreground, without a server.
func TestProbeShowsWhatItSaw(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	backup.becomes("hang")
	s := newServer(t, quick+web(plain, primary, backup), "")
	matches(t, s.must("probe", "web", "primary", "--config", s.path("dnsfailover.yaml")), `primary at \S+
  GET http://www\.example\.test:\d+/health at \S+:\d+, status 200-299, body "ok"
  dial +[\d.]+ ms
  first byte +[\d.]+ ms
  headers +[\d.]+ ms
  body +[\d.]+ ms
  all +[\d.]+ ms  of 900ms
  status line: HTTP/1\.1 200 OK
  Content-Length: 2
  OK: status 200, body contains "ok"

`)
	out, code := s.cli("probe", "web", "--config", s.path("dnsfailover.yaml"))
	if code != 1 || primary.visits() != 2 {
		t.Errorf("exit %d, the primary was asked %d times", code, primary.visits())
	}
	matches(t, out, `primary at (.*\n)*  OK: .*

backup at \S+
  GET .*
  dial +[\d.]+ ms
  first byte +\d+ ms
  all +\d+ ms  of 900ms
  failed at first byte: .*

dnsfailover: 1 of 2 probes failed
`)
}
