package e2e

import (
	"os/user"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const clockTime = `(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d`

// TestAnOperatorPlansWork is the story of a reboot of the primary: look, rehearse, switch, wait, work, release.
func TestAnOperatorPlansWork(t *testing.T) {
	t.Parallel()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web("ttl: {min: 1s, max: 2s}\n    failback: {mode: auto, after: 0s}", primary, backup), "alias CNAME www\n").start()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")

	p, b := regexp.QuoteMeta(primary.ip), regexp.QuoteMeta(backup.ip)
	matches(t, s.must("status"), `web: primary at `+p+`
  verdicts: primary is up
  since `+clockTime+` \(\d+s ago\)
  TTL 2s, drained \(nothing else was served before\)

  TARGET   VERDICT  ADDRESS +VERDICT  FOR  LATENCY  RUN  LAST RESULT
> primary  up +`+p+` +up +\ds +[\d.]+ ms +\d+  status 200, body contains "ok"
  backup   up +`+b+` +up +\ds +[\d.]+ ms +\d+  status 200, body contains "ok"
`)
	matches(t, s.must("why", "alias.example.test"), `alias\.example\.test\. A: NOERROR
  alias\.example\.test\. 300 IN CNAME www\.example\.test\.
  www\.example\.test\. 2 IN A `+p+`

  zone         example\.test\.
  service      web
> 1\. zone      zone example\.test\. \(serial 1\) answers
> 2\. alias     alias\.example\.test\. is an alias of www\.example\.test\.
> 3\. service   www\.example\.test\. belongs to service "web"
  4\. override  there is no override
  5\. window    no window is open
> 6\. verdicts  primary is up
  7\. all_down  not all targets are down
> 8\. ttl       2 s, the most that is configured
  9\. next      no change is known: only a verdict, an operator or a reload makes one
`)

	matches(t, s.must("switch", "web", "backup", "--for", "1h", "--reason", "kernel & co"),
		`web: switched; serves backup at `+b+`, TTL 2s, drained in 3s, at `+clockTime+`; override to backup by `+me.Username+`, until .*`+clockTime+` \(in (1h|59m\d+s)\): kernel & co\n`)
	begin := time.Now()
	drained := *s.service("web").DrainedAt
	s.digs(map[string]string{"www.example.test A": `NOERROR qr aa\nANSWER www\.example\.test\. 2 IN A ` + b})
	matches(t, s.must("wait", "web"), `web: serves backup at `+b+`; drained in \ds, at `+clockTime+`
safe: web serves backup at `+b+`, and no correct cache holds anything else
`)
	if end := time.Now(); end.Before(drained) || end.After(drained.Add(time.Second)) {
		t.Errorf("wait took from %v to %v, drained at %v", begin, end, drained)
	}
	matches(t, s.must("wait", "web"), `safe: web serves backup at `+b+`, and no correct cache holds anything else\n`)
	matches(t, s.must("status", "web"), `web: backup at `+b+`
  override: to backup by `+me.Username+`, until .*`+clockTime+` \(in (1h|59m\d+s)\): kernel & co
  since `+clockTime+` \(\d+s ago\)
  TTL 2s, drained since `+clockTime+`
  next: primary at .*`+clockTime+` \(in (1h|59m\d+s)\): primary is up

(.*\n)*> backup(.*\n)*`)

	// The reboot. The checks see it, and nothing moves.
	primary.becomes("stopped")
	s.verdict("web", "primary", "down")
	matches(t, s.must("why", "www.example.test", "AAAA"), `www\.example\.test\. AAAA: NOERROR
  authority: example\.test\. 2 IN SOA ns1\.example\.test\. hostmaster\.example\.test\. 1 7200 900 1209600 5

  zone         example\.test\.
  service      web
> 1\. zone      zone example\.test\. \(serial 1\) has the name
> 2\. service   www\.example\.test\. belongs to service "web"
> 3\. override  switched to backup by `+me.Username+` until \S+: kernel & co
  4\. window    no window is open
  5\. verdicts  without the override: primary is down \(connection refused\); backup is the first target that is up
  6\. all_down  not all targets are down
> 7\. ttl       2 s, the most that is configured
  8\. next      no change is known: only a verdict, an operator or a reload makes one
> 9\. answer    what is served has no IPv6 address, so there is no AAAA record
`)
	primary.becomes("up")
	s.verdict("web", "primary", "up")
	if got, _ := s.addresses("www.example.test", dns.TypeA); got != backup.ip {
		t.Errorf("during the override the answer is %s", got)
	}
	matches(t, s.must("release", "web"), `web: released; serves primary at `+p+`, TTL 2s, drained in 3s, at `+clockTime+`\n`)
	s.serves("www.example.test", primary.ip)
	out, code := s.cli("release", "web")
	matches(t, out, `dnsfailover: service "web" has no override, and no better target waits to take over\n`)
	if code != 1 {
		t.Errorf("released twice: exit %d", code)
	}
}

// TestSwitchUntil takes ends in every form.
func TestSwitchUntil(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup), "").start()
	s.verdict("web", "backup", "up")
	tomorrow := time.Now().Add(24 * time.Hour)
	for text, want := range map[string]time.Time{
		tomorrow.UTC().Format(time.RFC3339):      tomorrow.Truncate(time.Second),
		tomorrow.Format("2006-01-02 15:04"):      tomorrow.Truncate(time.Minute),
		tomorrow.Add(-time.Hour).Format("15:04"): tomorrow.Add(-time.Hour).Truncate(time.Minute),
	} {
		s.must("switch", "web", "backup", "--until", text)
		if got := s.service("web").Override; got == nil || got.Until == nil || !got.Until.Equal(want) {
			t.Errorf("--until %q is %+v", text, got)
		}
	}
	s.must("switch", "web", "backup", "--until-released")
	if got := s.service("web").Override; got == nil || got.Until != nil {
		t.Errorf("--until-released is %+v", got)
	}
	for _, args := range [][]string{
		{"--until", time.Now().Add(-time.Hour).Format(time.RFC3339)}, {"--for", "0s"}, {"--for", "10"}, {"--for", "1h", "--until-released"}, {"--until", "soon"}, {},
	} {
		out, code := s.cli(append([]string{"switch", "web", "backup"}, args...)...)
		if code != 2 || !strings.HasSuffix(out, "run \"dnsfailover switch --help\" to see how it is used\n") {
			t.Errorf("switch %v: exit %d\n%s", args, code, out)
		}
	}
	out, code := s.cli("switch", "web", "backup", "--for", "87600h1s")
	if code != 2 || !strings.Contains(out, "--for 87600h1s is too long: give at most 10 years") {
		t.Errorf("for over 10 years: exit %d\n%s", code, out)
	}
	s.must("switch", "web", "backup", "--for", "87600h", "--dry-run")
}

// TestManualFailback stays on the backup until somebody releases it, also over a restart.
func TestManualFailback(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web("ttl: {min: 1s, max: 2s}\n    failback: {mode: manual}", primary, backup), "").start()
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	primary.becomes("503")
	s.serves("www.example.test", backup.ip)
	primary.becomes("up")
	s.verdict("web", "primary", "up")
	seen := primary.visits()
	s.wait("the primary is probed three times more", func() bool { return primary.visits() >= seen+3 })
	s.saved()
	s.Kill()
	s.start()
	s.verdict("web", "primary", "up")
	service := s.service("web")
	if want := "primary is up again, but failback is manual: backup stays until released"; service.Serving != "backup" || service.Reason != want {
		t.Errorf("serving %s: %s", service.Serving, service.Reason)
	}
	matches(t, s.must("release", "web"), `web: released; serves primary at .*\n`)
	s.serves("www.example.test", primary.ip)
}

// TestExitCodes tells apart what was refused, what makes no sense and who is not there.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	s := newServer(t, "", "").start()
	for want, lines := range map[int][]string{
		0: {"status", "status -o json", "why www.example.test", "why example.test NS", "version", "reload", "completion bash", "help switch", "--help"},
		1: {"status web", "wait web", "release web", "switch web backup --for 1m", "why www..example.test", "why www.example.test NOTYPE"},
		2: {"", "stauts", "status a b", "status --nope", "why", "switch web", "switch web backup", "status -o xml", "serve", "validate", "probe", "completion", "completion tcsh", "validate a.yaml"},
	} {
		for _, line := range lines {
			out, code := s.cli(strings.Fields(line)...)
			if code != want {
				t.Errorf("dnsfailover %s: exit %d, want %d\n%s", line, code, want, out)
			}
			if want > 0 && !strings.HasPrefix(out, "dnsfailover: ") {
				t.Errorf("dnsfailover %s says\n%s", line, out)
			}
		}
	}
	matches(t, s.must("status"), `there are no services: the zones are served as their files say\n`)
	s.stop()
	for _, line := range []string{"status", "status --watch", "why www.example.test", "switch web backup --for 1m", "release web", "wait web", "reload"} {
		out, code := s.cli(strings.Fields(line)...)
		if code != 3 || !strings.Contains(out, "no server answers on "+s.path("control.sock")) {
			t.Errorf("dnsfailover %s with no server: exit %d\n%s", line, code, out)
		}
	}
}

// TestCompletion asks as a shell does.
func TestCompletion(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup), "").start()
	for line, want := range map[string]string{
		"status ":            "web",
		"switch ":            "web",
		"switch web ":        "primary backup",
		"switch web backup ": "",
		"release ":           "web",
		"wait ":              "web",
		"rel":                "release reload",
	} {
		fields := strings.Split(line, " ")
		var got []string
		for _, l := range strings.Split(s.must(append([]string{"__complete"}, fields...)...), "\n") {
			if l == "" || l[0] == ':' {
				break
			}
			got = append(got, strings.Fields(l)[0])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("dnsfailover %s<TAB> offers %v, want %q", line, got, want)
		}
	}
	script := s.must("completion", "bash")
	s.write("completion.bash", script)
	if out, err := s.command(t, "bash", "-n", s.path("completion.bash")).CombinedOutput(); err != nil {
		t.Errorf("bash does not read its completion: %v\n%s", err, out)
	}
}
