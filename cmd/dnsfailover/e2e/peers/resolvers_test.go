package peers

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// forward is a zone and the server that a resolver asks for it.
type forward struct{ zone, address string }

// apexes are those of the zones, as ready wants them.
func apexes(to []forward) []string {
	var out []string
	for _, f := range to {
		out = append(out, f.zone+".")
	}
	return out
}

// resolvers are programs that stand between clients and us, each as it comes but for what lets it find the zones, and for
// one that does not obey TTLs as it comes and is there a second time.
var resolvers = []struct {
	name  string
	start func(t *testing.T, name string, to []forward) *server
	// floor is for how many seconds it keeps what has a shorter TTL.
	floor int
}{
	{name: "Unbound", start: startUnboundResolver},
	{name: "BIND", start: startBINDResolver},
	{name: "PowerDNS Recursor", start: startRecursor, floor: 1},
	{name: "Knot Resolver, cache.min_ttl(0)", start: func(t *testing.T, name string, to []forward) *server {
		return startKnotResolver(t, name, to, "cache.min_ttl(0)")
	}},
	{name: "Knot Resolver", start: func(t *testing.T, name string, to []forward) *server {
		return startKnotResolver(t, name, to, "")
	}, floor: 5},
	{name: "dnsmasq", start: startDnsmasq},
}

func startUnboundResolver(t *testing.T, name string, to []forward) *server {
	t.Helper()
	stubs := ""
	for _, f := range to {
		stubs += stub(f.zone, f.address)
	}
	return startUnbound(t, process.Find(t, "unbound", "unbound"), name, to[0].zone+".", stubs)
}

func startBINDResolver(t *testing.T, name string, to []forward) *server {
	t.Helper()
	path := process.Find(t, "named", "bind9")
	dir := directory(t)
	host, port := freeAddress(t)
	config := fmt.Sprintf(`options {
	directory "%s";
	pid-file none;
	session-keyfile none;
	managed-keys-directory "%s/state";
	listen-on port %s { %s; };
	listen-on-v6 { none; };
	recursion yes;
	dnssec-validation no;
	empty-zones-enable no;
};
controls { };
`, dir, dir, port, host)
	for _, f := range to {
		host, port, _ := net.SplitHostPort(f.address)
		config += fmt.Sprintf("zone %q { type forward; forward only; forwarders { %s port %s; }; };\n", f.zone, host, port)
	}
	p := launch(t, name, path, "-g", "-n", "1", "-c", write(t, dir, "named.conf", config))
	return resolver(t, p, host, port, dir, to)
}

func startRecursor(t *testing.T, name string, to []forward) *server {
	t.Helper()
	path := process.Find(t, "pdns_recursor", "pdns-recursor")
	dir := directory(t)
	host, port := freeAddress(t)
	var zones []string
	for _, f := range to {
		zones = append(zones, f.zone+"="+f.address)
	}
	write(t, dir, "recursor.conf", fmt.Sprintf(`local-address=%s
local-port=%s
socket-dir=%s
forward-zones=%s
dont-query=
dnssec=off
threads=1
security-poll-suffix=
`, host, port, filepath.Join(dir, "state"), strings.Join(zones, ",")))
	return resolver(t, launch(t, name, path, "--config-dir="+dir, "--daemon=no"), host, port, dir, to)
}

// startKnotResolver runs kresd with one more line of its language.
func startKnotResolver(t *testing.T, name string, to []forward, line string) *server {
	t.Helper()
	path := process.Find(t, "kresd", "knot-resolver")
	dir := directory(t)
	host, port := freeAddress(t)
	config := fmt.Sprintf("net.listen('%s', %s, {kind = 'dns'})\ntrust_anchors.remove('.')\ncache.size = 10 * MB\n%s\n", host, port, line)
	for _, f := range to {
		config += fmt.Sprintf("policy.add(policy.suffix(policy.STUB({'%s'}), {todname('%s')}))\n", strings.Replace(f.address, ":", "@", 1), f.zone)
	}
	work := filepath.Join(dir, "state")
	return resolver(t, launch(t, name, path, "-n", "-c", write(t, dir, "kresd.conf", config), work), host, port, dir, to)
}

func startDnsmasq(t *testing.T, name string, to []forward) *server {
	t.Helper()
	path := process.Find(t, "dnsmasq", "dnsmasq-base")
	host, port := freeAddress(t)
	args := []string{
		path, "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces", "--pid-file=",
		"--user=root", "--log-facility=-", "--listen-address=" + host, "--port=" + port,
	}
	for _, f := range to {
		args = append(args, fmt.Sprintf("--server=/%s/%s", f.zone, strings.Replace(f.address, ":", "#", 1)))
	}
	return resolver(t, launch(t, name, args...), host, port, "", to)
}

// resolver waits until p resolves all zones.
func resolver(t *testing.T, p *process.Process, host, port, dir string, to []forward) *server {
	t.Helper()
	s := &server{p, net.JoinHostPort(host, port), dir}
	ready(t, p, s.address, apexes(to))
	return s
}

// gdnsdZone is the zone that gdnsd serves: the name www fails over between two addresses.
const gdnsdZone = `@ SOA ns1 hostmaster 1 7200 900 1209600 5
@ NS ns1
ns1 A 127.0.0.1
www 60/5 DYNA simplefo!web
`

// startGdnsd runs gdnsd, with its defaults, over two targets whose hosts listen at port.
func startGdnsd(t *testing.T, zone, primary, backup, port string) *server {
	t.Helper()
	path := process.Find(t, "gdnsd", "gdnsd")
	dir := directory(t)
	host, own := freeAddress(t)
	write(t, mkdir(t, dir, "zones"), zone, gdnsdZone)
	mkdir(t, dir, "run")
	write(t, dir, "config", fmt.Sprintf(`options => { listen => [ "%s:%s" ], udp_threads => 1, tcp_threads => 1, run_dir => %[3]s/run, state_dir => %[3]s/state }
service_types => { site => { plugin => tcp_connect, port => %s } }
plugins => { simplefo => { web => { service_types => site, primary => %s, secondary => %s } } }
`, host, own, dir, port, primary, backup))
	return resolver(t, launch(t, "gdnsd", path, "-c", dir, "start"), host, own, dir, []forward{{zone: zone}})
}
