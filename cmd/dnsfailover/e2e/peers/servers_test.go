package peers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// server is one of those that serve a world.
type server struct {
	*process.Process
	address string // host:port
	dir     string
}

// directory makes one that a server's own user may enter too.
func directory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for at := dir; strings.HasPrefix(at, os.TempDir()+"/"); at = filepath.Dir(at) {
		_ = os.Chmod(at, 0o755)
	}
	if err := os.Mkdir(filepath.Join(dir, "state"), 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// fileName is the file in which a zone lies.
func fileName(apex string) string {
	return "zone-" + strings.ReplaceAll(apex, "/", "-") + "zone"
}

// files writes a world's zones as a server can read them, which has to know the types that are not in foreign.
func (w *world) files(t *testing.T, dir string, foreign ...uint16) {
	t.Helper()
	for _, z := range w.zones {
		write(t, dir, fileName(z.apex), z.without(t, foreign))
	}
}

var (
	listening    = regexp.MustCompile(`msg=listening dns="?\[([^ \]]+)`)
	listeningTLS = regexp.MustCompile(`msg=listening .* tls="?\[([^ \]]+)`)
)

// startOurs runs dnsfailover. more is added to its configuration.
func startOurs(t *testing.T, w *world, more string) *server {
	t.Helper()
	dir := t.TempDir()
	w.files(t, dir)
	certify(t, dir)
	config := `listen:
  {dns: ["127.0.0.1:0"], admin: "off", control: control.sock, tls: {addresses: ["127.0.0.1:0"], certificate: cert.pem, key: key.pem}}
state: state
` + more
	if len(w.zones) > 0 {
		config += "zones:\n"
	}
	for _, z := range w.zones {
		config += fmt.Sprintf("  - {name: %q, file: %q}\n", z.apex, fileName(z.apex))
	}
	config += w.services
	p := launch(t, "dnsfailover", built, "serve", "--config", write(t, dir, "dnsfailover.yaml", config))
	var found []string
	if !process.Eventually(func() bool {
		found = listening.FindStringSubmatch(p.String())
		return found != nil || p.Ended()
	}) || found == nil {
		t.Fatalf("dnsfailover does not listen:\n%s", p)
	}
	s := &server{p, found[1], dir}
	if found = listeningTLS.FindStringSubmatch(p.String()); found == nil {
		t.Fatalf("dnsfailover does not listen for TLS:\n%s", p)
	}
	overTLS.Store(s.address, found[1])
	ready(t, p, s.address, w.apexes())
	return s
}

// certify writes a key and a certificate that nobody trusts.
func certify(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})))
	write(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

// startNSD runs NSD, with answers as short as ours: minimal, at most 1232 octets, no rate limit.
func startNSD(t *testing.T, w *world) *server {
	t.Helper()
	path := process.Find(t, "nsd", "nsd")
	dir := directory(t)
	w.files(t, dir, dns.TypeNSAPPTR, dns.TypeGPOS, dns.TypeHIP, dns.TypeTALINK, dns.TypeAMTRELAY, dns.TypeRESINFO, dns.TypeTA,
		dns.TypeNINFO, dns.TypeRKEY, dns.TypeEID, dns.TypeNIMLOC)
	host, port := freeAddress(t)
	config := fmt.Sprintf(`server:
  ip-address: %s@%s
  username: ""
  zonesdir: %q
  zonelistfile: "zone.list"
  xfrdfile: "xfrd.state"
  xfrdir: %q
  pidfile: ""
  database: ""
  verbosity: 0
  server-count: 1
  tcp-count: 400
  rrl-ratelimit: 0
  minimal-responses: yes
  hide-version: yes
  hide-identity: yes
  ipv4-edns-size: 1232
remote-control:
  control-enable: no
`, host, port, dir, dir)
	for _, z := range w.zones {
		config += fmt.Sprintf("zone:\n  name: %q\n  zonefile: %q\n", z.apex, fileName(z.apex))
	}
	p := launch(t, "nsd", path, "-d", "-c", write(t, dir, "nsd.conf", config))
	s := &server{p, net.JoinHostPort(host, port), dir}
	ready(t, p, s.address, w.apexes())
	return s
}

// startKnot runs Knot DNS.
func startKnot(t *testing.T, w *world) *server { return startKnotWith(t, w, "", "") }

// startKnotWith runs Knot DNS with a module.
func startKnotWith(t *testing.T, w *world, module, settings string) *server {
	t.Helper()
	path := process.Find(t, "knotd", "knot")
	dir := directory(t)
	w.files(t, dir, knotForeign...)
	host, port := freeAddress(t)
	config := fmt.Sprintf(`server:
  listen: %s@%s
  rundir: %q
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: %q
log:
  - target: stderr
    any: warning
%s
template:
  - id: default
    storage: %q
    semantic-checks: off
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
%szone:
`, host, port, dir, filepath.Join(dir, "state"), settings, dir, module)
	for _, z := range w.zones {
		config += fmt.Sprintf("  - domain: %q\n    file: %q\n", z.apex, fileName(z.apex))
	}
	p := launch(t, "knot", path, "-c", write(t, dir, "knot.conf", config))
	s := &server{p, net.JoinHostPort(host, port), dir}
	ready(t, p, s.address, w.apexes())
	return s
}

// startBIND runs BIND's named.
func startBIND(t *testing.T, w *world) *server { return startBINDWith(t, w, "") }

// startBINDWith runs it with more options.
func startBINDWith(t *testing.T, w *world, options string) *server {
	t.Helper()
	path := process.Find(t, "named", "bind9")
	dir := directory(t)
	w.files(t, dir, bindForeign...)
	host, port := freeAddress(t)
	config := fmt.Sprintf(`options {
	directory "%s";
	pid-file none;
	session-keyfile none;
	managed-keys-directory "%s/state";
	listen-on port %s { %s; };
	listen-on-v6 { none; };
	recursion no;
	minimal-responses yes;
	minimal-any no;
	dnssec-validation no;
	notify no;
	allow-transfer { none; };
	empty-zones-enable no;
	rrset-order { order none; };
	check-names primary ignore;
	check-integrity no;
	check-mx ignore;
	check-mx-cname ignore;
	check-srv-cname ignore;
	check-dup-records ignore;
	version none;
	hostname none;
	tcp-clients 400;
	max-records-per-type 0;
	zero-no-soa-ttl no;
	max-types-per-name 0;
	%s
};
controls { };
`, dir, dir, port, host, options)
	for _, z := range w.zones {
		config += fmt.Sprintf("zone %q { type primary; file %q; };\n", z.apex, fileName(z.apex))
	}
	p := launch(t, "bind", path, "-g", "-n", "1", "-c", write(t, dir, "named.conf", config))
	s := &server{p, net.JoinHostPort(host, port), dir}
	ready(t, p, s.address, w.apexes())
	return s
}

// Types that a peer has no presentation for, or another one than ours; it gets them as RFC 3597 has it.
var (
	knotForeign = []uint16{
		dns.TypeMB, dns.TypeMG, dns.TypeMR, dns.TypeMINFO, dns.TypeNSAPPTR, dns.TypeGPOS, dns.TypeHIP, dns.TypeTALINK, dns.TypeAMTRELAY, dns.TypeRESINFO, dns.TypeTA,
		dns.TypeNINFO, dns.TypeRKEY, dns.TypeEID, dns.TypeNIMLOC, dns.TypePX, dns.TypeX25, dns.TypeISDN, dns.TypeDLV, dns.TypeAVC, dns.TypeZONEMD, dns.TypeLP,
	}
	bindForeign = []uint16{dns.TypeRESINFO}
)
