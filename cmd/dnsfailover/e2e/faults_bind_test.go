package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// refusesToStart has the server end with exit code 1, without ever having listened, and returns what it says.
func (s *server) refusesToStart() string {
	s.t.Helper()
	s.launch()
	s.wait("the server ends", s.Ended)
	said := s.String()
	if code := s.Cmd.ProcessState.ExitCode(); code != 1 {
		s.t.Errorf("exit code %d, want 1:\n%s", code, said)
	}
	if strings.Contains(said, "msg=listening") {
		s.t.Errorf("it has listened:\n%s", said)
	}
	at := strings.LastIndex(said, "dnsfailover: ")
	if at < 0 {
		s.t.Fatalf("no last word:\n%s", said)
	}
	return strings.TrimSpace(said[at:])
}

// TestFault22StartedTwice starts a second server beside the first one with one thing in common. It is refused with a sentence.
// The first one answers all the time, and can still be commanded.
func TestFault22StartedTwice(t *testing.T) {
	t.Parallel()
	first := newServer(t, strings.ReplaceAll(twoTargets, "www", "w0"), "")
	first.start()
	load := newLoad(first.dns, 1)
	t.Cleanup(load.stop)
	again := func(from, to string) *server {
		second := newServer(t, twoTargets, "")
		second.write("dnsfailover.yaml", strings.Replace(second.read("dnsfailover.yaml"), from, to, 1))
		return second
	}
	for name, c := range map[string]struct {
		second *server
		says   string
	}{
		"the configuration": {first, "another dnsfailover uses " + first.path("state") + "; stop it, or give this one a state directory of its own"},
		"the state":         {again("state: state", "state: "+first.path("state")), "another dnsfailover uses " + first.path("state")},
		"the address":       {again("127.0.0.1:0", first.dns), first.dns + " is in use by another program: stop it, or listen elsewhere"},
		"all addresses":     {again("127.0.0.1:0", "0.0.0.0"+first.dns[strings.LastIndex(first.dns, ":"):]), "is in use by another program: stop it, or listen elsewhere"},
		"the admin address": {again(`admin: "127.0.0.1:0"`, fmt.Sprintf("admin: %q", first.admin)), "listen.admin " + first.admin + " is in use by another program: stop it, or name another address"},
		"the control socket": {
			again("control: control.sock", "control: "+first.path("control.sock")),
			"control socket " + first.path("control.sock") + ": another server answers on it: stop that one, or name another socket as listen.control",
		},
	} {
		second := *c.second // the log and the process of the first one stay its own
		said := second.refusesToStart()
		t.Logf("%s: %s", name, said)
		mentions(t, "the refusal", said, c.says)
	}
	first.must("switch", "web", "backup", "--until-released")
	first.serves("w0.example.test", served["backup"])
	load.stop()
	if len(load.wrong) > 0 || load.answers.Load() == 0 {
		t.Errorf("of %d answers of the first server these are wrong: %v", load.answers.Load(), load.wrong)
	}
	if lost := load.lost.Load(); lost > 0 {
		t.Errorf("%d queries to the first server were lost", lost)
	}
}

// TestFault23PortTaken has another program hold a port for one of the two protocols only. Then nothing is
// listened on, also not on the addresses that are free.
func TestFault23PortTaken(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"TCP", "UDP"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			taken := newIP() + ":0" // no connection has its end there, as on 127.0.0.1
			if protocol == "TCP" {
				l, err := net.Listen("tcp", taken)
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				taken = l.Addr().String()
			} else {
				c, err := net.ListenPacket("udp", taken)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				taken = c.LocalAddr().String()
			}
			s := newServer(t, twoTargets, "")
			s.write("dnsfailover.yaml", strings.Replace(s.read("dnsfailover.yaml"), `"127.0.0.1:0"`, fmt.Sprintf(`"127.0.0.1:0", %q`, taken), 1))
			_, port, _ := strings.Cut(taken, ":")
			mentions(t, "the refusal", s.refusesToStart(),
				taken+" is in use by another program: stop it, or listen elsewhere ("+protocol+"; to find it: ss -lntup 'sport = :"+port+"')")
		})
	}
}

// TestFault26NoPrivilege starts the server on port 53 as a user who may not, and then in the way that the refusal advises. The port
// is that of a network of its own.
func TestFault26NoPrivilege(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "unshare", "setpriv")
	s := newServer(t, "", "")
	s.write("dnsfailover.yaml", `listen: {dns: ["0.0.0.0:53"], admin: "off", control: control.sock}
state: state
zones: [{name: example.test, file: example.test.zone}]
`)
	const nobody = 65534
	for _, name := range s.entries(".") {
		if err := os.Chown(s.path(name), nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(s.dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	// All may pass through the directories above.
	for _, dir := range []string{filepath.Dir(s.dir), filepath.Dir(binary)} {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	unprivileged := []string{"unshare", "--net", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}
	s.wrap = append(unprivileged, "--bounding-set=-all")
	said := s.refusesToStart()
	t.Log(said)
	mentions(t, "the refusal", said, "no permission to listen on 0.0.0.0:53 (",
		"`setcap cap_net_bind_service=+ep`", "AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit")

	s.wrap = append(unprivileged, "--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service")
	s.start()
	if s.dns != "0.0.0.0:53" {
		t.Errorf("it listens on %s", s.dns)
	}
}
