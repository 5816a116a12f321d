package page

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// TestAllAddresses starts it without listen in a network of its own: it answers on port 80, over IPv4 and IPv6.
func TestAllAddresses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "page.yaml", "listen: {admin: \"off\"}\nstate: state\n")
	cmd := exec.Command(process.Find(t, "unshare", "util-linux"), "--net", "sh", "-c", `ip link set lo up
"$0" page --config page.yaml & host=$!
for address in 127.0.0.1 '[::1]'; do
  curl -s -o page --retry 100 --retry-connrefused --retry-delay 0 --retry-max-time 20 -w "$address %{http_code}\n" "http://$address/"
done
kill $host; wait $host`, binary)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "127.0.0.1 503\n") || !strings.Contains(string(out), "[::1] 503\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestWhatKeepsItFromStarting is said in one sentence each.
func TestWhatKeepsItFromStarting(t *testing.T) {
	t.Parallel()
	first := begin(t, listen, nil)
	unprivileged := []string{process.Find(t, "unshare", "util-linux"), "--net", process.Find(t, "setpriv", "util-linux"), "--bounding-set=-net_bind_service"}
	for name, c := range map[string]struct {
		config, want string
		with         []string
	}{
		"another program": {
			config: fmt.Sprintf("listen: {http: [%q], admin: \"off\"}\nstate: state\n", first.http),
			want:   "listen.http " + first.http + " is in use by another program: stop it, or name another address",
		},
		"a second instance": {
			config: fmt.Sprintf("listen: {http: [\"127.0.0.1:0\"], admin: \"off\"}\nstate: %q\n", filepath.Join(first.dir, "state")),
			want:   "another server answers on it: stop that one",
		},
		"the admin address": {
			config: fmt.Sprintf("listen: {http: [\"127.0.0.1:0\"], admin: %q}\nstate: state\n", first.admin),
			want:   "listen.admin " + first.admin + " is in use by another program",
		},
		"another host's address": {
			config: "listen: {http: [\"192.0.2.1:8080\"], admin: \"off\"}\nstate: state\n",
			want:   "listen.http 192.0.2.1:8080 is no address of this host",
		},
		"no capability": {
			config: "listen: {http: [\"127.0.0.1:81\"], admin: \"off\"}\nstate: state\n",
			want:   "listen.http 127.0.0.1:81 needs the capability CAP_NET_BIND_SERVICE",
			with:   unprivileged,
		},
		"the state directory": {
			config: "listen: {http: [\"127.0.0.1:0\"], admin: \"off\"}\nstate: page.yaml/state\n",
			want:   "state: mkdir",
		},
		"the access log": {
			config: "listen: {http: [\"127.0.0.1:0\"], admin: \"off\"}\nstate: state\naccess_log: {file: nowhere/access.log}\n",
			want:   "nowhere/access.log: no such file or directory",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &host{t: t, dir: t.TempDir()}
			write(t, h.dir, "page.yaml", c.config)
			args := append(append([]string{}, c.with...), binary, "page", "--config", "page.yaml")
			cmd := exec.Command(args[0], args[1:]...)
			cmd.Dir = h.dir
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.HasPrefix(string(out), "dnsfailover: ") || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), c.want) {
				t.Errorf("%v, %s, not %q", err, out, c.want)
			}
		})
	}
}

// TestASocketThatIsNotTCP is refused if systemd hands it over.
func TestASocketThatIsNotTCP(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "u.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	write(t, dir, "page.yaml", "listen: {admin: \"off\"}\nstate: state\n")
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" page --config page.yaml`, binary)
	cmd.Dir, cmd.ExtraFiles = dir, []*os.File{file}
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "u.sock, which is no address for TCP") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestFewFiles lets it have 200 files, and opens 400 connections that begin a head and no more: honest clients are answered.
func TestFewFiles(t *testing.T) {
	t.Parallel()
	h := &host{t: t, dir: t.TempDir()}
	write(t, h.dir, "page.yaml", listen+"limits: {idle: 1m}\n")
	cmd := exec.Command("sh", "-c", `ulimit -n 200; exec "$0" page --config page.yaml`, binary)
	cmd.Dir = h.dir
	h.run(cmd)
	if !strings.Contains(h.String(), `"lowered to"=100`) {
		t.Error("nothing is said of the files")
	}
	for i := range 400 {
		_, _ = io.WriteString(dial(t, h.http, fmt.Sprintf("127.97.0.%d", 1+i%100)), "G")
		if i%40 != 0 {
			continue
		}
		if r := curl(t, "http://"+h.http+"/"); r.status != "503" {
			t.Errorf("after %d connections, a client gets %s", i, r.status)
		}
	}
	for lines := bufio.NewScanner(strings.NewReader(h.String())); lines.Scan(); {
		if strings.Contains(lines.Text(), "too many open files") {
			t.Error(lines.Text())
		}
	}
}
