package config

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const pageTestdata = "../../testdata/page"

// TestEveryBadPageFileGetsExactlyItsSentences walks the bad files of page hosts, one for each rule.
func TestEveryBadPageFileGetsExactlyItsSentences(t *testing.T) {
	walkFiles(t, pageTestdata+"/bad", func(file string) []Problem {
		p, problems := LoadPage(file)
		if p != nil || len(problems) == 0 {
			t.Error("a bad file was accepted")
		}
		return problems
	})
}

func TestDoubtfulPageFilesAreAcceptedWithAWarning(t *testing.T) {
	walkFiles(t, pageTestdata+"/warn", func(file string) []Problem {
		p, problems := LoadPage(file)
		if p == nil {
			return problems
		}
		return p.Warnings
	})
}

func TestWhatAPageFileLeavesOutIsFilledIn(t *testing.T) {
	p, problems := ParsePage("page.yaml", []byte("redirect: false\n"))
	if p == nil {
		t.Fatal(problems)
	}
	if len(p.Hosts) != 1 || len(p.Hosts[0].Names) != 0 || len(p.Hosts[0].Design.Languages) < 8 || p.Hosts[0].RetryAfter != 2*time.Minute {
		t.Errorf("hosts: %+v", p.Hosts)
	}
	if len(p.HTTP) != 2 || p.HTTP[0] != netip.MustParseAddrPort("0.0.0.0:80") || p.Admin.Port() != 8054 || p.Control != "/var/lib/dnsfailover/page.sock" {
		t.Errorf("listens at %v, %v, %s", p.HTTP, p.Admin, p.Control)
	}
	if p.Limits != (PageLimits{Conns: 20000, PerClient: 200, Head: 10 * time.Second, Idle: 5 * time.Second, Body: time.Minute}) {
		t.Errorf("limits: %+v", p.Limits)
	}
}

func TestEveryKeyOfAPageFileArrives(t *testing.T) {
	source, err := filepath.Abs(filepath.Join(pageTestdata, "good"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(installed(t, source))
	p, problems := LoadPage("full.yaml")
	if p == nil {
		t.Fatal(problems)
	}
	if !p.Redirect || p.HSTS != "max-age=31536000" || len(p.Certificates) != 1 || p.Source.URL.Host != "192.0.2.53:8053" || p.Source.Token != "0123456789abcdefghij" ||
		p.Log == nil || !p.Log.JSON || string(p.Staff.Secret) != "0123456789abcdefghijklmnop" || p.Staff.For != time.Hour || len(p.Staff.Networks) != 1 {
		t.Errorf("%+v", p)
	}
	h := p.Hosts[0]
	if diff := cmp.Diff([]string{"www.example.com", "*.shop.example.com"}, h.Names); diff != "" {
		t.Error(diff)
	}
	if h.Service != "web" || h.File != "maintenance" || h.RetryAfter != time.Minute || !h.Open || !h.Primary.TLS || h.Primary.Roots == nil ||
		h.Hold != (PageHold{For: 20 * time.Second, Max: 500, PerClient: 50, Bytes: 1 << 20}) || !h.Planned.Planned || h.Planned.Reason != "new disks" {
		t.Errorf("%+v", h)
	}
	if len(h.Paths) != 3 || h.Paths[0].Prefix != "/downloads/" || h.Paths[1].Proxy == nil || h.Paths[1].Proxy.TLS || h.Paths[2].Prefix != "/x" {
		t.Errorf("paths: %+v", h.Paths)
	}
	d := h.Design
	if d.Site != "Example" || d.Accent != "#123456" || d.AccentDark != "#abc" || d.Contact != "tel:+4912345" || !strings.HasPrefix(string(d.Logo), "data:image/svg+xml;base64,") ||
		d.Template == nil || d.Policy != "default-src 'self'" {
		t.Errorf("design: %+v", d)
	}
	if d.Languages[0].Tag != "de" || d.Languages[0].Planned.Title != "Gleich zurück" || d.Languages[0].Again == "" {
		t.Errorf("the first language: %+v", d.Languages[0])
	}
}

func TestListenPageIsAPageHost(t *testing.T) {
	c, problems := Parse("x.yaml", []byte(`listen: {page: {http: ["127.0.0.1:0"], hosts: [{names: [www.example.com], site: Example}]}}
state: /srv/state
zones: [{name: example.com, file: example.com.zone}]
`))
	if c == nil {
		t.Fatal(problems)
	}
	p := c.Listen.Page
	if p == nil || p.Hosts[0].Design.Site != "Example" || p.Control != "/srv/state/page.sock" || p.State != "/srv/state" || p.Admin.IsValid() {
		t.Errorf("%+v", p)
	}
}

func FuzzLoadPage(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(pageTestdata, "*/*.yaml"))
	if err != nil || len(files) < 20 {
		f.Fatalf("found %d files to begin with: %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Contains(data, []byte("template")) || bytes.Contains(data, []byte("/")) {
			return // files of this machine are none of the fuzzer's
		}
		p, problems := ParsePage("fuzz.yaml", data)
		if (p == nil) != (len(problems) > 0) {
			t.Fatalf("configuration %v with problems %v", p, problems)
		}
		for _, problem := range problems {
			judgeProblem(t, problem, data)
		}
		if p != nil && (len(p.Hosts) == 0 || p.Limits.Conns < 10 || p.Limits.Head <= 0 || len(p.Hosts[len(p.Hosts)-1].Design.Languages) == 0) {
			t.Errorf("incomplete: %+v", p)
		}
	})
}
