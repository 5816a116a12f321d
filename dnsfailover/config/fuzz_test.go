package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(testdata, "*/*.yaml"))
	if err != nil || len(files) < 100 {
		f.Fatalf("found %d files to begin with: %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 8<<10 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, problems := Parse("fuzz.yaml", data)
		if (c == nil) != (len(problems) > 0) {
			t.Fatalf("configuration %v with problems %v", c, problems)
		}
		for _, p := range problems {
			judgeProblem(t, p, data)
		}
		if c != nil {
			for _, p := range c.Warnings {
				judgeProblem(t, p, data)
			}
			judgeConfig(t, c)
		}
		_, again := Parse("fuzz.yaml", data)
		if diff := cmp.Diff(problems, again); diff != "" {
			t.Errorf("a second run says something else:\n%s", diff)
		}
	})
}

func judgeProblem(t *testing.T, p Problem, data []byte) {
	if p.Line < 1 || p.Column < 1 || p.File != "fuzz.yaml" || strings.ContainsAny(p.Text, "\r\n") || strings.HasSuffix(p.Text, ".") {
		t.Errorf("no place, or not one sentence: %q", p)
	}
	for _, word := range []string{"yaml:", "yaml.", "map[", "struct", "interface {", "nil", "%!", "netip", "dnsfailover/"} {
		if strings.Contains(p.Text, word) && !bytes.Contains(data, []byte(word)) {
			t.Errorf("%q means nothing to an operator: %s", word, p)
		}
	}
}

func judgeConfig(t *testing.T, c *Config) {
	if len(c.Zones) == 0 || len(c.Listen.DNS) == 0 || c.State == "" || c.Listen.Control == "" {
		t.Errorf("incomplete: %+v", c)
	}
	if d := c.DNS; d.MaxUDP < 512 || d.MaxUDP > 4096 || len(d.Identity) > 128 || len(d.Version) > 128 || d.RateLimit.Rate < 0 || d.RateLimit.Rate > 0 && (d.RateLimit.IPv4Prefix < 1 || d.RateLimit.IPv6Prefix < 1) {
		t.Errorf("out of bounds: %+v", d)
	}
	if tls := c.Listen.TLS; tls != nil && (len(tls.Addresses) == 0 || tls.Certificate == "" || tls.Key == "") {
		t.Errorf("incomplete: %+v", tls)
	}
	ids := map[string]bool{}
	for _, check := range c.Checks {
		if ids[check.ID] || check.Timeout >= check.Interval || check.Recheck > check.Interval || check.Fall < 1 || check.Rise < 1 {
			t.Errorf("check can't run: %+v", check)
		}
		ids[check.ID] = true
	}
	if n := len(c.Canaries.Checks); n > 0 && (c.Canaries.Fail < 1 || c.Canaries.Fail > n) {
		t.Errorf("%d of %d canaries must fail", c.Canaries.Fail, n)
	}
	for _, s := range c.Services {
		if s.Name == "" || len(s.Records) == 0 || len(s.Targets) == 0 || s.MinTTL < 1 || s.MaxTTL < s.MinTTL || s.AllDown == "" {
			t.Errorf("incomplete: %+v", s)
		}
		for _, target := range s.Targets {
			if target.Need < 1 || target.Need > len(target.Addresses) {
				t.Errorf("target %s can't be up: needs %d of %d", target.Name, target.Need, len(target.Addresses))
			}
			for _, a := range target.Addresses {
				if n := len(a.Checks); n > 0 && (a.Need < 1 || a.Need > n) {
					t.Errorf("address %s can't be up: needs %d of %d", a.IP, a.Need, n)
				}
			}
		}
	}
}
