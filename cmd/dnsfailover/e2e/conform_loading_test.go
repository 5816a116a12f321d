package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The tests TestConform… hold the rules of a conformance list, by their numbers, that take a zone file, a clock or a peer to see.

const apexHead = "$TTL 300\n@ SOA ns1 hostmaster 7 7200 900 1209600 60\n@ NS ns1\n@ NS ns2.example.net.\nns1 A 192.0.2.53\n"

// badLoads are zones that must be refused: alone, with a sentence that names the line, while the others are served.
var badLoads = []struct{ number, text, says string }{
	{"191", apexHead + "a CNAME ns1\na A 192.0.2.1\n", "beside a CNAME"},
	{"192", apexHead + "@ CNAME www.example.net.\n", "beside a CNAME"},
	{"193", apexHead + "a CNAME ns1\na CNAME ns2\n", "a second CNAME record"},
	{"194", apexHead + "a DNAME b\na DNAME c\n", "a second DNAME record"},
	{"195", apexHead + "a DNAME b\na CNAME c\n", "beside a CNAME"},
	{"196 none", strings.Replace(apexHead, "@ SOA", "; SOA", 1), "no SOA record"},
	{"196 two", apexHead + "@ SOA ns2 hostmaster 8 7200 900 1209600 60\n", "a second SOA record"},
	{"196 below", apexHead + "a SOA ns2 hostmaster 8 7200 900 1209600 60\n", "SOA below the apex"},
	{"197", strings.ReplaceAll(apexHead, "@ NS", "; NS"), "no NS record"},
	{"198", apexHead + "www.example.org. A 192.0.2.1\n", "out of the zone"},
	{"202 label", apexHead + strings.Repeat("l", 64) + " A 192.0.2.1\n", "is not a domain name"},
	{"202 name", apexHead + strings.Repeat("label56789.", 25) + "a A 192.0.2.1\n", "is not a domain name"},
	{"202 string", apexHead + "a CAA 0 issue \"" + strings.Repeat("x", 70_000) + "\"\n", "CAA"},
	{"203 escape", apexHead + `a\999 A 192.0.2.1` + "\n", `\999 is no octet`},
	{"203 base64", apexHead + "a DNSKEY 256 3 13 AAA*\n", "DNSKEY"},
	{"203 class", apexHead + "a XX A 192.0.2.1\n", "neither a type, a class nor a TTL"},
	{"204", apexHead + "a CH A 192.0.2.1\n", "class CH"},
	{"205 outside", apexHead + "$INCLUDE ../outside\n", "outside of the zone file's directory"},
	{"205 itself", apexHead + "$INCLUDE n205-itself.zone\n", ""},
	{"205 generate", apexHead + strings.Repeat("$GENERATE 1-65000 a$ A 192.0.2.1\n", 17), "$GENERATE made more than"},
	{"207", apexHead + "a TYPE65280 \\# 3 0102\n", ""},
	{"208", apexHead + "a SVCB 1 . alpn=h2 alpn=h3\n", ""},
}

// goodLoads are zones that look doubtful, and what they are served as.
var goodLoads = []struct {
	number, text string
	qtype        uint16 // asked of the name a
	answer       []string
}{
	{"199", apexHead + "a 300 A 192.0.2.1\na 60 A 192.0.2.2\n", dns.TypeA, []string{"60 A 192.0.2.1", "60 A 192.0.2.2"}},
	{"200", apexHead + "a A 192.0.2.1\nA A 192.0.2.1\n", dns.TypeA, []string{"300 A 192.0.2.1"}},
	{"201", apexHead + "a 2147483648 A 192.0.2.1\n", dns.TypeA, []string{"0 A 192.0.2.1"}},
	{"206", apexHead + "a MX 10 b\nb CNAME ns1\n", dns.TypeMX, []string{"300 MX 10 b.n206.test."}},
	{"207 known", apexHead + "a TYPE15 \\# 5 000A016100\n", dns.TypeMX, []string{"300 MX 10 a."}},
	{"208 alias", apexHead + "a SVCB 0 b alpn=h2\n", dns.TypeSVCB, []string{`300 SVCB 0 b.n208-alias.test. alpn="h2"`}},
	{"209 newline", apexHead + "a A 192.0.2.1", dns.TypeA, []string{"300 A 192.0.2.1"}},
	{"209 returns", strings.ReplaceAll("\xEF\xBB\xBF"+apexHead+"a A 192.0.2.1\n", "\n", "\r\n"), dns.TypeA, []string{"300 A 192.0.2.1"}},
	{"209 blanks", apexHead + "a\tTXT ( \"semi;colon\" ; comment\n\t\"two\" )\n\tA 192.0.2.1\n", dns.TypeTXT, []string{`300 TXT "semi;colon" "two"`}},
}

// zoneOf is the zone of a case.
func zoneOf(number string) string { return "n" + strings.ReplaceAll(number, " ", "-") + ".test" }

// TestConformLoading has one server load all of them at once (191 to 209, 241), and asks over UDP and TCP.
func TestConformLoading(t *testing.T) {
	t.Parallel()
	s := newServer(t, "", "")
	config := strings.TrimSuffix(listen, "zones: [{name: example.test, file: example.test.zone}]\n") + "zones:\n"
	add := func(number, text string) {
		name := zoneOf(number)
		s.write(strings.TrimSuffix(name, ".test")+".zone", text)
		config += fmt.Sprintf("  - {name: %s, file: %s.zone}\n", name, strings.TrimSuffix(name, ".test"))
	}
	for _, c := range badLoads {
		add(c.number, c.text)
	}
	for _, c := range goodLoads {
		add(c.number, c.text)
	}
	s.write("dnsfailover.yaml", config)
	s.start()
	ask := func(network, name string, qtype uint16) *dns.Msg {
		t.Helper()
		client := dns.Client{Net: network, Timeout: patience}
		answer, _, err := client.Exchange(new(dns.Msg).SetQuestion(name, qtype).SetEdns0(1232, false), s.dns)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	zones := map[string]string{}
	for _, z := range s.status().Zones {
		zones[z.Name] = z.Problem
	}
	for _, network := range []string{"udp", "tcp"} {
		for _, c := range badLoads {
			answer := ask(network, "a."+zoneOf(c.number)+".", dns.TypeA)
			ede := false
			for _, o := range answer.IsEdns0().Option {
				e, ok := o.(*dns.EDNS0_EDE)
				ede = ede || ok && e.InfoCode == dns.ExtendedErrorCodeNotReady
			}
			if answer.Rcode != dns.RcodeServerFailure || len(answer.Answer) > 0 || !ede {
				t.Errorf("%s over %s:\n%v", c.number, network, answer)
			}
			if problem := zones[zoneOf(c.number)+"."]; problem == "" || !strings.Contains(problem, c.says) || !strings.Contains(problem, ".zone:") {
				t.Errorf("%s: status says %q, want %q", c.number, problem, c.says)
			}
		}
		for _, c := range goodLoads {
			answer := ask(network, "a."+zoneOf(c.number)+".", c.qtype)
			var got []string
			for _, rr := range answer.Answer {
				fields := strings.SplitN(rr.String(), "\t", 5)
				got = append(got, fields[1]+" "+fields[3]+" "+fields[4])
			}
			if strings.Join(got, "\n") != strings.Join(c.answer, "\n") || !answer.Authoritative {
				t.Errorf("%s over %s: got %q, want %q", c.number, network, got, c.answer)
			}
		}
	}
}

// TestConformMillion loads a million records in bounded memory; a file that can't be taken then changes no octet of the answers (210).
func TestConformMillion(t *testing.T) {
	s := newServer(t, twoTargets, "")
	var text strings.Builder
	text.WriteString(zoneHead)
	for i := range 1_000_000 {
		fmt.Fprintf(&text, "h%d A 10.%d.%d.%d\n", i, i>>16, i>>8&0xFF, i&0xFF)
	}
	s.write("example.test.zone", text.String())
	begin := time.Now()
	s.start()
	took := time.Since(begin)
	_, most := s.resident()
	answers := func() (all string) {
		t.Helper()
		for _, name := range []string{"h0", "h999999", "h1000000", "www", "h77777"} {
			answer := s.ask(name+".example.test", dns.TypeA)
			if answer == nil {
				t.Fatalf("%s: no answer", name)
			}
			answer.Id = 0
			all += answer.String()
		}
		return all
	}
	before := answers()
	file, err := os.OpenFile(s.path("example.test.zone"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("h0 CNAME h1\nwww2 A 192.0.2.300\n"); err != nil {
		t.Fatal(err)
	}
	file.Close()
	s.reloaded()
	s.toldOf("example.test.zone:")
	if after := answers(); after != before {
		t.Errorf("answers were\n%s\nand are\n%s", before, after)
	}
	t.Logf("a million records: listening after %v, resident %d KiB at most while they were loaded", took.Round(10*time.Millisecond), most)
	if most > 512<<10 {
		t.Errorf("resident memory was %d KiB", most)
	}
}

// TestConformSerial: a serial is served as it is written (188); one that does not grow though the zone has changed, or that goes back, is warned of, and the
// zone is served all the same (276, 277).
func TestConformSerial(t *testing.T) {
	t.Parallel()
	s := newServer(t, twoTargets, "")
	edit := func(serial uint32, address string) {
		s.replace("example.test.zone", strings.Replace(zoneHead, "hostmaster 1 ", fmt.Sprintf("hostmaster %d ", serial), 1)+"host A "+address+"\n")
	}
	edit(4294967295, "192.0.2.10")
	s.start()
	last := 0
	for i, c := range []struct {
		serial uint32
		warns  string
	}{
		{4294967295, "has changed, but its serial is still 4294967295"},
		{0, ""}, // the next one (RFC 1982 section 3.2)
		{5, ""},
		{4, "serial 4 is not newer than 5"},
		{2147483652, "serial 2147483652 is not newer than 4"}, // as far away as can be: undefined
	} {
		address := fmt.Sprintf("192.0.2.%d", 20+i)
		edit(c.serial, address)
		s.reloaded()
		if got, _ := s.addresses("host.example.test", dns.TypeA); got != address {
			t.Errorf("with serial %d host is %s, want %s", c.serial, got, address)
		}
		if soa := s.ask("example.test", dns.TypeSOA); soa == nil || soa.Answer[0].(*dns.SOA).Serial != c.serial {
			t.Errorf("the serial is not %d: %v", c.serial, soa)
		}
		said := s.String()[last:]
		last += len(said)
		if strings.Contains(said, "serial") != (c.warns != "") || !strings.Contains(said, c.warns) {
			t.Errorf("with serial %d the log says %q, want %q", c.serial, said, c.warns)
		}
	}
	s.reloaded()
	if strings.Contains(s.String()[last:], "serial") {
		t.Error("a reload that changes nothing warns")
	}
}
