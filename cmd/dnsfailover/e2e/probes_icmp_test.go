package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pingStage makes a network of two hosts: this one at 10.203.0.1, fd01::1 and another one at 10.203.0.2, fd01::2, that routes
// nothing further.
const pingStage = `set -e
ip link set lo up
unshare --net sleep 1000 & other=$!
while [ "$(readlink /proc/$other/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ip link add veth1 type veth peer name veth2 netns $other
ip addr add 10.203.0.1/24 dev veth1
ip addr add fd01::1/64 dev veth1 nodad
ip link set veth1 up
nsenter -t $other -n sh -c 'ip link set lo up; ip addr add 10.203.0.2/24 dev veth2; ip addr add fd01::2/64 dev veth2 nodad; ip link set veth2 up; echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
ip route add default via 10.203.0.2
ip route add default via fd01::2
DETAILS
shift
"$@"
`

// stage returns what runs a command in a network of two hosts, after some details have been settled in it.
func (b *bench) stage(details string) []string {
	b.t.Helper()
	b.stages++
	name := fmt.Sprintf("stage%d", b.stages)
	b.write(name, strings.Replace(pingStage, "DETAILS", details, 1))
	return []string{"unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", b.path(name), "--"}
}

// TestPings sends echo requests within a network of its own: with the privilege, without it where the kernel lets
// everybody, and where neither is there.
func TestPings(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "unshare", "setpriv", "nsenter", "ip")
	b := newBench(t)
	for name, ip := range map[string]string{"v4": "10.203.0.2", "v6": "fd01::2", "self": "10.203.0.1", "nobody": "10.203.0.9", "nobody v6": "fd01::9", "beyond": "192.0.2.1", "beyond v6": "2001:db8::1"} {
		b.add(name, ip, "{icmp: echo, timeout: 1500ms}")
	}
	// Who has no privilege must be able to read the configuration.
	for _, dir := range []string{b.dir, filepath.Dir(b.dir), filepath.Dir(binary)} {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	b.write("dnsfailover.yaml", "")
	if err := os.Chmod(b.path("dnsfailover.yaml"), 0o644); err != nil {
		t.Fatal(err)
	}
	stage := func(groups string) []string {
		return b.stage("echo '" + groups + "' > /proc/sys/net/ipv4/ping_group_range")
	}
	unprivileged := []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"}
	reached := map[string][]string{
		"v4": {"OK: echo reply", "icmp echo 10.203.0.2", "dial ", "answer "}, "v6": {"OK: echo reply"}, "self": {"OK: echo reply"},
		"nobody": {"failed at "}, "nobody v6": {"failed at "}, "beyond": {"failed at "}, "beyond v6": {"failed at "},
	}
	b.expect(reached, append(stage("0 2147483647"), unprivileged...)...)
	// With the privilege, a router's news that there is no way is heard.
	reached["beyond"] = []string{"failed at answer: unreachable: so says 10.203.0.2 (no route)"}
	reached["beyond v6"] = []string{"failed at answer: unreachable: so says fd01::2 (no route)"}
	b.expect(reached, stage("1 0")...)

	lacking := map[string][]string{}
	for name := range reached {
		lacking[name] = []string{"inconclusive: this process may not send ICMP: give it the capability CAP_NET_RAW, or its group a place in sysctl net.ipv4.ping_group_range", "could not tell"}
	}
	b.expect(lacking, append(stage("1 0"), unprivileged...)...)
}

// Faults 33 and 34: what keeps a connection from coming about is told apart, as real routes bring it about.
func TestFault33RoutesThatLeadNowhere(t *testing.T) {
	t.Parallel()
	needRoot(t)
	need(t, "unshare", "nsenter", "ip")
	b := newBench(t)
	wants := map[string][]string{}
	for name, c := range map[string]struct{ ip, want string }{
		"refused":               {"10.203.0.2", "failed at dial: connection refused"},
		"nobody there":          {"10.203.0.9", "failed at dial: connect timed out after 1.5s"},
		"dropped on the way":    {"192.0.2.20", "failed at dial: connect timed out after 1.5s"},
		"dropped, IPv6":         {"2001:db8::20", "failed at dial: connect timed out after 1.5s"},
		"no way further":        {"192.0.2.1", "failed at dial: no route: network unreachable"},
		"prohibited on the way": {"192.0.2.21", "failed at dial: no route: host unreachable"},
		"unreachable from here": {"192.0.2.10", "failed at dial: no route: host unreachable"},
		"prohibited here":       {"192.0.2.11", "failed at dial: not allowed to dial: a firewall on this host"},
		"thrown away here":      {"192.0.2.12", "failed at dial: no route: this host throws away what is for there"},
	} {
		b.add(name, c.ip, "{tcp: \":81\", timeout: 1500ms}")
		wants[name] = []string{c.want}
	}
	b.expect(wants, b.stage(`ip route add unreachable 192.0.2.10
ip route add prohibit 192.0.2.11
ip route add blackhole 192.0.2.12
nsenter -t $other -n sh -c 'ip route add blackhole 192.0.2.20; ip route add prohibit 192.0.2.21; ip -6 route add blackhole 2001:db8::20'`)...)
}
