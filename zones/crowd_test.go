package zones

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const goodHead = "$TTL 300\n@ SOA ns1 host 1 7200 900 1209600 300\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.53\nns2 A 192.0.2.54\n"

// writeZone writes a zone file into a directory of its own, which it returns with the file's path.
func writeZone(t *testing.T, text string) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	file = filepath.Join(dir, "zone")
	if err := os.WriteFile(file, []byte(goodHead+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, file
}

// TestCrowdedName: of an RRset that is too big already, for which the zone is refused, no more is read: comparing 80,000
// records one by one would take 20 seconds.
func TestCrowdedName(t *testing.T) {
	var text strings.Builder
	for i := range 80_000 {
		fmt.Fprintf(&text, "crowd A 10.%d.%d.%d\n", i>>16, i>>8&255, i&255)
	}
	_, file := writeZone(t, text.String())
	d := newDraft("zone.test", file)
	if problems := d.readMaster(file); problems != nil {
		t.Fatal(problems)
	}
	if most := maxRRset/16 + 10; len(d.records) > most {
		t.Errorf("%d records are kept, want at most %d", len(d.records), most)
	}
	zone, problems := Load("zone.test", file, nil)
	want := file + ":7: crowd.zone.test.: the A records need more than 60000 octets, which is what fits into one message"
	if zone != nil || len(problems) != 1 || problems[0].String() != want {
		t.Errorf("got %v, want %s", problems, want)
	}
}

// TestDuplicatesInACrowd: duplicates are one also where there are many records, and names have no case.
func TestDuplicatesInACrowd(t *testing.T) {
	var text strings.Builder
	const hosts = 3 * fewRecords
	for range 2 {
		for i := range hosts {
			fmt.Fprintf(&text, "crowd MX 10 host%d\ncrowd MX 10 HOST%d\ncrowd MX 20 host%d\ncrowd TXT host%d\ncrowd TXT HOST%d\n", i, i, i, i, i)
		}
	}
	_, file := writeZone(t, text.String())
	d := newDraft("zone.test", file)
	if problems := d.readMaster(file); problems != nil {
		t.Fatal(problems)
	}
	if got, want := len(d.records), 5+4*hosts; got != want {
		t.Errorf("%d records, want %d", got, want)
	}
}

// TestIncludesAreBoundedTogether: by their octets and by their number.
func TestIncludesAreBoundedTogether(t *testing.T) {
	const want = "too much: a zone has at most 1024 MiB in 10000 files, each $INCLUDE counted"
	t.Run("octets", func(t *testing.T) {
		dir, file := writeZone(t, "$INCLUDE big\n")
		big, err := os.Create(filepath.Join(dir, "big"))
		if err != nil {
			t.Fatal(err)
		}
		defer big.Close()
		if err := big.Truncate(maxFile - 1); err != nil {
			t.Fatal(err)
		}
		_, problems := Load("zone.test", file, nil)
		if len(problems) != 1 || problems[0].Text != `$INCLUDE "big": `+want {
			t.Errorf("got %v", problems)
		}
	})
	t.Run("files", func(t *testing.T) {
		dir, file := writeZone(t, strings.Repeat("$INCLUDE empty\n", maxIncludes))
		if err := os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, problems := Load("zone.test", file, nil)
		if len(problems) != 1 || problems[0].Text != `$INCLUDE "empty": `+want {
			t.Errorf("got %v", problems)
		}
	})
}

// TestAbsoluteInclude: an absolute path leads to a file below the zone file's directory.
func TestAbsoluteInclude(t *testing.T) {
	for says, inc := range map[string]string{"the file itself": "www A 192.0.2.1\n", "one beside it": "$INCLUDE more\n"} {
		t.Run(says, func(t *testing.T) {
			dir, file := writeZone(t, "")
			for name, text := range map[string]string{
				"zone": goodHead + "$INCLUDE " + dir + "/sub/inc\n", "sub/inc": inc, "sub/more": "www A 192.0.2.1\n",
			} {
				if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if zone, problems := Load("zone.test", file, nil); zone == nil {
				t.Error(problems)
			}
		})
	}
}

// TestProblemsAreBounded: after 100 of them the rest is not looked at, and warnings don't hide why the zone is refused.
func TestProblemsAreBounded(t *testing.T) {
	_, file := writeZone(t, "www BOGUS 1\n\f\f\f\nwww BOGUS 1\n")
	if _, problems := Load("zone.test", file, nil); len(problems) != 3 || problems[1].Line != 8 {
		t.Errorf("a line that only seems blank: %v", problems)
	}
	for says, text := range map[string]string{
		"lines that are not understood": strings.Repeat("www BOGUS 1\n", 300),
		"records out of the zone":       strings.Repeat("www.example.org. A 192.0.2.1\n", 300),
		"records that must not be there": func() string {
			var b strings.Builder
			for i := range 200 {
				fmt.Fprintf(&b, "ttl%d 1 A 192.0.2.1\nttl%d 2 A 192.0.2.2\n", i, i)
			}
			for i := range 300 {
				fmt.Fprintf(&b, "alias%d CNAME a\nalias%d A 192.0.2.1\n", i, i)
			}
			return b.String()
		}(),
	} {
		t.Run(says, func(t *testing.T) {
			_, file := writeZone(t, text)
			zone, problems := Load("zone.test", file, nil)
			if zone != nil || len(problems) != maxProblems || problems[0].Warning {
				t.Errorf("%d problems, the first %v", len(problems), problems[:1])
			}
		})
	}
}

// TestProblemsBehindAnInclude: the file goes on behind an include that has a problem.
func TestProblemsBehindAnInclude(t *testing.T) {
	dir, file := writeZone(t, "$INCLUDE inc\nwww BOGUS 2\nwww A 192.0.2.1\n TXT \"(\" ; \"\n TXT \"not closed\n\nwww BOGUS 3\n")
	if err := os.WriteFile(filepath.Join(dir, "inc"), []byte("www BOGUS 1\nwww BOGUS 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, problems := Load("zone.test", file, nil)
	var got []string
	for _, p := range problems {
		got = append(got, strings.TrimPrefix(p.String(), dir+"/"))
	}
	want := []string{
		`inc:1: neither a type, a class nor a TTL: "BOGUS"`,
		`zone:8: www.zone.test.: neither a type, a class nor a TTL: "BOGUS"`,
		`zone:11: www.zone.test.: the quote is not closed`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
