package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// listeningTLS finds the port that was picked for DNS over TLS.
var listeningTLS = regexp.MustCompile(`msg=listening .* tls=\[?([0-9.]+:\d+)`)

// pems returns a certificate and its key as files hold them.
func pems(t *testing.T, c tls.Certificate) (certificate, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// listenToo adds keys of `listen` to the configuration that newServer has written.
func (s *server) listenToo(keys string) {
	s.t.Helper()
	data, err := os.ReadFile(s.path("dnsfailover.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(data), "listen: {")
	if !ok {
		s.t.Fatalf("no listen in\n%s", data)
	}
	s.write("dnsfailover.yaml", before+"listen: {"+keys+after)
}

// Conformance 228 to 231: DNS over TLS, and a certificate that is renewed without a word to the server.
func TestDNSOverTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	s := newServer(t, "", "www IN A 192.0.2.1\n")
	renew := func(end time.Time) {
		certificate, key := pems(t, ca.issue(t, "ns1.example.test", end))
		for name, text := range map[string]string{"cert.pem": certificate, "key.pem": key} {
			s.write(name+".new", text)
			if err := os.Rename(s.path(name+".new"), s.path(name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	first := time.Now().Add(time.Hour)
	renew(first)
	s.listenToo(`tls: {addresses: ["127.0.0.1:0"], certificate: cert.pem, key: key.pem}, `)
	s.start()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(ca.pem))
	at := listeningTLS.FindStringSubmatch(s.String())
	if at == nil {
		t.Fatalf("no address for TLS in the log:\n%s", s.Process)
	}
	ask := func() (time.Time, error) {
		c, err := dns.DialWithTLS("tcp-tls", at[1], &tls.Config{RootCAs: roots, ServerName: "ns1.example.test", NextProtos: []string{"dot"}})
		if err != nil {
			return time.Time{}, err
		}
		defer c.Close()
		answer, _, err := new(dns.Client).ExchangeWithConn(new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA), c)
		if err != nil || len(answer.Answer) != 1 {
			t.Fatalf("%v, %v", answer, err)
		}
		return c.Conn.(*tls.Conn).ConnectionState().PeerCertificates[0].NotAfter, nil
	}
	if end, err := ask(); err != nil || !end.Equal(first.Truncate(time.Second)) {
		t.Fatalf("a certificate until %v: %v", end, err)
	}
	second := first.Add(time.Hour)
	renew(second)
	s.wait("the renewed certificate is shown", func() bool {
		end, err := ask()
		return err == nil && end.Equal(second.Truncate(time.Second))
	})
	if problems := s.status().Problems; len(problems) != 0 {
		t.Errorf("problems %q", problems)
	}
	renew(time.Now().Add(-time.Minute))
	s.wait("status tells that the certificate has expired", func() bool {
		return strings.Contains(strings.Join(s.status().Problems, "\n"), "has expired on")
	})
	if _, err := ask(); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("an expired certificate passes for good: %v", err)
	}
	if got := s.metric("dnsfailover_tls_connections_accepted_total"); got < 3 {
		t.Errorf("%v connections", got)
	}
}

// The secret of cookies outlives the server: what it gave out before is good after.
func TestCookiesOutliveARestart(t *testing.T) {
	t.Parallel()
	s := newServer(t, "", "www IN A 192.0.2.1\n").start()
	cookie := "0102030405060708"
	ask := func() {
		t.Helper()
		m := new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA).SetEdns0(1232, false)
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie}}
		answer, err := dns.Exchange(m, s.dns)
		if err != nil || answer.IsEdns0() == nil || len(answer.IsEdns0().Option) != 1 {
			t.Fatalf("%v\n%v", err, answer)
		}
		cookie = answer.IsEdns0().Option[0].(*dns.EDNS0_COOKIE).Cookie
	}
	ask()
	if got := s.metric("dnsfailover_cookies_trusted_total"); got != 0 {
		t.Errorf("%v trusted that showed nothing", got)
	}
	var secret string
	if err := filepath.WalkDir(s.dir, func(path string, _ os.DirEntry, err error) error {
		if filepath.Base(path) == "cookie.secret" {
			secret = path
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(secret)
	if err != nil || info.Mode() != 0o600 || info.Size() != 33 {
		t.Fatalf("%v %v", info, err)
	}
	s.Kill()
	s.start()
	ask()
	if got := s.metric("dnsfailover_cookies_trusted_total"); got != 1 {
		t.Errorf("%v trusted after the restart, want 1", got)
	}
	s.must("reload")
	ask()
	if got := s.metric("dnsfailover_cookies_trusted_total"); got != 2 {
		t.Errorf("%v trusted after a reload, want 2", got)
	}
	s.stop()
	if err := os.WriteFile(secret, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	ask()
	if got := s.metric("dnsfailover_cookies_trusted_total"); got != 0 {
		t.Errorf("%v trusted with a new secret", got)
	}
	if data, err := os.ReadFile(secret); err != nil || !regexp.MustCompile(`^[0-9a-f]{32}\n$`).Match(data) {
		t.Errorf("%q %v", data, err)
	}
}

// The rate limit is on unless it is turned off; a reload changes it, and forgives nobody if it doesn't.
func TestRateLimitFollowsTheConfiguration(t *testing.T) {
	t.Parallel()
	s := newServer(t, "", "www IN A 192.0.2.1\n")
	config, err := os.ReadFile(s.path("dnsfailover.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	configure := func(limit string) { s.write("dnsfailover.yaml", string(config)+"dns: {rate_limit: "+limit+"}\n") }
	configure("{rate: 5, slip: 1, exempt: []}")
	s.start()
	flood := func() (whole int) {
		for range 50 {
			if answer := s.ask("www.example.test", dns.TypeA); answer != nil && !answer.Truncated {
				whole++
			}
		}
		return whole
	}
	if whole := flood(); whole < 5 || whole > 25 {
		t.Errorf("%d of 50 answers were whole, want about 5", whole)
	}
	if got := s.metric(`dnsfailover_rate_limited_total{action="slipped"}`); got < 25 {
		t.Errorf("%v slipped", got)
	}
	configure(`"off"`)
	s.must("reload")
	if whole := flood(); whole != 50 {
		t.Errorf("off: %d of 50 answers were whole", whole)
	}
	configure("{rate: 5, slip: 1}")
	s.must("reload")
	if whole := flood(); whole != 50 {
		t.Errorf("loopback is exempt: %d of 50 answers were whole", whole)
	}
}

// With dns.ede, an answer says why a service is on its backup.
func TestExtendedErrorTellsWhy(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup)+"dns: {ede: true}\n", "").start()
	s.serves("www.example.test", primary.ip)
	told := func() (out []string) {
		answer, err := dns.Exchange(new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA).SetEdns0(1232, false), s.dns)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range answer.IsEdns0().Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				out = append(out, fmt.Sprint(e.InfoCode, " ", e.ExtraText))
			}
		}
		return out
	}
	if got := told(); got != nil {
		t.Errorf("%q while all is well", got)
	}
	primary.becomes("stopped")
	s.serves("www.example.test", backup.ip)
	if got := told(); len(got) != 1 || !strings.HasPrefix(got[0], "0 ") || !strings.Contains(got[0], "primary") {
		t.Errorf("%q, want code 0 and why", got)
	}
}
