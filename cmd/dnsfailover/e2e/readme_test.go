package e2e

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var (
	fence    = regexp.MustCompile("(?ms)^ *```(\\w+)\n(.*?)^ *```")
	fileName = regexp.MustCompile(`^(?:[#;]|<!--) (\S+)(?: -->)?\n`)
)

// TestReadme runs every command of the README in order, with its files, as a new user would: on
// port 53 of a network of its own, in which the README's addresses are local.
func TestReadme(t *testing.T) {
	needRoot(t)
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script := &strings.Builder{}
	script.WriteString(readmeStage)
	commands, files, units := 0, []string{}, 0
	for _, block := range fence.FindAllStringSubmatch(string(text), -1) {
		switch kind, body := block[1], block[2]; kind {
		case "yaml", "zone", "html":
			name := fileName.FindStringSubmatch(body)
			if name == nil {
				t.Fatalf("a %s block without its name in the first line:\n%s", kind, body)
			}
			write(name[1], body)
			files = append(files, name[1])
		case "console":
			for line := range strings.Lines(body) {
				if command, ok := strings.CutPrefix(line, "$ "); ok {
					commands++
					script.WriteString(readmeCommand(strings.TrimSpace(command), root))
				}
			}
		case "sh": // what runs on another host
		case "ini":
			units++
			const exec = "/usr/local/bin/dnsfailover "
			if !strings.Contains(body, "ExecStart="+exec+"serve --config ") || !strings.Contains(body, "ExecReload="+exec+"reload\n") {
				t.Errorf("the unit starts something else:\n%s", body)
			}
		default:
			t.Errorf("a block of kind %q that no test reads:\n%s", kind, body)
		}
	}
	if commands < 15 || len(files) < 3 || units != 1 {
		t.Fatalf("found only %d commands, the files %v and %d units", commands, files, units)
	}
	write("deploy.token", "0123456789abcdef0123456789abcdef\n")
	write("pager.token", "0123456789abcdef0123456789abcdef-pager\n")
	write("probe.password", "correct horse battery staple\n")
	write("probe.token", "probe-0123456789abcdef\n")
	write("nat.token", "nat-0123456789abcdef\n")
	write("ca.pem", newAuthority(t).pem)
	write("cookies.txt", "0123456789abcdef0123456789abcdef\n")
	writeCertificate(t, dir)
	script.WriteString("dnsfailover validate --config full.yaml\ndnsfailover validate --config checks.yaml\n")
	write("script", script.String())

	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "bash", "script")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+os.Getenv("HOME"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%d commands:\n%s", commands, out)
	for _, want := range []string{
		"detected within 20.3s, every cache follows within 1m15.1s",
		"IN\tA\t203.0.113.10\n",
		"now reboot the primary",
		`"override":{"target":"backup",`,
		`"author":"deploy"`,
		"Voraussichtlich wieder da: 2100-01-01 06:00 UTC",
		`"status": 503`,
		"www.example.com: notice (stopped by root)",
		"page-full.yaml is good",
		"https://www.example.com/.well-known/dnsfailover/staff/",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("nowhere in the output: %s", want)
		}
	}
}

// readmeStage makes the README's addresses local, serves pages on them, and gives the state directory a place.
const readmeStage = `set -euo pipefail
ip link set lo up
for a in 203.0.113.10 198.51.100.20; do ip addr add $a/32 dev lo; done
mkdir -p www && echo ok > www/healthz
mount -t tmpfs none /var/lib
for a in 203.0.113.10 198.51.100.20; do python3 -m http.server --bind $a --directory www 80 >/dev/null 2>&1 & done
`

// readmeCommand returns the shell lines that show and run one command of the README.
func readmeCommand(command, root string) string {
	show := "printf '\\n$ %s\\n' '" + strings.ReplaceAll(command, "'", `'\''`) + "'\n"
	switch {
	case strings.HasPrefix(command, "go "):
		return show + "(cd " + root + " && " + command + ")\n"
	case strings.HasSuffix(command, "&"): // a server: the next command needs it
		socket := "/var/lib/dnsfailover/control.sock"
		if strings.Contains(command, "local.yaml") {
			socket = "state/control.sock"
		}
		if strings.HasPrefix(command, "dnsfailover page ") {
			socket = "page-state/page.sock"
		}
		return show + command + "\nfor i in $(seq 300); do [ -S " + socket + " ] && break; sleep 0.1; done\n"
	case command == "kill $!": // the next server needs its admin address
		return show + command + "\nwait $!\n"
	}
	return show + command + "\n"
}

// needRoot skips the test where it can't make a network or mount of its own; in CI that is a failure.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "needs root, for namespaces and mounts of its own")
	}
}

// writeCertificate writes the pair of files that listen.tls names.
func writeCertificate(t *testing.T, dir string) {
	t.Helper()
	certificate := newAuthority(t).issue(t, "ns1.example.com", time.Now().Add(time.Hour))
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: certificate.Certificate[0]},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
