package config

import (
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dnsfailover/checks"
)

func TestEveryKindOfCheckArrives(t *testing.T) {
	c, _ := good(t, "probes.yaml")
	digests := regexp.MustCompile(`(secrets|sends|roots|client) [0-9a-f]{8,16}`)
	got := map[string]string{}
	probes := map[string]checks.Probe{}
	for _, target := range c.Services[0].Targets {
		probe := target.Addresses[0].Checks[0].Check.Probe
		probes[target.Name] = probe
		got[target.Name] = digests.ReplaceAllString(probe.String(), "$1 …")
	}
	want := map[string]string{
		"http": `POST https://www.example.com/healthz at 203.0.113.1:443 over HTTP/2, status 200, body "status", body lacks "error", body matches "version 2\\.", body matches ".", ` +
			`$.status "ok", $.db['lag'] 1.5, $.replicas[0].up true, $.error null, $.code "7", in 1048576 bytes, follows redirects to the same host, ` +
			`headers ["Authorization" "Content-Type"], secrets …, roots …, client …, at least TLS 1.3, warns 14 days before it expires, fails 3 days before it expires`,
		"send":   `POST http://www.example.com/ at 203.0.113.2:80, status 200-299, body "ok", headers ["Authorization"], secrets …`,
		"tcp":    `tcp 203.0.113.3:25, sends …, expects "220 "`,
		"tls":    `tls mail.example.com at 203.0.113.4:993, offers ["imap"], sends …, expects "* OK", warns 7 days before it expires`,
		"tls6":   `tls 2001:db8::44 at [2001:db8::4]:853, expects "up", fails 2 days before it expires`,
		"tls443": `tls www.example.com at 203.0.113.4:443, expects "up", warns 7 days before it expires`,
		"icmp":   `icmp echo fe80::1%eth0`,
		"dns":    `dns example.com. SOA at 203.0.113.6:5353 over TCP, NOERROR, answer "ns1"`,
		"dns2":   `dns gone.example.com. A at 203.0.113.6:53, NXDOMAIN`,
		"grpc":   `grpc https://api.example.com:8443 at 203.0.113.7:8443, health of my.Service, headers ["Authorization"], secrets …, roots …, warns 7 days before it expires`,
		"exec":   `exec /bin/echo for 203.0.113.8 with 2 arguments, secrets …`,
		"file":   `file /run/health, max age 1m30s, expects "up"`,
		"push":   `push, max age 26h0m0s, secrets …`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	first := probes["http"].(*checks.HTTPProbe)
	if auth := first.Headers.Get("Authorization"); auth != "Basic cHJvYmU6Y29ycmVjdCBob3JzZQ==" || !cmp.Equal(first.Secrets, []string{"correct horse"}) || first.Payload != `{"deep": true}` {
		t.Errorf("basic: %q, secrets %q, payload %q", auth, first.Secrets, first.Payload)
	}
	if got, want := probes["send"].(*checks.HTTPProbe).Headers, (http.Header{"Authorization": {"Bearer othertoken0123456789"}}); !cmp.Equal(got, want) {
		t.Errorf("bearer: %v", got)
	}
	if got := probes["grpc"].(*checks.GRPCProbe).Headers.Get("Authorization"); got != "Bearer probetoken0123456789" {
		t.Errorf("inherited bearer: %q", got)
	}
	if push := probes["push"].(*checks.PushProbe); !push.Accepts("pushtoken0123456789x") || push.MaxAge != 26*time.Hour {
		t.Errorf("push: %+v", push.MaxAge)
	}
}

func TestPathsOfChecksAreRelativeToTheFile(t *testing.T) {
	c, problems := Parse("etc/x.yaml", []byte(`zones: [{name: example.com, file: a.zone}]
services: [{name: web, records: [example.com], targets: [{name: a, addresses: [192.0.2.1], check: {file: health, max_age: 1m}}]}]
`))
	if c == nil {
		t.Fatal(problems)
	}
	cwd, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Services[0].Targets[0].Addresses[0].Checks[0].Check.Probe.String(), fmt.Sprintf("file %s/etc/health, max age 1m0s", cwd); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestGuardedAddresses(t *testing.T) {
	for text, want := range map[string]bool{
		"169.254.169.254": true, "169.254.0.1": true, "::ffff:169.254.169.254": true, "fe80::1": true, "fe80::1%eth0": true, "febf::1": true,
		"fd00:ec2::254": true, "fd20:ce::254": true, "100.100.100.200": true, "::ffff:100.100.100.200": true,
		"64:ff9b::a9fe:a9fe": true, "64:ff9b::6464:64c8": true, "64:ff9b:1::a9fe:a9fe": true, "64:ff9b:1:a9fe:a9:fe00::": true,
		"64:ff9b:1:0:a9:fea9:fe00::": true, "2002:a9fe:a9fe::1": true, "::a9fe:a9fe": true,
		"127.0.0.1": false, "::1": false, "10.0.0.1": false, "fd00::1": false, "192.0.2.1": false, "2001:db8::1": false,
		"64:ff9b::c000:201": false, "64:ff9b:1::c000:201": false, "2002:c000:201::1": false, "2001:db8::a9fe:a9fe": false, "100.100.100.201": false,
	} {
		if got := guarded(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
