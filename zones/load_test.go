package zones

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the messages that the bad zones get as the expected ones")

// TestBadZones holds one small file per rule, with the messages it gets beside it.
func TestBadZones(t *testing.T) {
	files, err := filepath.Glob("../testdata/zones/bad/*.zone")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	t.Chdir("../testdata/zones/bad")
	for _, file := range files {
		file = filepath.Base(file)
		t.Run(strings.TrimSuffix(file, ".zone"), func(t *testing.T) {
			zone, problems := Load("example.com", file, nil)
			var got strings.Builder
			warn := strings.HasPrefix(file, "warn-")
			for _, p := range problems {
				got.WriteString(p.String() + "\n")
				if p.Warning != warn {
					t.Errorf("warning is %t: %s", p.Warning, p)
				}
			}
			if (zone != nil) != warn {
				t.Errorf("zone is served: %t, want %t", zone != nil, warn)
			}
			wantFile := strings.TrimSuffix(file, ".zone") + ".want"
			if *update {
				if err := os.WriteFile(wantFile, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wantFile)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" || len(problems) == 0 {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDynamicNames holds the rules for the names of services, each with the sentence that names both places.
func TestDynamicNames(t *testing.T) {
	const head = "$TTL 300\n@ SOA ns1 host 1 7200 900 1209600 300\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.53\nns2 A 192.0.2.54\n"
	for name, c := range map[string]struct{ zone, dynamic, want string }{
		"repeats of the first target are fine": {"www A 192.0.2.1\nwww AAAA 2001:db8::1\n", "www.example.com.", ""},
		"no address is fine":                   {"", "www.example.com.", ""},
		"a wildcard is fine":                   {"", "*.example.com.", ""},
		"any other address": {
			"www A 192.0.2.9\n", "www.example.com.",
			`zone:7: www.example.com.: address 192.0.2.9, but the addresses of this name belong to service "web" (c.yaml:1:2): ` +
				"remove the record, or let it repeat an address of the first target",
		},
		"an alias": {
			"www CNAME ns1\n", "www.example.com.",
			`zone:7: www.example.com.: CNAME at a name of service "web" (c.yaml:1:2): remove one of the two`,
		},
		"a delegation": {
			"www NS ns1\n", "www.example.com.",
			`zone:7: www.example.com.: delegated away, but a name of service "web" (c.yaml:1:2): remove one of the two`,
		},
		"below a delegation": {
			"sub NS ns1\n", "www.sub.example.com.",
			`zone: www.sub.example.com.: a name of service "web" (c.yaml:1:2) below the delegation at sub.example.com. is never answered from here`,
		},
		"address hints": {
			"www HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1\n", "www.example.com.",
			`zone:7: www.example.com.: address hints at a name of service "web" (c.yaml:1:2) would bypass the failover: remove ipv4hint and ipv6hint`,
		},
		"address hints elsewhere": {
			"_8443._https.www HTTPS 1 WWW port=8443 ipv4hint=192.0.2.1\n", "www.example.com.",
			`zone:7: _8443._https.www.example.com.: address hints for WWW.example.com., a name of service "web" (c.yaml:1:2), would bypass the failover: remove ipv4hint and ipv6hint`,
		},
		"address hints for what a wildcard answers": {
			"svc SVCB 1 a.b.apps ipv6hint=2001:db8::1\n", "*.apps.example.com.",
			`zone:7: svc.example.com.: address hints for a.b.apps.example.com., a name of service "web" (c.yaml:1:2), would bypass the failover: remove ipv4hint and ipv6hint`,
		},
		"address hints for others are fine": {
			"svc SVCB 1 ns1 ipv4hint=192.0.2.53\nbeside SVCB 1 out.example.org. ipv4hint=192.0.2.53\nx.apps SVCB 1 x.apps ipv4hint=192.0.2.7\n", "*.apps.example.com.", "",
		},
		"a nameserver": {
			"@ NS www\n", "www.example.com.",
			`zone:7: example.com.: nameserver www.example.com. is a name of service "web" (c.yaml:1:2): ` +
				"a nameserver's address can't move, give it a name of its own",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile("zone", []byte(head+c.zone), 0o644); err != nil {
				t.Fatal(err)
			}
			zone, problems := Load("example.com", "zone", []Dynamic{{
				Name: c.dynamic, Service: "web", Where: "c.yaml:1:2", Slot: new(Slot),
				Repeats: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")},
			}})
			got := ""
			for _, p := range problems {
				got += p.String()
			}
			if got != c.want || (zone != nil) != (c.want == "") {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestUnusableFiles: what can't be read is said, and nothing blocks.
func TestUnusableFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	mkfifo(t, "fifo")
	if err := os.Mkdir("dir", 0o755); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"absent":       "absent: no such file or directory",
		"dir":          "dir: not a regular file",
		"fifo":         "fifo: not a regular file",
		"nowhere/zone": "nowhere/zone: no such file or directory",
	} {
		zone, problems := Load("example.com", file, nil)
		if zone != nil || len(problems) != 1 || problems[0].String() != want {
			t.Errorf("%s: got %v, want %s", file, problems, want)
		}
	}
}
