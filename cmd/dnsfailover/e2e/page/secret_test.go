package page

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestTheSecretOfStaffStaysHere: neither the access log, in any format, nor the primary learns of a link, right or wrong, however it is spelled,
// asked for or referred to. The primary is open to all, so that nothing but the path keeps it back.
func TestTheSecretOfStaffStaysHere(t *testing.T) {
	t.Parallel()
	const secret = "correct-horse-battery-staple-0123456789"
	const link, encoded = "/.well-known/dnsfailover/staff/" + secret, "/%2ewell-known/dnsfailover/%73taff/" + secret
	for _, format := range []string{"combined", "json"} {
		var leaked atomic.Pointer[string]
		site := origin(t, func(_ http.ResponseWriter, r *http.Request) {
			if text := fmt.Sprint(r.RequestURI, r.Header); strings.Contains(text, secret[:30]) {
				leaked.Store(&text)
			}
		})
		host := func(name, more string) string {
			return "{names: [" + name + ".example.com], primary: {addresses: [\"" + site + "\"]}" + more + "}"
		}
		h := begin(t, listen+"access_log: {file: access.log, format: "+format+"}\nstaff: {networks: [127.66.0.0/16], secret: secret}\nhosts: ["+
			host("open", ", normally: primary")+", "+host("ruled", ", paths: [{path: /, proxy: {addresses: [\""+site+"\"]}}]")+", "+host("closed", "")+"]",
			map[string]string{"secret": secret})
		asked := 0
		for _, name := range []string{"open", "ruled", "closed"} {
			ask := func(status, path string, args ...string) {
				t.Helper()
				asked++
				r := curl(t, append(args, "-H", "Host: "+name+".example.com", "http://"+h.http+path)...)
				if status != "" && r.status != status || status == "503" && r.header.Get("Dnsfailover-Page") != "notice" {
					t.Errorf("%s %s %q gets %s %v", name, path, args, r.status, r.header)
				}
			}
			ask("303", link)
			ask("", encoded) // a link or not
			ask("503", link+"x")
			ask("503", encoded+"x")
			ask("503", link, "-I")
			ask("503", link, "-d", "x")
			ask("503", link+"x", "--interface", "127.66.0.1")
			from := "Referer: https://www.example.com" + link
			if name == "closed" {
				ask("503", "/", "-H", from)
				ask("503", "/", "-H", from, "-d", "x")
			} else {
				ask("200", "/", "-H", from)
			}
		}
		var text []byte
		eventually(t, "all requests are in the access log", func() bool {
			text, _ = os.ReadFile(filepath.Join(h.dir, "access.log"))
			return strings.Count(string(text), "\n") == asked
		})
		if strings.Contains(string(text), secret[:30]) || !strings.Contains(string(text), "/.well-known/dnsfailover/staff/***") {
			t.Errorf("the access log has the secret:\n%s", text)
		}
		if strings.Contains(h.String(), secret[:30]) {
			t.Error("the log has the secret")
		}
		if at := leaked.Load(); at != nil {
			t.Errorf("the primary has seen the secret: %s", *at)
		}
	}
}
