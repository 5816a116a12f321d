package page

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// TestAStopOutlivesChangesOfTheConfiguration: names in another order, a restart, and the host's removal, of which status tells until it is forgotten.
func TestAStopOutlivesChangesOfTheConfiguration(t *testing.T) {
	t.Parallel()
	site := origin(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the site") })
	hosts := func(names string) string {
		return listen + "hosts: [{names: [" + names + "], normally: primary, primary: {addresses: [\"" + site + "\"]}}]\n"
	}
	h := begin(t, hosts("www.example.com, example.com"), nil)
	ask := func(name string) string { return curl(t, "-H", "Host: "+name, "http://"+h.http+"/").status }
	if status := ask("example.com"); status != "200" {
		t.Fatalf("open to all, it answers %s", status)
	}
	h.tell("stop", "example.com", "--message", "new disks")
	stopped := func(what string) {
		t.Helper()
		for _, name := range []string{"www.example.com", "example.com"} {
			if status := ask(name); status != "503" {
				t.Errorf("%s: %s answers %s", what, name, status)
			}
		}
	}
	stopped("stopped")
	h.reload(hosts("example.com, www.example.com"))
	stopped("reordered")
	if err := h.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-h.Exit
	h.run(h.command("page", "--config", "page.yaml"))
	stopped("restarted")

	h.reload(hosts("other.example.com"))
	const lost = "but no host has that name any more"
	if out := h.status(); !strings.Contains(out, "problem: www.example.com was told to stop by ") || !strings.Contains(out, lost) {
		t.Errorf("status says\n%s", out)
	}
	if !strings.Contains(h.String(), lost) {
		t.Error("the log doesn't say that an order has no host any more")
	}
	h.reload(hosts("example.com, www.example.com"))
	stopped("given back")
	h.reload(hosts("other.example.com"))
	if out := h.tell("forget", "example.com"); out != "www.example.com: gone (no host has that name)\n" {
		t.Errorf("forget says %q", out)
	}
	if out := h.status(); strings.Contains(out, "problem") {
		t.Errorf("status says\n%s", out)
	}
	h.reload(hosts("example.com, www.example.com"))
	if status := ask("example.com"); status != "200" {
		t.Errorf("forgotten, it answers %s", status)
	}
}
