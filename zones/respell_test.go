package zones

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// spellings are records as a zone may have them and their RDATA (RFC 1183 sections 3.1, RFC 1712 section 3, RFC 3403 section 4.1, RFC 4025 section 2).
// NSD, Knot and BIND read them so.
var spellings = []struct{ record, data string }{
	{"IPSECKEY 10 0 2 . AQNRU3mG", "0a0002" + "010351537986"},
	{"IPSECKEY 10 1 2 192.0.2.38 AQNR U3mG", "0a0102c0000226" + "010351537986"},
	{"ipseckey 10 2 2 2001:db8::8 AQNRU3mG ; a comment (", "0a020220010db8000000000000000000000008" + "010351537986"},
	{"IPSECKEY ( 10 3 2 ; gateway\n\n\thost AQNR\n U3mG )", "0a030204686f7374047a6f6e65047465737400" + "010351537986"},
	{"IPSECKEY 10 0 0 .", "0a0000"},
	{`IPSECKEY \# 3 0A0000`, "0a0000"},
	{`X25 "311061700956"`, "0c333131303631373030393536"},
	{"X25 311061700956", "0c333131303631373030393536"},
	{"IN X25 ( \"311061700956\" )\t", "0c333131303631373030393536"},
	{`300 IN GPOS "-22.6882" "116.8652" "250.0"`, "082d32322e36383832" + "083131362e38363532" + "053235302e30"},
	{`GPOS -22.6882 "116.8652" 250.0`, "082d32322e36383832" + "083131362e38363532" + "053235302e30"},
	{`NAPTR 100 50 s z3950+N2L "" host`, "00640032" + "0173" + "097a333935302b4e324c" + "00" + "04686f7374047a6f6e65047465737400"},
	{`NAPTR 100 50 "s" "z;(3950\"\032" "!^.*$!x!" .`, "00640032" + "0173" + "097a3b283339353022" + "20" + "08215e2e2a24217821" + "00"},
}

func TestSpellings(t *testing.T) {
	for _, s := range spellings {
		t.Run(s.record, func(t *testing.T) {
			for _, end := range []string{"", "\n", "\r\n", "\nnext A 192.0.2.1\n", "\n\n A 192.0.2.2\nnext A 192.0.2.1\n", " ; comment\n TXT next\n"} {
				_, file := writeZone(t, "odd "+s.record+end)
				z, problems := Load("zone.test.", file, nil)
				if z == nil || len(problems) > 0 {
					t.Fatalf("behind it %q: %v", end, problems)
				}
				got := askRaw(t, z, "odd.zone.test.", wordType(s.record))
				if got != s.data {
					t.Errorf("behind it %q: data is %s, want %s", end, got, s.data)
				}
				if strings.Contains(end, "next A") && askRaw(t, z, "next.zone.test.", dns.TypeA) != "c0000201" {
					t.Errorf("behind it %q: the next record is not there", end)
				}
			}
		})
	}
	// The owner may be that of the line before, whether the parser has seen that or not, and lines are counted right behind it.
	_, file := writeZone(t, "odd A 192.0.2.3\n IPSECKEY ( 10 0 2\n . AQNRU3mG )\n X25 \"1234\"\nbad A 192.0.2.300\n")
	_, problems := Load("zone.test.", file, nil)
	if len(problems) != 1 || problems[0].Line != 11 || !strings.Contains(problems[0].Text, `"192.0.2.300" is not an IPv4 address`) {
		t.Errorf("problems are %v", problems)
	}
	for record, want := range map[string]string{
		"IPSECKEY 10 7 2 . AQNR":    "zone:7: odd.zone.test.: gateway type 7 in the IPSECKEY record: there are 0 for none",
		"AMTRELAY 10 1 4 .":         "zone:7: odd.zone.test.: gateway type 4 in the AMTRELAY record: there are 0 for none",
		"IPSECKEY 10 1 2 host AQNR": `zone:7: odd.zone.test.: bad data in the record: "host"`,
		"IPSECKEY 10 0 2 . A*":      "zone:7: odd.zone.test.: the IPSECKEY record can't be sent",
		`X25 "31 10"`:               `zone:7: odd.zone.test.: the record should end before "10"`,
		"IPSECKEY ( 10 0 2 .":       "zone:7: the file ends before the parenthesis is closed",
		"DSYNC CDS NOTIFY 5359 ns":  `zone:7: odd.zone.test.: "DSYNC" is a type that has to be written as unknown types are (RFC 3597 section 5): TYPE66 \# LENGTH and the data in hexadecimal digits`,
	} {
		dir, file := writeZone(t, "odd "+record+"\n")
		_, problems := Load("zone.test.", file, nil)
		if got := fmt.Sprint(problems); len(problems) != 1 || !strings.Contains(strings.ReplaceAll(got, dir+"/", ""), want) {
			t.Errorf("%s: %s, want %s", record, got, want)
		}
	}
}

// wordType returns the first type in a record without an owner.
func wordType(record string) uint16 {
	for _, w := range strings.Fields(record) {
		if typ, ok := dns.StringToType[strings.ToUpper(w)]; ok {
			return typ
		}
	}
	return 0
}

// askRaw returns the RDATA of the only record of a type, in hexadecimal digits.
func askRaw(t *testing.T, z *Zone, name string, qtype uint16) string {
	t.Helper()
	query, err := new(dns.Msg).SetQuestion(name, qtype).Pack()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 1232)
	n := new(Responder).Respond(NewSet([]*Zone{z}), query, out, UDP, 0)
	if n < len(query)+12 || out[7] != 1 {
		return fmt.Sprintf("%x", out[:n])
	}
	return hex.EncodeToString(out[len(query)+12 : n])
}
