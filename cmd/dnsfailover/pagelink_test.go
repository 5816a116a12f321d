package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnsfailover/dnsfailover/config"
)

// TestStaffLink prints links that work, and says why there can be none.
func TestStaffLink(t *testing.T) {
	const secret = "0123456789abcdefghijkl"
	const tail = "/.well-known/dnsfailover/staff/" + secret
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	const hosts = `staff: {secret: secret}
hosts:
  - {names: [www.example.com, "*.shop.example.com"], primary: {addresses: ["192.0.2.1:80"]}}
  - {names: [x.shop.example.com, "*.example.net"]}
`
	const nameless = hosts + `  - {primary: {addresses: ["192.0.2.1:80"]}}
`
	for _, c := range []struct {
		config, name, want string // the link without its tail, or the error
		doubt              string
	}{
		{"listen: {http: [\"0.0.0.0:80\"]}\n" + hosts, "www.example.com", "http://www.example.com", "everybody on the way can read the secret"},
		{"listen: {http: [\"0.0.0.0:8080\"]}\n" + hosts, "WWW.example.com.", "http://www.example.com:8080", "everybody on the way"},
		{"listen: {http: [\"0.0.0.0:8080\", \"127.0.0.1:80\"]}\n" + hosts, "a.b.shop.example.com", "http://a.b.shop.example.com", "everybody on the way"},
		{"listen: {http: [\"0.0.0.0:0\"]}\n" + hosts, "www.example.com", "http://www.example.com", "port 0 picks one"},
		{"listen: {https: [\"0.0.0.0:443\"]}\n" + hosts, "www.example.com", "https://www.example.com", ""},
		{"listen: {https: [\"127.0.0.1:28443\"]}\n" + hosts, "www.example.com", "https://www.example.com:28443", ""},
		{"listen: {https: [\"0.0.0.0:443\"]}\n" + nameless, "nosuch.example", "https://nosuch.example", ""},
		{"listen: {https: [\"0.0.0.0:443\"]}\n" + nameless, "2001:db8::1", "https://[2001:db8::1]", ""},
		{"listen: {https: [\"0.0.0.0:8443\"]}\n" + nameless, "2001:db8::1", "https://[2001:db8::1]:8443", ""},
		{hosts, "nosuch.example", `no host with a primary has the name "nosuch.example": there are www.example.com, *.shop.example.com`, ""},
		{hosts, "shop.example.com", `no host with a primary has the name "shop.example.com": there are`, ""},
		{hosts, "x.shop.example.com", "the host x.shop.example.com has no primary", ""},
		{nameless, "a.example.net", "the host x.shop.example.com has no primary", ""},
		{nameless, "www.example.com/path", `"www.example.com/path" is no name of a host`, ""},
		{nameless, "a b", `"a b" is no name of a host`, ""},
		{strings.Replace(hosts, "staff: {secret: secret}\n", "", 1), "www.example.com", "has no secret: add staff: {secret: FILE}", ""},
	} {
		text, secure := strings.CutPrefix(c.config, "listen: {https:")
		if secure {
			text = "listen: {http:" + text
		}
		cfg, problems := config.ParsePage(filepath.Join(dir, "page.yaml"), []byte(text))
		if cfg == nil {
			t.Fatal(problems)
		}
		if secure { // certificates are others' matter
			cfg.HTTP, cfg.HTTPS = nil, cfg.HTTP
		}
		link, doubts, err := staffLink(cfg, strings.ToLower(strings.TrimSuffix(c.name, ".")))
		switch {
		case err != nil && !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		case err == nil && link != c.want+tail:
			t.Errorf("%s: %s, want %s", c.name, link, c.want)
		}
		if got := strings.Join(doubts, "; "); !strings.Contains(got, c.doubt) || c.doubt == "" && got != "" {
			t.Errorf("%s: %q is doubtful, want %q", c.name, got, c.doubt)
		}
	}
}

// TestPageIn reads the page host's part of either file.
func TestPageIn(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"page.yaml": "hosts: [{names: [www.example.com]}]\n",
		"dnsfailover.yaml": `listen:
  page:
    http: ["127.0.0.1:8080"]
    hosts: [{names: [www.example.com]}]
zones: [{name: example.com, file: example.com.zone}]
services: [{name: web, records: [www.example.com], targets: [{name: primary, addresses: [192.0.2.1]}]}]
`,
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if cfg, problems := pageIn(file); cfg == nil || cfg.Hosts[0].Names[0] != "www.example.com" {
			t.Errorf("%s: %v", name, problems)
		}
	}
}
