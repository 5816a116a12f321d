package peers

import (
	"crypto"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// signedParent returns the zone test., signed, with a cut at example.test. that proves that there is no DS, and its key as a
// trust anchor. Data at signed.test. shows whether a resolver validates.
func signedParent(t *testing.T) (text, anchor string) {
	t.Helper()
	key := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: "test.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 300},
		Flags: 257, Protocol: 3, Algorithm: dns.ECDSAP256SHA256,
	}
	private, err := key.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	sets := [][]string{
		{"test. 300 IN SOA ns.test. hostmaster.test. 1 7200 900 1209600 300"},
		{"test. 300 IN NS ns.test."},
		{key.String()},
		{"ns.test. 300 IN A 127.0.0.1"},
		{`signed.test. 300 IN TXT "signed"`},
		{"test. 300 IN NSEC example.test. NS SOA RRSIG NSEC DNSKEY"},
		{"example.test. 300 IN NSEC ns.test. NS RRSIG NSEC"},
		{"ns.test. 300 IN NSEC signed.test. A RRSIG NSEC"},
		{"signed.test. 300 IN NSEC test. TXT RRSIG NSEC"},
	}
	out := []string{"example.test. 300 IN NS ns1.example.test.", "ns1.example.test. 300 IN A 127.0.0.1"}
	for _, set := range sets {
		rr, err := dns.NewRR(set[0])
		if err != nil {
			t.Fatal(err)
		}
		signature := &dns.RRSIG{
			Hdr: dns.RR_Header{Ttl: 300}, Algorithm: key.Algorithm, KeyTag: key.KeyTag(), SignerName: "test.",
			Inception: uint32(time.Now().Add(-time.Hour).Unix()), Expiration: uint32(time.Now().Add(time.Hour).Unix()),
		}
		if err := signature.Sign(private.(crypto.Signer), []dns.RR{rr}); err != nil {
			t.Fatal(err)
		}
		out = append(out, rr.String(), signature.String())
	}
	slices.SortStableFunc(out, func(a, b string) int { // the SOA first
		return strings.Compare(fmt.Sprint(!strings.Contains(a, "\tSOA\t")), fmt.Sprint(!strings.Contains(b, "\tSOA\t")))
	})
	return strings.Join(out, "\n") + "\n", key.String()
}
