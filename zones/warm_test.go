package zones

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// bigNames is how many names bigOne has: enough for regions outside of the heap.
const bigNames = 150_000

// bigOne returns the zone big.test. with h0.big.test. and so on.
func bigOne(t testing.TB) *Zone {
	t.Helper()
	text := []byte("$TTL 300\n@ SOA ns1 hostmaster 1 7200 900 1209600 60\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n" +
		"*.wild A 192.0.2.3\nsub NS ns.sub\nns.sub A 192.0.2.4\nalias CNAME h1\n")
	for i := range bigNames {
		text = fmt.Appendf(text, "h%d A 192.0.2.%d\n", i, i%250)
	}
	file := filepath.Join(t.TempDir(), "big.zone")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	zone, problems := Load("big.test.", file, nil)
	if zone == nil {
		t.Fatal(problems)
	}
	return zone
}

// TestProblemsOutliveTheDraft: what is said of a big zone needs none of the memory that loading it took.
func TestProblemsOutliveTheDraft(t *testing.T) {
	text := []byte("$TTL 300\n@ SOA ns1 hostmaster 1 7200 900 1209600 60\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n")
	for i := range bigNames {
		text = fmt.Appendf(text, "h%d A 192.0.2.%d\n", i, i%250)
	}
	for i := range 50 {
		text = fmt.Appendf(text, "h%d CNAME h%d\nmx%d MX 10 nowhere%d\nloop%d CNAME loop%d\n", bigNames-1-i, i, i, i, i, i)
	}
	file := filepath.Join(t.TempDir(), "big.zone")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	zone, problems := Load("big.test.", file, nil)
	if zone != nil || len(problems) < 50 {
		t.Fatalf("%d problems", len(problems))
	}
	for i, p := range problems {
		if said := p.String(); !strings.Contains(said, ".big.test.: ") || !strings.Contains(said, "CNAME") {
			t.Errorf("problem %d: %s", i, said)
		}
	}
}

func bigQuery(t testing.TB, name string, qtype uint16) []byte {
	t.Helper()
	query, err := new(dns.Msg).SetQuestion(name+".big.test.", qtype).Pack()
	if err != nil {
		t.Fatal(err)
	}
	return query
}

// TestLookingAhead: what was expected changes no answer, whatever it was.
func TestLookingAhead(t *testing.T) {
	set := NewSet([]*Zone{bigOne(t)})
	if !set.Big() {
		t.Fatal("the zone is not big")
	}
	if NewSet([]*Zone{Broken("small.test.")}).Big() {
		t.Error("a broken zone is big")
	}
	random := rand.New(rand.NewPCG(1, 2))
	var queries [][]byte
	for range 3 * maxWarm {
		queries = append(queries, bigQuery(t, fmt.Sprintf("h%d", random.IntN(2*bigNames)), dns.TypeA))
	}
	for _, name := range []string{"any.wild", "www.sub", "alias", "a.b.c.d", "h1.h2"} {
		queries = append(queries, bigQuery(t, name, dns.TypeAAAA))
	}
	elsewhere, _ := new(dns.Msg).SetQuestion("www.example.com.", dns.TypeA).Pack()
	queries = append(queries, elsewhere, elsewhere[:12], elsewhere[:13], elsewhere[:5], nil, bytes.Repeat([]byte{0xFF}, 100), make([]byte, 100))

	plain, ahead := new(Responder), new(Responder)
	want, got := make([]byte, 1232), make([]byte, 1232)
	for range 100 {
		random.Shuffle(len(queries), func(i, j int) { queries[i], queries[j] = queries[j], queries[i] })
		for _, q := range queries {
			ahead.Expect(set, q)
		}
		ahead.Warm(set)
		for _, q := range queries {
			n, m := plain.Respond(set, q, want, UDP, 0), ahead.Respond(set, q, got, UDP, 0)
			if !bytes.Equal(want[:n], got[:m]) {
				t.Fatalf("%x is answered with %x, want %x", q, got[:m], want[:n])
			}
		}
	}
	allocations := testing.AllocsPerRun(10, func() {
		for _, q := range queries {
			ahead.Expect(set, q)
		}
		ahead.Warm(set)
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}
