package checks

import (
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
)

func jsonPath(t testing.TB, text string) JSONPath {
	t.Helper()
	p, err := ParseJSONPath(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

func TestRulesForTheBody(t *testing.T) {
	const document = `{"status": "ok", "db": {"up": true, "lag": 1.50, "replicas": [{"state": "a"}, {"state": "b"}]}, "a b": null, "n": 10000000000000000}`
	rule := func(path string, want any) func(*BodyRules) {
		return func(b *BodyRules) { b.JSON = append(b.JSON, JSONRule{jsonPath(t, path), want}) }
	}
	for _, test := range []struct {
		name, body string
		rule       func(*BodyRules)
		ok         bool
		want       string
	}{
		{"lacks what it must not have", "all is well", func(b *BodyRules) { b.Lacks = "error" }, true, `status 200, body lacks "error"`},
		{"has what it must not have", "an error", func(b *BodyRules) { b.Lacks = "error" }, false, `body contains "error", which it must not`},
		{
			"has it beyond the bound", strings.Repeat("x", 100) + "error", func(b *BodyRules) { b.Lacks, b.Max = "error", 100 }, true,
			`status 200, body lacks "error"`,
		},
		{
			"matches", "version 2.31", func(b *BodyRules) { b.Matches = []*regexp.Regexp{regexp.MustCompile(`version 2\.\d+`)} }, true,
			`status 200, body matches "version 2\\.\\d+"`,
		},
		{
			"does not match", "version 3.0", func(b *BodyRules) { b.Matches = []*regexp.Regexp{regexp.MustCompile(`version 2\.\d+`)} }, false,
			`body does not match "version 2\\.\\d+" in its first 11 bytes`,
		},
		{
			"all rules together", document, func(b *BodyRules) {
				b.Contains, b.Lacks = "status", "error"
				rule("$.status", "ok")(b)
			}, true, `status 200, body contains "status", body lacks "error", $.status is "ok"`,
		},
		{
			"the first rule that fails is told", document, func(b *BodyRules) {
				b.Contains, b.Lacks = "nothing", "status"
			}, false, `body does not contain "nothing" in its first 132 bytes`,
		},
		{"a string", document, rule("$.status", "ok"), true, `status 200, $.status is "ok"`},
		{"another string", document, rule("$.status", "fine"), false, `$.status is "ok", wanted "fine"`},
		{"true", document, rule("$.db.up", true), true, `status 200, $.db.up is true`},
		{"true is no string", document, rule("$.db.up", "true"), false, `$.db.up is true, wanted "true"`},
		{"a number, however it is written", document, rule("$['db'].lag", 1.5), true, `status 200, $['db'].lag is 1.5`},
		{"null", document, rule(`$["a b"]`, nil), true, `status 200, $["a b"] is null`},
		{"an element", document, rule("$.db.replicas[1].state", "b"), true, `status 200, $.db.replicas[1].state is "b"`},
		{"from the end", document, rule("$.db.replicas[-2].state", "a"), true, `status 200, $.db.replicas[-2].state is "a"`},
		{"beyond the end", document, rule("$.db.replicas[2].state", "a"), false, `$.db.replicas[2].state is not in the body, wanted "a"`},
		{"a member of a list", document, rule("$.db.replicas.state", "a"), false, `$.db.replicas.state is not in the body, wanted "a"`},
		{"an element of an object", document, rule("$.db[0]", "a"), false, `$.db[0] is not in the body, wanted "a"`},
		{"an object", document, rule("$.db", "up"), false, `$.db is an object, wanted "up"`},
		{"a list", document, rule("$.db.replicas", nil), false, `$.db.replicas is a list, wanted null`},
		{"the document itself", `"ok"`, rule("$", "ok"), true, `status 200, $ is "ok"`},
		{"a big number", document, rule("$.n", 1e16), true, `status 200, $.n is 10000000000000000`},
		{"a number too big to be one", `{"n": 1e999}`, rule("$.n", 1.0), false, `$.n is 1e999, wanted 1`},
		{"no JSON", "<html>", rule("$.status", "ok"), false, `body is not JSON: invalid character '<' looking for beginning of value`},
		{"an empty body", "", rule("$.status", "ok"), false, `body is not JSON: it ends too early`},
		{"JSON that is cut short", `{"status": "ok"`, rule("$.status", "ok"), false, `body is not JSON: it ends too early`},
		{"more behind it", `{} {}`, rule("$.status", "ok"), false, `body is not JSON: something follows behind it`},
		{"JSON that is nested too deep", strings.Repeat("[", 20000), rule("$[0]", "ok"), false, `body is not JSON: invalid character '[' exceeded max depth`},
		{
			"JSON that is too long", document, func(b *BodyRules) {
				rule("$.status", "ok")(b)
				b.Max = 100
			}, false, "body is longer than 100 bytes: that much is read as JSON at most",
		},
		{
			"more may be looked at", strings.Repeat("x", 2*maxBody) + "ok", func(b *BodyRules) { b.Contains, b.Max = "ok", 3*maxBody }, true,
			`status 200, body contains "ok"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			addr := serve(t, "127.0.0.1", says(answer("200 OK", "", test.body)))
			r := probe(t, nowhere, addr, patience, func(p *HTTPProbe) { test.rule(&p.Body) })
			if r.OK != test.ok || r.Reason != test.want {
				t.Errorf("got %v, %q\nwant %v, %q", r.OK, r.Reason, test.ok, test.want)
			}
		})
	}
}

// Fault 29: a body that never ends is read up to the bound, and judged by it.
func TestAFloodIsReadUpToTheBound(t *testing.T) {
	sent := make(chan int64, 1)
	addr := serve(t, "127.0.0.1", func(conn net.Conn) {
		readRequest(conn)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
		n, chunk := int64(0), make([]byte, 64<<10)
		for n < 1<<30 {
			m, err := conn.Write(chunk)
			n += int64(m)
			if err != nil {
				break
			}
		}
		sent <- n
	})
	r := probe(t, nowhere, addr, patience, func(p *HTTPProbe) { p.Body.Lacks = "error" })
	if !r.OK || r.Reason != `status 200, body lacks "error"` {
		t.Errorf("%+v", r)
	}
	if n := <-sent; n > 64<<20 { // what buffers of the kernel take
		t.Errorf("the server got rid of %d bytes", n)
	}
}

func TestPathsThatLeadNowhere(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "a path begins with $, as in $.status",
		"status":                 "a path begins with $, as in $.status",
		"$status":                `"status" must begin with a dot or a bracket`,
		"$.":                     `"" is no name that can follow a dot: write it as ["…"]`,
		"$..a":                   `"" is no name that can follow a dot: write it as ["…"]`,
		"$.*":                    `"*" is no name that can follow a dot: write it as ["…"]`,
		"$.a-b":                  `"a-b" is no name that can follow a dot: write it as ["…"]`,
		"$.0a":                   `"0a" is no name that can follow a dot: write it as ["…"]`,
		"$[":                     "[ is neither a number nor a name in quotes: a path leads to one value",
		"$[*]":                   "[*] is neither a number nor a name in quotes: a path leads to one value",
		"$[01]":                  "[01] is neither a number nor a name in quotes: a path leads to one value",
		"$[1:2]":                 "[1:2] is neither a number nor a name in quotes: a path leads to one value",
		"$[?@.a]":                "[?@.a] is neither a number nor a name in quotes: a path leads to one value",
		"$['a":                   `['a has no closing '], or a backslash in it`,
		`$["a\"b"]`:              `["a\"b"] has no closing "], or a backslash in it`,
		"$.a[0]b":                `"b" must begin with a dot or a bracket`,
		"$[9999999999999999999]": "[9999999999999999999] is neither a number nor a name in quotes: a path leads to one value",
	} {
		if _, err := ParseJSONPath(text); err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
}

// FuzzJSONPath reads any path, and follows it through any document.
func FuzzJSONPath(f *testing.F) {
	f.Add("$.a[0]['b']", `{"a": [{"b": 1}]}`)
	f.Add("$[-1]", "[1, 2]")
	f.Add("$", "null")
	f.Fuzz(func(t *testing.T, path, document string) {
		p, err := ParseJSONPath(path)
		if err != nil {
			return
		}
		if again, err := ParseJSONPath(p.String()); err != nil || len(again.steps) != len(p.steps) {
			t.Errorf("%q was read, and its own text isn't: %v", path, err)
		}
		value, err := parseJSON([]byte(document))
		if err != nil {
			return
		}
		rule := JSONRule{Path: p, Want: "x"}
		if says, ok := rule.judge(value); says == "" || ok != (says == path+` is "x"`) {
			t.Errorf("%q in %q: %v, %q", path, document, ok, says)
		}
	})
}
