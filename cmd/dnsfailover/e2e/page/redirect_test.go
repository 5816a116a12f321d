package page

import (
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheRedirectLeadsToTheListener whose port was picked when it was opened: of several, to the one at the address that the client has come in by.
func TestTheRedirectLeadsToTheListener(t *testing.T) {
	t.Parallel()
	h := &host{t: t, dir: t.TempDir()}
	certify(t, h.dir, "www.example.com", 1)
	write(t, h.dir, "page.yaml", `listen: {http: ["127.0.0.1:0", "127.77.0.1:0", "127.77.0.2:0"], https: ["127.0.0.1:0", "127.77.0.1:0"], admin: "off"}
state: state
redirect: true
certificates: [{certificate: www.example.com.pem, key: www.example.com.key}]
hosts: [{names: [www.example.com]}]
`)
	h.run(h.command("page", "--config", "page.yaml"))
	found := regexp.MustCompile(`http="\[(\S+) (\S+) (\S+)\]" https="\[(\S+) (\S+)\]"`).FindStringSubmatch(h.String())
	if found == nil {
		t.Fatalf("where it listens isn't in\n%s", h)
	}
	for from, to := range map[string]string{found[1]: found[4], found[2]: found[5], found[3]: found[4]} {
		r := curl(t, "-H", "Host: www.example.com:"+from[strings.LastIndexByte(from, ':')+1:], "http://"+from+"/a%2Fb?c=d&e")
		location, err := url.Parse(r.header.Get("Location"))
		if err != nil || r.status != "307" || location.Scheme != "https" || location.Hostname() != "www.example.com" || location.RequestURI() != "/a%2Fb?c=d&e" {
			t.Errorf("at %s: %s %v", from, r.status, r.header)
			continue
		}
		if _, port, _ := strings.Cut(to, ":"); location.Port() != port {
			t.Errorf("at %s it leads to port %s, not to %s", from, location.Port(), to)
		}
		if r := curl(t, "-0", "-H", "Host:", "http://"+from+"/a"); r.status != "503" || r.header.Get("Location") != "" || r.header.Get("Dnsfailover-Page") != "notice" {
			t.Errorf("at %s, without a name to lead to: %s %v", from, r.status, r.header)
		}
		r = curl(t, "--cacert", filepath.Join(h.dir, "www.example.com.pem"), "--connect-to", "::"+to, location.String())
		if r.status != "503" || r.header.Get("Dnsfailover-Page") != "notice" {
			t.Errorf("where it leads: %+v", r)
		}
	}
}
