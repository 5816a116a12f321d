package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// asks sends one query from an address, with a client's network unless that is empty, and returns the first address of the
// answer and the scope, -1 if there is none.
func asks(t *testing.T, network, server, from, subnet string, config *tls.Config) (address string, scope int) {
	t.Helper()
	q := new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA)
	q.SetEdns0(1232, false)
	if subnet != "" {
		p := netip.MustParsePrefix(subnet)
		q.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(p.Bits()), Address: p.Addr().AsSlice()}}
	}
	local := net.Addr(&net.TCPAddr{IP: net.ParseIP(from)})
	if network == "udp" {
		local = &net.UDPAddr{IP: net.ParseIP(from)}
	}
	c := dns.Client{Net: network, TLSConfig: config, Dialer: &net.Dialer{LocalAddr: local, Timeout: 5 * time.Second}}
	m, _, err := c.Exchange(q, server)
	if err != nil {
		t.Fatalf("%s from %s: %v", network, from, err)
	}
	scope = -1
	for _, option := range m.IsEdns0().Option {
		if s, ok := option.(*dns.EDNS0_SUBNET); ok {
			scope = int(s.SourceScope)
		}
	}
	return m.Answer[0].(*dns.A).A.String(), scope
}

// TestStaffSeesThePrimary switches to the backup, and asks as the public, as staff, and as resolvers of both, over everything that
// DNS is spoken over. Then another office moves in.
func TestStaffSeesThePrimary(t *testing.T) {
	t.Parallel()
	const colleague, stranger, resolver = "127.201.0.7", "127.202.0.7", "127.203.0.1"
	ca := newAuthority(t)
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+"dns: {trust_ecs: ["+resolver+"/32]}\n"+web(plain+"\n    staff: [127.201.0.0/16]", primary, backup), "alias CNAME www\n")
	certificate, key := pems(t, ca.issue(t, "ns1.example.test", time.Now().Add(time.Hour)))
	s.write("cert.pem", certificate)
	s.write("key.pem", key)
	s.listenToo(`tls: {addresses: ["127.0.0.1:0"], certificate: cert.pem, key: key.pem}, `)
	s.start()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(ca.pem))
	secure := listeningTLS.FindStringSubmatch(s.String())[1]
	config := &tls.Config{RootCAs: roots, ServerName: "ns1.example.test", NextProtos: []string{"dot"}}
	s.verdict("web", "backup", "up")
	s.must("switch", "web", "backup", "--until-released", "--reason", "work")

	for network, at := range map[string]string{"udp": s.dns, "tcp": s.dns, "tcp-tls": secure} {
		for _, c := range []struct {
			from, subnet, want string
			scope              int
		}{
			{stranger, "", backup.ip, -1},
			{colleague, "", primary.ip, -1},
			{resolver, "", backup.ip, -1},
			{resolver, "127.201.3.0/24", primary.ip, 16},
			{resolver, "127.202.3.0/24", backup.ip, 15},
			{resolver, "10.0.0.0/8", backup.ip, 2},
			{resolver, "127.0.0.0/8", backup.ip, 16},
			{stranger, "127.201.3.0/24", backup.ip, 0},
		} {
			if got, scope := asks(t, network, at, c.from, c.subnet, config); got != c.want || scope != c.scope {
				t.Errorf("%s from %s for %q: %s with scope %d, want %s with %d", network, c.from, c.subnet, got, scope, c.want, c.scope)
			}
		}
	}

	matches(t, s.must("why", "alias.example.test", "--client", colleague), `(?s).*IN A `+primary.ip+`\n.*> \d+\. staff     127\.201\.0\.7 lies in 127\.201\.0\.0/16, which is staff: it gets primary whatever the others get
  \d+\. override  switched to backup by .*\n> \d+\. ttl       5 s, the most that is configured\n`)
	matches(t, s.must("why", "www.example.test", "--client", stranger), `(?s).*IN A `+backup.ip+`\n.*  \d+\. staff     127\.202\.0\.7 is not staff\n> \d+\. override  .*`)
	matches(t, s.must("why", "www.example.test"), `(?s).*IN A `+backup.ip+`\n.*  \d+\. staff     this is what the public gets; staff, as in 127\.201\.0\.0/16, gets primary: name a client with --client to see its answer\n.*`)
	if out, code := s.cli("why", "www.example.test", "--client", "office"); code != 1 {
		t.Errorf("exit %d: %s", code, out)
	}

	s.rewrite("staff: [127.201.0.0/16]", "staff: [127.202.0.0/16]")
	s.must("reload")
	for from, want := range map[string]string{stranger: primary.ip, colleague: backup.ip} {
		if got, _ := asks(t, "udp", s.dns, from, "", nil); got != want {
			t.Errorf("after the reload %s gets %s, want %s", from, got, want)
		}
	}
}
