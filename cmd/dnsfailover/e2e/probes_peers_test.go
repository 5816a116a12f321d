package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func certificatePEM(c tls.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))
}

func keyPEM(t *testing.T, c tls.Certificate) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

const nginxConf = `daemon off;
worker_processes 1;
user root;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events {}
http {
  access_log off;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  server {
    listen %[2]s:%[3]d ssl http2;
    server_name www.example.test;
    ssl_certificate %[1]s/www.pem;
    ssl_certificate_key %[1]s/www.key;
    ssl_client_certificate %[1]s/ca.pem;
    ssl_verify_client optional;
    default_type application/json;
    location = / { return 200 "hello from nginx over $server_protocol\n"; }
    location = /status { return 200 '{"status": "ok", "replicas": [{"lag": 0.25}]}'; }
    location = /private { auth_basic "private"; auth_basic_user_file %[1]s/htpasswd; try_files /dev/null @in; }
    location @in { return 200 "come in, $remote_user"; }
    location = /client { if ($ssl_client_verify != SUCCESS) { return 403; } return 200 "hello $ssl_client_s_dn"; }
    location = /moved { return 301 /; }
    location = /away { return 302 https://other.example.test/; }
    location = /sleeps { return 503; }
    location = /host { return 200 "$host $server_port"; }
  }
  server {
    listen %[2]s:%[4]d;
    server_name www.example.test;
    location / { return 301 https://www.example.test:%[3]d$request_uri; }
  }
}
`

// TestNginxIsProbed asks a real nginx in the ways that checks can, with a good and a bad outcome of each.
func TestNginxIsProbed(t *testing.T) {
	t.Parallel()
	need(t, "nginx", "openssl")
	b := newBench(t)
	ca := newAuthority(t)
	b.write("ca.pem", ca.pem)
	b.pems(ca, "www", "www.example.test", time.Now().Add(5*24*time.Hour+time.Hour))
	b.pems(ca, "probe", "probe", time.Now().Add(time.Hour))
	hash, err := exec.Command("openssl", "passwd", "-apr1", "correct horse").Output()
	if err != nil {
		t.Fatal(err)
	}
	b.write("htpasswd", "probe:"+string(hash))
	b.write("good.password", "correct horse\n")
	b.write("bad.password", "battery staple\n")
	ip, tlsPort, port := newIP(), freePort(t), freePort(t)
	b.write("nginx.conf", fmt.Sprintf(nginxConf, b.dir, ip, tlsPort, port))
	daemon(t, fmt.Sprintf("%s:%d", ip, port), "nginx", "-p", b.dir, "-c", b.path("nginx.conf"))

	url := func(path string) string {
		return fmt.Sprintf(`http: "https://www.example.test:%d%s", ca: ca.pem`, tlsPort, path)
	}
	wants := map[string][]string{}
	add := func(name, check string, want ...string) {
		b.add(name, ip, "{"+check+"}")
		wants[name] = want
	}
	add("HTTP/1.1", url("/")+`, body: "nginx over HTTP/1.1"`, `OK: status 200, body contains "nginx over HTTP/1.1"`, "status line: HTTP/1.1 200 OK", "Server: nginx", "dial ", "tls ", "first byte ", "headers ", "body ", "certificate names: www.example.test", "chain: CN=the test's authority")
	add("HTTP/2", url("/")+`, http_version: 2, body: "nginx over HTTP/2.0"`, `OK: status 200, body contains "nginx over HTTP/2.0"`, "status line: HTTP/2.0 200", "TLS: TLS 1.", ", h2")
	add("a status", url("/sleeps"), "failed at headers: status 503, wanted 200-299")
	add("JSON", url("/status")+`, json: {$.status: ok, "$.replicas[0].lag": 0.25}`, `OK: status 200, $.status is "ok", $.replicas[0].lag is 0.25`)
	add("wrong JSON", url("/status")+`, json: {"$.replicas[0].lag": 0}`, `failed at body: $.replicas[0].lag is 0.25, wanted 0`)
	add("a password", url("/private")+`, basic: {user: probe, file: good.password}, body: "come in, probe"`, "OK: status 200, body contains")
	add("the wrong password", url("/private")+`, basic: {user: probe, file: bad.password}`, "failed at headers: status 401, wanted 200-299", "Www-Authenticate: Basic realm=")
	add("a client certificate", url("/client")+`, client: {certificate: probe.pem, key: probe.key}, body: hello`, "OK: status 200")
	add("no client certificate", url("/client"), "failed at headers: status 403, wanted 200-299")
	add("a redirect", url("/moved")+`, redirects: same-host, body: hello`, `OK: status 200, body contains "hello"`)
	add("a redirect that is not followed", url("/moved"), "failed at headers: status 301, wanted 200-299", "Location: https://www.example.test:")
	add("a redirect elsewhere", url("/away")+`, redirects: same-host`, "failed at headers: status 302, wanted 200-299", "Location: https://other.example.test/")
	add("a redirect from http", fmt.Sprintf(`http: "http://www.example.test:%d/", ca: ca.pem, redirects: same-host, body: hello`, port), `OK: status 200, body contains "hello"`)
	add("the wrong name", fmt.Sprintf(`http: "https://other.example.test:%d/", ca: ca.pem`, tlsPort), `failed at tls: TLS certificate is for www.example.test, not for "other.example.test"`, "certificate expires: ")
	add("an authority that is unknown", fmt.Sprintf(`http: "https://www.example.test:%d/"`, tlsPort), "failed at tls: TLS certificate is signed by an unknown authority")
	add("a warning", url("/")+`, days_left: {warn: 6, fail: 5}`, "OK: status 200", "warning: TLS certificate expires in 5 days, on ")
	add("too few days", url("/")+`, days_left: {fail: 6}`, "failed at tls: TLS certificate expires in 5 days, wanted 6 days: on ")
	add("tls", fmt.Sprintf(`tls: "www.example.test:%d", ca: ca.pem, alpn: [h2]`, tlsPort), "OK: TLS handshake done, protocol h2")
	add("tcp", fmt.Sprintf(`tcp: ":%d", send: "GET / HTTP/1.0\r\n\r\n", expect: "301 Moved"`, port), `OK: the answer contains "301 Moved"`)
	add("HTTP/2 where it isn't spoken", fmt.Sprintf(`http: "http://www.example.test:%d/", http_version: 2`, port), "failed at headers: ")
	b.expect(wants)
}

// TestOpensslIsProbed asks a real s_server. (Fault 35.)
func TestOpensslIsProbed(t *testing.T) {
	t.Parallel()
	need(t, "openssl")
	b := newBench(t)
	ca := newAuthority(t)
	b.write("ca.pem", ca.pem)
	b.pems(ca, "www", "www.example.test", time.Now().Add(time.Hour))
	b.pems(ca, "expired", "www.example.test", time.Now().Add(-time.Minute))
	ip := newIP()
	wants := map[string][]string{}
	serve := func(file string, options ...string) int {
		port := freePort(t)
		at := fmt.Sprintf("%s:%d", ip, port)
		args := append([]string{"openssl", "s_server", "-quiet", "-accept", at, "-cert", b.path(file + ".pem"), "-key", b.path(file + ".key")}, options...)
		daemon(t, at, args...)
		return port
	}
	add := func(name string, port int, keys string, want ...string) {
		b.add(name, ip, fmt.Sprintf(`{tls: "www.example.test:%d", ca: ca.pem%s}`, port, keys))
		wants[name] = want
	}
	modern := serve("www", "-alpn", "imap")
	add("TLS 1.3", modern, ", min_tls: 1.3, alpn: [imap]", "OK: TLS handshake done, protocol imap", "TLS: TLS 1.3, ")
	add("no protocol in common", modern, ", alpn: [h2]", "failed at tls: TLS refused by the server: no application protocol")
	old := serve("www", "-tls1_2")
	add("TLS 1.2", old, "", "OK: TLS handshake done", "TLS: TLS 1.2, ")
	add("TLS 1.2 is too old", old, ", min_tls: 1.3", "failed at tls: TLS refused by the server: protocol version not supported")
	add("TLS 1.0", serve("www", "-tls1", "-cipher", "ALL:@SECLEVEL=0"), "", "failed at tls: ")
	add("expired", serve("expired"), "", "failed at tls: TLS certificate expired on ", "certificate expires: ")
	add("a client certificate is wanted", serve("www", "-Verify", "1", "-verify_return_error", "-CAfile", b.path("ca.pem")), `, send: "x", expect: y`, "failed at answer: TLS refused by the server: ")
	b.expect(wants)
}

// A gRPC server of Google's own making, which knows nothing of this one.
const grpcServer = `
import sys, threading
from concurrent import futures
import grpc
def check(request, context):
    service = request[2:].decode()
    if service == "unknown":
        context.abort(grpc.StatusCode.NOT_FOUND, "no such service: " + service)
    return b"\x08" + {"": b"\x01", "sick": b"\x02"}[service]
handlers = grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": grpc.unary_unary_rpc_method_handler(check)})
server = grpc.server(futures.ThreadPoolExecutor(2))
if sys.argv[2] == "health":
    server.add_generic_rpc_handlers((handlers,))
if len(sys.argv) > 3:
    pair = (open(sys.argv[4], "rb").read(), open(sys.argv[3], "rb").read())
    server.add_secure_port(sys.argv[1], grpc.ssl_server_credentials((pair,)))
else:
    server.add_insecure_port(sys.argv[1])
server.start()
threading.Event().wait()
`

// python is the system's own, which has the packages of the system.
const python = "/usr/bin/python3"

func TestGRPCServersAreProbed(t *testing.T) {
	t.Parallel()
	need(t, python)
	if out, err := exec.Command(python, "-c", "import grpc").CombinedOutput(); err != nil {
		missing(t, "python3-grpcio is not installed: %s", out)
	}
	b := newBench(t)
	ca := newAuthority(t)
	b.write("ca.pem", ca.pem)
	b.write("server.py", grpcServer)
	b.pems(ca, "api", "api.example.test", time.Now().Add(time.Hour))
	ip, clear, secure, without := newIP(), freePort(t), freePort(t), freePort(t)
	at := func(port int) string { return fmt.Sprintf("%s:%d", ip, port) }
	daemon(t, at(clear), python, b.path("server.py"), at(clear), "health")
	daemon(t, at(without), python, b.path("server.py"), at(without), "nothing")
	daemon(t, at(secure), python, b.path("server.py"), at(secure), "health", b.path("api.pem"), b.path("api.key"))
	wants := map[string][]string{}
	for name, c := range map[string]struct {
		check string
		want  string
	}{
		"the server":        {fmt.Sprintf(`{grpc: "http://api.example.test:%d"}`, clear), "OK: the server is SERVING"},
		"over TLS":          {fmt.Sprintf(`{grpc: "https://api.example.test:%d/", ca: ca.pem}`, secure), "OK: the server is SERVING"},
		"another name":      {fmt.Sprintf(`{grpc: "https://www.example.test:%d/", ca: ca.pem}`, secure), "failed at tls: TLS certificate is for api.example.test"},
		"a sick service":    {fmt.Sprintf(`{grpc: "http://api.example.test:%d/sick"}`, clear), `failed at body: the health of service "sick" is NOT_SERVING, wanted SERVING`},
		"an unknown one":    {fmt.Sprintf(`{grpc: "http://api.example.test:%d/unknown"}`, clear), `failed at body: the server knows nothing of the health of service "unknown" (NOT_FOUND): no such service: unknown`},
		"no health service": {fmt.Sprintf(`{grpc: "http://api.example.test:%d"}`, without), "failed at body: the server has no health service (UNIMPLEMENTED): Method not found!"},
		"TLS is not spoken": {fmt.Sprintf(`{grpc: "https://api.example.test:%d", ca: ca.pem}`, clear), "failed at tls: "},
	} {
		b.add(name, ip, c.check)
		wants[name] = []string{c.want}
	}
	b.expect(wants)
}

// A nameserver watches another one: a dnsfailover, which is asked over UDP and TCP.
func TestANameserverIsProbed(t *testing.T) {
	t.Parallel()
	s := newServer(t, "services: [{name: web, records: [www.example.test], targets: [{name: only, addresses: [192.0.2.1]}]}]\n", "many TXT "+strings.Repeat(`"`+strings.Repeat("x", 250)+`" `, 16)+"\n").start()
	ip, port, err := net.SplitHostPort(s.dns)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	wants := map[string][]string{}
	for name, c := range map[string]struct{ keys, want string }{
		"an address":         {"name: www.example.test, answer: 192.0.2.1", "OK: A 192.0.2.1"},
		"over TCP":           {"name: www.example.test, over: tcp", "OK: A 192.0.2.1"},
		"another address":    {"name: www.example.test, answer: 192.0.2.2", `failed at answer: no A record contains "192.0.2.2": 192.0.2.1`},
		"the SOA":            {"name: example.test, type: SOA", "OK: SOA ns1.example.test."},
		"what is truncated":  {"name: many.example.test, type: TXT, answer: xxx", "OK: TXT "},
		"a name that's gone": {"name: gone.example.test", "failed at answer: NXDOMAIN, wanted NOERROR"},
		"a name that's not":  {"name: gone.example.test, rcode: NXDOMAIN", "OK: NXDOMAIN"},
		"a zone of others":   {"name: example.net", "failed at answer: REFUSED, wanted NOERROR"},
	} {
		b.add(name, ip, fmt.Sprintf("{dns: {%s, port: %s}}", c.keys, port))
		wants[name] = []string{c.want}
	}
	b.expect(wants)
	if out := b.probe("s0"); !strings.Contains(out, "authoritative") {
		t.Errorf("the answer isn't shown:\n%s", out)
	}
}
