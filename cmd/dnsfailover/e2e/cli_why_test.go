package e2e

import (
	"strings"
	"testing"
)

// TestWhyExplainsEveryKindOfAnswer asks for what is given, and for what isn't.
func TestWhyExplainsEveryKindOfAnswer(t *testing.T) {
	t.Parallel()
	primary, backup := newSite(t), newSite(t)
	s := newServer(t, quick+web(plain, primary, backup), "out CNAME www.example.org.\nsub NS ns.sub\nns.sub A 192.0.2.7\n*.wild A 192.0.2.9\n").start()
	for question, want := range map[string]string{
		"ns1.example.test": `ns1\.example\.test\. A: NOERROR
  ns1\.example\.test\. 300 IN A 192\.0\.2\.53

  zone        example\.test\.
> 1\. zone     zone example\.test\. \(serial 1\) answers
  2\. service  ns1\.example\.test\. belongs to no service: it is answered as the zone file says
`,
		"out.example.test": `out\.example\.test\. A: NOERROR
  out\.example\.test\. 300 IN CNAME www\.example\.org\.

  zone        example\.test\.
> 1\. zone     zone example\.test\. \(serial 1\) answers
> 2\. alias    out\.example\.test\. is an alias of www\.example\.org\.
  3\. service  www\.example\.org\. lies in none of our zones: a resolver asks elsewhere for it
`,
		"a.sub.example.test": `a\.sub\.example\.test\. A: NOERROR
  authority: sub\.example\.test\. 300 IN NS ns\.sub\.example\.test\.

  zone     example\.test\.
> 1\. zone  zone example\.test\. delegates the name away: sub\.example\.test\. lies on ns\.sub\.example\.test\.
`,
		"ns1.example.test MX": `ns1\.example\.test\. MX: NOERROR
  authority: example\.test\. 5 IN SOA ns1\.example\.test\. hostmaster\.example\.test\. 1 7200 900 1209600 5

  zone     example\.test\.
> 1\. zone  zone example\.test\. has the name, but nothing of this type
`,
		"nothing.example.test": `nothing\.example\.test\. A: NXDOMAIN
  authority: example\.test\. 5 IN SOA ns1\.example\.test\. hostmaster\.example\.test\. 1 7200 900 1209600 5

  zone     example\.test\.
> 1\. zone  zone example\.test\. has neither the name nor a wildcard for it
`,
		"example.test AXFR": `example\.test\. AXFR: REFUSED

  zone     example\.test\.
> 1\. zone  zone example\.test\. is not given away: transfers are refused
`,
		"example.org":        `example\.org\. A: REFUSED\n\n  1\. zone  the name lies in none of our zones\n`,
		"example.test TYPE0": `example\.test\. TYPE0: FORMERR\n\n> 1\. question  TYPE0 is no type that can be asked for\n`,
	} {
		matches(t, s.must(strings.Fields("why "+question)...), want)
	}
}
