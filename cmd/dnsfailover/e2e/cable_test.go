package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// A cable is between two networks of the test's own, that of the server and that of its clients. Everything that the
// clients have no address for is behind them too, so that answers to forged sources go there.
type cable struct {
	t               *testing.T
	server, clients string // names of the network namespaces
}

// Addresses on the cable.
const (
	serverAt  = "10.203.0.1"
	clientAt  = "10.203.0.2"
	strangers = "198.51.100." // that nobody has
)

func newCable(t *testing.T) *cable {
	t.Helper()
	needRoot(t)
	need(t, "ip")
	id := fmt.Sprintf("%d-%d", os.Getpid(), nextIP.Add(1))
	c := &cable{t: t, server: "e2e-server-" + id, clients: "e2e-clients-" + id}
	for _, name := range []string{c.server, c.clients} {
		c.ip("netns", "add", name)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
		c.ip("-n", name, "link", "set", "lo", "up")
	}
	c.ip("-n", c.server, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", c.clients)
	c.ip("-n", c.server, "addr", "add", serverAt+"/24", "dev", "cable")
	c.ip("-n", c.server, "addr", "add", "10.203.0.3/24", "dev", "cable")
	c.ip("-n", c.clients, "addr", "add", clientAt+"/24", "dev", "cable")
	c.ip("-n", c.server, "link", "set", "cable", "up")
	c.ip("-n", c.clients, "link", "set", "cable", "up")
	c.ip("-n", c.server, "route", "add", "default", "via", clientAt)
	return c
}

func (c *cable) ip(args ...string) {
	c.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		c.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// serve starts the server in its network, on port 53 of address.
func (c *cable) serve(address, config, records string) *server {
	c.t.Helper()
	s := newServer(c.t, config, records)
	s.write("dnsfailover.yaml", strings.Replace(s.read("dnsfailover.yaml"), "127.0.0.1:0", address+":53", 1))
	s.wrap = []string{"ip", "netns", "exec", c.server}
	return s.start()
}

// at runs f in the network of the clients. Sockets that it opens stay there.
func (c *cable) at(f func() error) {
	c.t.Helper()
	if err := inNetwork(c.clients, f); err != nil {
		c.t.Fatal(err)
	}
}

// set sets a parameter of IPv4 in a network.
func (c *cable) set(network, parameter, value string) {
	c.t.Helper()
	err := inNetwork(network, func() error {
		return os.WriteFile("/proc/sys/net/ipv4/"+parameter, []byte(value), 0o600)
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// inNetwork runs f on a thread that is in another network meanwhile. The thread must go back and live on: servers that it has started die
// with it.
func inNetwork(name string, f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	here, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer here.Close()
	there, err := os.Open("/run/netns/" + name)
	if err != nil {
		return err
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	defer func() {
		if err := unix.Setns(int(here.Fd()), unix.CLONE_NEWNET); err != nil {
			panic(err) // all that this thread does next would be in the wrong network
		}
	}()
	return f()
}

// dial connects from the network of the clients.
func (c *cable) dial(network, from, to string) (conn net.Conn, err error) {
	d := net.Dialer{Timeout: patience}
	switch {
	case from == "":
	case network == "tcp":
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from + ":0"))
	default:
		d.LocalAddr = net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from + ":0"))
	}
	err = inNetwork(c.clients, func() (err error) {
		conn, err = d.Dial(network, to)
		return err
	})
	return conn, err
}

// goodClient asks from the clients' own address.
func (c *cable) goodClient(s *server) *goodClient {
	return s.newGoodClientOver(func() (net.Conn, error) { return c.dial("udp", clientAt, s.dns) })
}

// exchange asks once, over UDP or TCP.
func (c *cable) exchange(network string, s *server, m *dns.Msg) *dns.Msg {
	c.t.Helper()
	conn, err := c.dial(network, "", s.dns)
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	over := &dns.Conn{Conn: conn, UDPSize: 4096}
	_ = conn.SetDeadline(time.Now().Add(patience))
	if err := over.WriteMsg(m); err != nil {
		c.t.Fatal(err)
	}
	answer, err := over.ReadMsg()
	if err != nil {
		c.t.Fatal(err)
	}
	return answer
}

// counter returns a counter of the kernel in a network, such as "Ip ReasmReqds".
func (c *cable) counter(name, protocol, which string) int {
	c.t.Helper()
	value := -1
	err := inNetwork(name, func() error {
		text, err := os.ReadFile("/proc/thread-self/net/snmp")
		if err != nil {
			return err
		}
		var names []string
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			switch at := slices.Index(names, which); {
			case fields[0] != protocol+":":
			case names == nil:
				names = fields
			case at > 0:
				value, err = strconv.Atoi(fields[at])
				return err
			}
		}
		return fmt.Errorf("no counter %s of %s", which, protocol)
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return value
}

// octets returns how many were sent and received by the clients' end of the cable.
func (c *cable) octets() (sent, received int) {
	c.t.Helper()
	err := inNetwork(c.clients, func() error {
		text, err := os.ReadFile("/proc/thread-self/net/dev")
		for line := range strings.Lines(string(text)) {
			if name, rest, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "cable" {
				fields := strings.Fields(rest)
				received, _ = strconv.Atoi(fields[0])
				sent, _ = strconv.Atoi(fields[8])
			}
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return sent, received
}
