package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// badConfigs are files that must never be taken, and what is said about each.
var badConfigs = []struct{ name, text, says string }{
	{"a mistyped key", listen + strings.Replace(twoTargets, "records:", "recods:", 1), `did you mean "records"`},
	{"cut off in the middle", (listen + twoTargets)[:len(listen)+len(twoTargets)/2], "dnsfailover.yaml:"},
	{"a service without targets", listen + "services: [{name: web, records: [www.example.test], targets: []}]\n", "target"},
	{"a record of no zone", listen + strings.Replace(twoTargets, "www.example.test", "www.example.org", 1), "www.example.org"},
	{"empty", "", "dnsfailover.yaml"},
	{"not text", "\x00\xff\x00", "dnsfailover.yaml"},
}

var place = regexp.MustCompile(`dnsfailover\.yaml:\d+:\d+: `)

func TestFault10BadConfigAtTheStart(t *testing.T) {
	t.Parallel()
	for _, bad := range badConfigs {
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "", "")
			s.write("dnsfailover.yaml", bad.text)
			s.launch()
			<-s.Exit
			said := s.String()
			if code := s.Cmd.ProcessState.ExitCode(); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			mentions(t, "the message", said, bad.says)
			if !place.MatchString(said) {
				t.Errorf("the message names no line:\n%s", said)
			}
			if _, err := os.Stat(s.path("state")); err == nil {
				t.Error("a state directory was made for a configuration that is not usable")
			}
		})
	}
	t.Run("no such file", func(t *testing.T) {
		t.Parallel()
		out, err := exec.Command(binary, "serve", "--config", "/nowhere/dnsfailover.yaml").CombinedOutput()
		if err == nil {
			t.Error("it runs")
		}
		mentions(t, "the message", string(out), "/nowhere/dnsfailover.yaml")
	})
}

// everything returns the packed answers to one query of every kind.
func (s *server) everything() []byte {
	s.t.Helper()
	var all []byte
	for _, name := range []string{"example.test", "www.example.test", "ns1.example.test", "static.example.test", "missing.example.test", "example.org"} {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSOA, dns.TypeNS, dns.TypeTXT} {
			answer := s.ask(name, qtype)
			if answer == nil {
				s.t.Fatalf("no answer for %s", name)
			}
			answer.Id = 0
			packed, err := answer.Pack()
			if err != nil {
				s.t.Fatal(err)
			}
			all = append(all, packed...)
		}
	}
	return all
}

func TestFault11BadConfigOnReload(t *testing.T) {
	t.Parallel()
	s := newServer(t, twoTargets, "static TXT \"as it was\"\n")
	s.start()
	s.must("switch", "web", "backup", "--until-released")
	good, before := s.read("dnsfailover.yaml"), s.everything()
	for _, bad := range badConfigs {
		s.replace("dnsfailover.yaml", bad.text)
		s.write("example.test.zone", zoneHead) // not without the configuration
		logged := len(s.String())
		s.Signal(syscall.SIGHUP)
		s.wait("the log says what is wrong with the file that is "+bad.name, func() bool {
			return strings.Contains(s.String()[logged:], `msg="not taken"`)
		})
		if !place.MatchString(s.String()[logged:]) {
			t.Errorf("%s: the log names no line:\n%s", bad.name, s.String()[logged:])
		}
		if !bytes.Equal(before, s.everything()) {
			t.Errorf("%s: answers have changed", bad.name)
		}
		_, ready := s.get("/readyz")
		for where, text := range map[string]string{"status": s.must("status"), "/readyz": ready} {
			mentions(t, where+" after "+bad.name, text, "dnsfailover.yaml:")
		}
		if ok := s.metric("dnsfailover_reload_success"); ok != 0 {
			t.Errorf("%s: dnsfailover_reload_success is %v", bad.name, ok)
		}
		out, code := s.cli("reload")
		if code != 1 {
			t.Errorf("%s: reload exits with %d", bad.name, code)
		}
		mentions(t, "reload", out, bad.says)
	}
	s.write("example.test.zone", zoneHead+"static TXT \"as it is now\"\n")
	s.replace("dnsfailover.yaml", good)
	s.Signal(syscall.SIGHUP)
	s.wait("the good file is taken", func() bool { return s.metric("dnsfailover_reload_success") == 1 })
	if problems := s.problems(); problems != "" {
		t.Errorf("still amiss: %s", problems)
	}
	mentions(t, "dig", s.dig("static.example.test", "TXT"), "as it is now")
	s.serves("www.example.test", served["backup"])
}

// TestFault12BadZoneOnReload edits two of 10,000 zones, one of them so that it can't be read.
func TestFault12BadZoneOnReload(t *testing.T) {
	t.Parallel()
	const zones = 10_000
	s := newServer(t, "", "")
	config := strings.Builder{}
	config.WriteString("listen: {dns: [\"127.0.0.1:0\"], admin: \"127.0.0.1:0\", control: control.sock}\nstate: state\nzones:\n")
	s.mkdir("zones")
	for i := range zones {
		fmt.Fprintf(&config, "  - {name: z%d.test, file: zones/%d}\n", i, i)
		s.write(fmt.Sprintf("zones/%d", i), zoneHead+"www A 192.0.2.1\n")
	}
	s.write("dnsfailover.yaml", config.String())
	begin := time.Now()
	s.start()
	ready := time.Since(begin)

	s.write("zones/4711", zoneHead+"www A 192.0.2.2\nwww A 192.0.2.300\n")
	s.write("zones/4712", zoneHead+"www A 192.0.2.2\n")
	s.write("zones/9999", zoneHead+"www A 192.0.2.2\n")
	begin = time.Now()
	s.Signal(syscall.SIGHUP)
	s.serves("www.z4712.test", "192.0.2.2")
	t.Logf("%d zones: ready after %v, reloaded in %v", zones, ready.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond))
	s.serves("www.z9999.test", "192.0.2.2")
	s.serves("www.z4711.test", "192.0.2.1")
	s.serves("www.z0.test", "192.0.2.1")
	s.wait("the reload has ended", func() bool { return strings.Contains(s.String(), "msg=reloaded") })

	problem := "zone z4711.test. is served as it was before: "
	_, readyz := s.get("/readyz")
	for where, text := range map[string]string{"the log": s.String(), "status": s.must("status"), "/readyz": readyz} {
		mentions(t, where, text, problem, "zones/4711:8:")
	}
	for zone, want := range map[string]float64{"z4711.test.": 0, "z4712.test.": 1} {
		if got := s.metric(`dnsfailover_zone_ok{zone="` + zone + `"}`); got != want {
			t.Errorf("dnsfailover_zone_ok of %s is %v", zone, got)
		}
	}
	s.write("zones/4711", zoneHead+"www A 192.0.2.3\n")
	s.must("reload")
	s.serves("www.z4711.test", "192.0.2.3")
	if problems := s.problems(); problems != "" {
		t.Errorf("still amiss: %s", problems)
	}
}
