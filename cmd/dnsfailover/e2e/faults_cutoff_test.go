package e2e

import (
	"net"
	"strings"
	"testing"
	"time"

	"dnsfailover/dnsfailover/api"
)

// cutOff is what two services and three canaries look like from a server whose uplink is a cable.
const cutOff = quick + `canaries: {checks: [{tcp: "10.204.0.8:80"}, {tcp: "10.204.0.9:80"}], fail: all}
services:
  - name: web
    records: [www.example.test]
    targets:
      - {name: primary, addresses: [10.204.0.1], check: {tcp: ":80"}}
      - {name: backup, addresses: [10.204.0.2], check: {tcp: ":80"}}
    failback: {mode: auto, after: 0s}
  - name: six
    records: [six.example.test]
    targets:
      - {name: primary, addresses: ["2001:db8::1"], check: {tcp: ":80"}}
      - {name: backup, addresses: [10.204.0.2], check: {tcp: ":80"}}
`

// listenAt accepts connections in the network of the clients until the test ends, or stop is called.
func (c *cable) listenAt(address string) (stop func()) {
	c.t.Helper()
	c.ip("-n", c.clients, "addr", "add", address+"/32", "dev", "lo")
	var l net.Listener
	c.at(func() (err error) {
		l, err = net.Listen("tcp", address+":80")
		return err
	})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	c.t.Cleanup(func() { l.Close() })
	return func() { l.Close() }
}

// TestFault42And25TheProbeHostLosesItsNetwork cuts the server's uplink in three ways: nothing moves, status says why, and
// afterwards it goes on. The server has no IPv6, so of what has only that nothing is known, and it isn't down.
func TestFault42And25TheProbeHostLosesItsNetwork(t *testing.T) {
	t.Parallel()
	c := newCable(t)
	stop := c.listenAt("10.204.0.1")
	for _, address := range []string{"10.204.0.2", "10.204.0.8", "10.204.0.9"} {
		c.listenAt(address)
	}
	s := c.serve(serverAt, cutOff, "")
	s.verdict("web", "primary", "up")
	s.verdict("web", "backup", "up")
	s.wait("the canaries are up", func() bool { return s.status().Guards[0].Verdict == "up" })

	stays := func(when string) api.Service {
		t.Helper()
		got := s.service("web")
		if got.Serving != "primary" {
			t.Fatalf("%s: serves %q by %s: %s", when, got.Serving, got.Rule, got.Reason)
		}
		return got
	}
	// probed counts the probes of web's targets that have ended.
	probed := func() map[string]float64 {
		series, ended := s.series(), map[string]float64{}
		for _, target := range []string{"primary", "backup"} {
			for key, n := range series {
				if strings.HasPrefix(key, `dnsfailover_probes_total{`) && strings.Contains(key, `service="web"`) && strings.Contains(key, `target="`+target+`"`) {
					ended[target] += n
				}
			}
		}
		return ended
	}
	for _, way := range []struct {
		name      string
		cut, mend [][]string
	}{
		{
			"our link is down",
			[][]string{{"-n", c.server, "link", "set", "cable", "down"}},
			[][]string{{"-n", c.server, "link", "set", "cable", "up"}, {"-n", c.server, "route", "add", "default", "via", clientAt}},
		},
		{"the other end is down", [][]string{{"-n", c.clients, "link", "set", "cable", "down"}}, [][]string{{"-n", c.clients, "link", "set", "cable", "up"}}},
		{"nothing comes back", [][]string{{"-n", c.clients, "route", "add", "blackhole", serverAt + "/32"}}, [][]string{{"-n", c.clients, "route", "del", "blackhole", serverAt + "/32"}}},
	} {
		for _, args := range way.cut {
			c.ip(args...)
		}
		began := time.Now()
		s.wait(way.name+": frozen", func() bool { return stays(way.name).Rule == "frozen" })
		t.Logf("%s: frozen after %v", way.name, time.Since(began).Round(time.Millisecond))
		// Two failures make a verdict where nothing is frozen.
		before := probed()
		s.wait(way.name+": five more probes of both targets have ended", func() bool {
			stays(way.name)
			now := probed()
			return now["primary"] >= before["primary"]+5 && now["backup"] >= before["backup"]+5
		})
		status := s.status()
		if status.Ready || status.Guards[0].FrozenSince == nil || targetOf(stays(way.name), "primary").Verdict != "up" {
			t.Errorf("%s: ready %v, guards %+v, problems %q", way.name, status.Ready, status.Guards, status.Problems)
		}
		mentions(t, way.name, s.must("status"), "not ready", "verdicts are frozen since", "the canaries are down", "frozen:")
		mentions(t, way.name, s.must("why", "www.example.test"), "frozen", "primary stays", "10.204.0.1")
		for _, args := range way.mend {
			c.ip(args...)
		}
		s.wait(way.name+": thawed", func() bool { return stays("after "+way.name).Rule == "verdicts" })
		// It may not be ready for all that: of six nothing can be known here, and status says so.
		s.wait(way.name+": no longer frozen", func() bool { return s.status().Guards[0].FrozenSince == nil })
	}
	if frozen, thawed := s.events("--kind", "frozen"), s.events("--kind", "thawed"); len(frozen) != 3 || len(thawed) != 3 {
		t.Errorf("the history has %d freezes and %d thaws, want 3", len(frozen), len(thawed))
	} else {
		mentions(t, "the history", frozen[0].Text, "verdicts are frozen: the canaries are down (")
		mentions(t, "the history", thawed[0].Text, "verdicts thaw after ", ": the canaries are up again")
	}
	if got := targetOf(s.service("six"), "primary"); got.Verdict != "unknown" {
		t.Errorf("an IPv6 address that this host has no route to is %s: %+v", got.Verdict, got.Addresses)
	}
	mentions(t, "status", s.must("status", "six"), "this host has no route there: network is unreachable")

	stop()
	died := time.Now()
	s.wait("what is really down is found", func() bool { return s.service("web").Serving == "backup" })
	t.Logf("a target that is really down is left after %v", time.Since(died).Round(time.Millisecond))
	if n := strings.Count(s.String(), `msg="selection changed" service=web`); n > 3 {
		t.Errorf("the selection changed %d times", n)
	}
}
