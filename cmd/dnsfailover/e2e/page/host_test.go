package page

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// host is a running page host in a directory of its own.
type host struct {
	*process.Process
	t           testing.TB
	dir         string
	http, https string // the first listener of each, as host:port
	admin       string
}

// listen begins most configurations. Port 0 picks one.
const listen = "listen: {http: [\"127.0.0.1:0\"], admin: \"127.0.0.1:0\"}\nstate: state\n"

var listening = regexp.MustCompile(`msg=listening http="?\[([^] ]*)[^]]*\]"? https="?\[([^] ]*)[^]]*\]"? admin=(\S+)`)

// begin runs a page host with a configuration, beside which files lie, until the test ends; it listens when begin returns.
func begin(t testing.TB, config string, files map[string]string) *host {
	t.Helper()
	h := &host{t: t, dir: t.TempDir()}
	for name, text := range files {
		write(t, h.dir, name, text)
	}
	write(t, h.dir, "page.yaml", config)
	h.run(h.command("page", "--config", "page.yaml"))
	return h
}

func (h *host) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Dir = h.dir
	return cmd
}

// run starts the page host and waits until it listens.
func (h *host) run(cmd *exec.Cmd) {
	h.t.Helper()
	h.Process = process.Start(h.t, "the page host", cmd)
	var found []string
	eventually(h.t, "the page host listens", func() bool {
		found = listening.FindStringSubmatch(h.String())
		return found != nil || h.Ended()
	})
	if found == nil {
		h.t.Fatalf("the page host ended:\n%s", h)
	}
	h.http, h.https, h.admin = found[1], found[2], found[3]
}

// reload gives the page host another configuration.
func (h *host) reload(config string) {
	h.t.Helper()
	write(h.t, h.dir, "page.yaml", config)
	before := strings.Count(h.String(), "msg=reloaded")
	if err := h.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
		h.t.Fatal(err)
	}
	eventually(h.t, "the page host has reloaded", func() bool { return strings.Count(h.String(), "msg=reloaded") > before })
}

// tell runs a command of `dnsfailover page` against the host and returns what it printed.
func (h *host) tell(args ...string) string {
	h.t.Helper()
	args = append(append([]string{"page"}, args...), "--socket", filepath.Join(h.dir, "state", "page.sock"))
	out, err := h.command(args...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("dnsfailover %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// origin is a site; it returns where it listens.
func origin(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}
