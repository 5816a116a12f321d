package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEveryKeyWithEveryKind writes each key of a check that not all kinds have beside each kind, and compares with this table. What has a meaning must
// be taken, and what has none refused with a sentence that says so.
func TestEveryKeyWithEveryKind(t *testing.T) {
	kinds := map[string]string{
		"http": `http: "http://www.example.com/"`, "https": `http: "https://www.example.com/"`, "page": `page: "http://www.example.com/"`, "pages": `page: "https://www.example.com/"`,
		"grpc": `grpc: "http://www.example.com/"`, "grpcs": `grpc: "https://www.example.com/"`, "tcp": `tcp: ":25"`, "tls": `tls: "www.example.com:993"`, "icmp": `icmp: echo`,
		"dns": `dns: {name: example.com}`, "exec": `exec: [/bin/true]`, "file": `file: /run/health`, "push": `push: {file: push.token}`,
	}
	keys := map[string]struct{ value, kinds string }{
		"status":           {`[200]`, "http https"},
		"maintenance":      {`ignore`, "http https page pages"},
		"body":             {`ok`, "http https page pages"},
		"body_not":         {`bad`, "http https page pages"},
		"body_matches":     {`o+`, "http https page pages"},
		"json":             {`{$.up: true}`, "http https page pages"},
		"max_body":         {`1KiB`, "http https page pages"},
		"method":           {`POST`, "http https page pages"},
		"http_version":     {`"1.1"`, "http https page pages"},
		"redirects":        {`same-host`, "http https"},
		"basic":            {`{user: probe, file: probe.password}`, "http https page pages"},
		"headers":          {`{A: b}`, "http https page pages grpc grpcs"},
		"bearer":           {`probe.token`, "http https page pages grpc grpcs"},
		"ca":               {`ca.pem`, "https pages grpcs tls"},
		"client":           {`{certificate: cert.pem, key: key.pem}`, "https pages grpcs tls"},
		"min_tls":          {`"1.3"`, "https pages grpcs tls"},
		"days_left":        {`{warn: 7}`, "https pages grpcs tls"},
		"alpn":             {`[imap]`, "tls"},
		"send":             {`hello`, "http https page pages tcp tls"},
		"expect":           {`up`, "tcp tls file"},
		"max_age":          {`1m`, "file push"},
		"at":               {`[127.0.0.2]`, "http https page pages grpc grpcs tcp tls icmp dns exec"},
		"allow_link_local": {`true`, "http https page pages grpc grpcs tcp tls icmp dns"},
		"source":           {`127.0.0.1`, "http https page pages grpc grpcs tcp tls dns"},
	}
	if got, want := slices.Sorted(maps.Keys(keys)), slices.Sorted(maps.Keys(meaning)); !slices.Equal(got, want) {
		t.Fatalf("the table has %v, the rules %v", got, want)
	}
	source, err := filepath.Abs(filepath.Join(testdata, "good"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(installed(t, source), "keys.yaml")
	for key, k := range keys {
		for kind, written := range kinds {
			if (kind == "file" || kind == "push") && key != "max_age" {
				written += ", max_age: 1m"
			}
			c, problems := Parse(file, fmt.Appendf(nil, `zones: [{name: example.com, file: example.com.zone}]
services: [{name: web, records: [www.example.com], targets: [{name: a, addresses: [192.0.2.1], check: {%s, %s: %s}}]}]
`, written, key, k.value))
			has := slices.Contains(strings.Fields(k.kinds), kind)
			refused := slices.ContainsFunc(problems, func(p Problem) bool {
				return strings.Contains(p.String(), key+" means nothing to a") || strings.Contains(p.String(), "status is 503 in a page check")
			})
			if has != (c != nil) || has == refused {
				t.Errorf("%s with %s: taken %v, and that should be %v: %v", key, written, c != nil, has, problems)
			}
		}
	}
}
