package page

import (
	"net/http"
	"strings"
	"testing"

	"dnsfailover/dnsfailover/page/staff"
)

func TestStaffSeeTheSite(t *testing.T) {
	const secret = "0123456789abcdef/+0123456789"
	h := runWith(t, map[string]string{"secret": secret}, `staff: {secret: secret, for: 1h}
hosts:
  - {names: [www.example.com], primary: {addresses: ["`+origin(t, nil)+`"]}}
  - {names: [other.example.com], primary: {addresses: ["`+origin(t, nil)+`"]}}
  - {names: [none.example.com]}
`)
	link := staff.Link(secret)
	resp, _ := h.get(link)
	if resp.StatusCode != 303 || len(resp.Cookies()) != 1 {
		t.Fatalf("the link gives %s", resp.Status)
	}
	c := resp.Cookies()[0]
	cookie := c.Name + "=" + c.Value
	want := `primary: GET /x?y for www.example.com, cookie "a=b; c=d", from 127.0.0.1, via 1.1 dnsfailover-page`
	if resp, body := h.get("/x?y", "Cookie", "a=b; "+cookie+"; c=d", "X-Forwarded-For", "198.51.100.1"); resp.StatusCode != 200 || body != want {
		t.Errorf("staff see %s %q", resp.Status, body)
	}
	for what, fields := range map[string][]string{
		"nobody":                 {"/"},
		"a bad cookie":           {"/", "Cookie", cookie[:len(cookie)-2] + "AA"},
		"another site":           {"/", "Cookie", cookie, "Host", "other.example.com"},
		"a bad link":             {link + "x"},
		"no link":                {staff.Path},
		"who has nothing to see": {link, "Host", "none.example.com"},
	} {
		if resp, _ := h.get(fields[0], fields[1:]...); resp.StatusCode != 503 || len(resp.Cookies()) != 0 {
			t.Errorf("%s gets %s", what, resp.Status)
		}
	}
}

func TestStaffAreToldThatThePrimaryFails(t *testing.T) {
	h := run(t, `staff: {networks: [127.0.0.0/8]}
hosts: [{names: [www.example.com], hold: {for: 20s}, primary: {addresses: ["127.0.0.1:1"]}}]
`, nil)
	if resp, body := h.get("/"); resp.StatusCode != 502 || !strings.Contains(body, "because you are staff") || resp.Header.Get("Dnsfailover-Page") == "" {
		t.Errorf("%s %q", resp.Status, body)
	}
}

func TestNetworksOfStaff(t *testing.T) {
	h := run(t, `staff: {networks: [127.0.0.0/8]}
hosts: [{names: [www.example.com], primary: {addresses: ["`+origin(t, nil)+`"]}}]
`, nil)
	if resp, body := h.get("/"); resp.StatusCode != 200 || !strings.HasPrefix(body, "primary:") {
		t.Errorf("%s %q", resp.Status, body)
	}
	for _, value := range []string{"1.1 dnsfailover-page", "2 cache.example, HTTP/1.1  dnsfailover-page (a comment) , 1.0 other"} {
		if resp, _ := h.get("/", "Via", value); resp.StatusCode != http.StatusLoopDetected || resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Dnsfailover-Page") != "loop" {
			t.Errorf("a circle, %q, ends with %s %v", value, resp.Status, resp.Header)
		}
	}
	for _, value := range []string{"1.1 my-dnsfailover-pager.corp", "1.1 dnsfailover-page.example", "1.1 cache (dnsfailover-page)", "dnsfailover-page", ", ,"} {
		if resp, _ := h.get("/", "Via", value); resp.StatusCode != http.StatusOK {
			t.Errorf("%q is taken for a circle: %s", value, resp.Status)
		}
	}
}
