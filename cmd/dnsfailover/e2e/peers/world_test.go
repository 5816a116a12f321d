package peers

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// world is what all servers serve.
type world struct {
	zones    []zone
	services string // YAML, for dnsfailover alone: with the addresses that the zones have
	set      map[string]bool
}

type zone struct {
	apex    string
	text    string
	records []dns.RR
	byName  map[string][]dns.RR
}

// add parses a zone and adds it.
func (w *world) add(t *testing.T, apex, text string) {
	t.Helper()
	z := zone{apex: apex, text: text}
	parser := dns.NewZoneParser(strings.NewReader(generic(text)), apex, "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		z.records = append(z.records, rr)
	}
	if err := parser.Err(); err != nil {
		t.Fatalf("%s: %v", apex, err)
	}
	w.zones = append(w.zones, z)
}

// generic gives lines that end in a comment with a record of an unknown type (RFC 3597) that record for data: there the library
// mistakes what stands before it.
func generic(text string) string {
	return commented.ReplaceAllString(text, "$1\t$2")
}

var commented = regexp.MustCompile(`(?m)^(\S+).*; (TYPE\d+ \\# .*)$`)

// zoneFile adds a zone of the test data.
func (w *world) zoneFile(t *testing.T, apex, name string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "testdata", "zones", name))
	if err != nil {
		t.Fatal(err)
	}
	w.add(t, apex, string(text))
}

func (w *world) apexes() []string {
	var list []string
	for _, z := range w.zones {
		list = append(list, z.apex)
	}
	return list
}

// home returns the zone in which a name lies.
func (w *world) home(name string) *zone {
	var best *zone
	for i := range w.zones {
		if z := &w.zones[i]; dns.IsSubDomain(z.apex, name) && (best == nil || dns.CountLabel(z.apex) > dns.CountLabel(best.apex)) {
			best = z
		}
	}
	return best
}

// without returns the zone's text as a server can read it that does not know the presentation of some types. In the
// test data these stand alone on their lines.
func (z *zone) without(t *testing.T, foreign []uint16) string {
	t.Helper()
	text := strings.Split(z.text, "\n")
	for i, line := range text {
		fields := strings.Fields(line)
		if len(fields) < 3 || !slices.Contains(foreign, dns.StringToType[fields[1]]) {
			continue
		}
		rr, err := dns.NewRR("$ORIGIN " + z.apex + "\n$TTL 300\n" + generic(line))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		var unknown dns.RFC3597
		if err := unknown.ToRFC3597(rr); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		text[i] = fmt.Sprintf("%s TYPE%d \\# %d %s", fields[0], rr.Header().Rrtype, len(unknown.Rdata)/2, unknown.Rdata)
	}
	return strings.Join(text, "\n")
}
