package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dnsfailover/cmd/dnsfailover/e2e/process"
	"dnsfailover/dnsfailover/api"
)

// The tests TestFault… inject the faults of a matrix, by its numbers, into the real binary: with strace, which makes
// system calls fail, wait or kill; with small disks; with limits of the process and of its privileges.

// twoTargets is a service that only an operator moves.
const twoTargets = `services:
  - {name: web, records: [www.example.test], targets: [{name: primary, addresses: [192.0.2.1]}, {name: backup, addresses: [192.0.2.2]}]}
`

// served is what a target of twoTargets is served as.
var served = map[string]string{"primary": "192.0.2.1", "backup": "192.0.2.2"}

// need ends the test where a tool is missing, or strace is not allowed. CI has to have all of them.
func need(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, "%s is not installed: the fault can't be injected without it", tool)
		}
	}
	if slices.Contains(tools, "strace") {
		if out, err := exec.Command("strace", "-f", "-qo", "/dev/null", "true").CombinedOutput(); err != nil {
			missing(t, "strace does not work here: %v: %s", err, out)
		}
	}
}

func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// straced makes the server run under strace from its start.
func (s *server) straced(calls string, faults ...string) *server {
	s.wrap = append([]string{"strace", "-f", "-qo", "/dev/null"}, expressions(calls, faults)...)
	return s
}

// inject makes system calls of the running server fail, from now on until the function that it returns is called.
func (s *server) inject(calls string, faults ...string) (mend func()) {
	s.t.Helper()
	return s.attach(expressions(calls, faults))
}

// injectAt is inject for calls on the file or directory path alone.
func (s *server) injectAt(path, calls string, faults ...string) (mend func()) {
	s.t.Helper()
	return s.attach(append(expressions(calls, faults), "-P", path))
}

func (s *server) attach(options []string) (mend func()) {
	s.t.Helper()
	args := append([]string{"-f", "-o", "/dev/null", "-p", strconv.Itoa(s.Cmd.Process.Pid)}, options...)
	cmd, said, ended := exec.Command("strace", args...), &process.Output{}, make(chan struct{})
	cmd.Stderr = said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	mend = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it detaches
		<-ended
	}
	s.t.Cleanup(mend)
	attached := func() bool { return strings.Contains(said.String(), " attached") }
	s.wait("strace attaches", func() bool {
		select {
		case <-ended:
			return true
		default:
			return attached()
		}
	})
	if !attached() {
		missing(s.t, "strace may not attach to other processes here: %s", said)
	}
	return mend
}

func expressions(calls string, faults []string) (args []string) {
	args = append(args, "-e", "trace="+calls)
	for _, fault := range faults {
		args = append(args, "-e", "inject="+fault)
	}
	return args
}

// disk gives the directory name of the server a small disk of its own.
func (s *server) disk(name, options string) {
	s.t.Helper()
	needRoot(s.t)
	dir := s.path(name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			s.t.Error(err)
		}
	})
}

// fillUp takes all space that is left in the directory name, and returns a function that gives it back.
func (s *server) fillUp(name string) (free func()) {
	s.t.Helper()
	path := filepath.Join(s.path(name), "ballast")
	f, err := os.Create(path)
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		s.t.Fatal(err)
	}
	f.Close()
	return func() {
		s.t.Helper()
		if err := os.Remove(path); err != nil {
			s.t.Fatal(err)
		}
	}
}

// client returns a client that speaks to the server as the commands do.
func (s *server) client() *api.Client {
	client := api.Dial(s.path("control.sock"))
	s.t.Cleanup(client.Close)
	return client
}

// problems returns what status says is amiss.
func (s *server) problems() string {
	s.t.Helper()
	status, err := s.client().Status(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Join(status.Problems, "\n")
}

// get returns what the admin address answers.
func (s *server) get(path string) (code int, body string) {
	s.t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + s.admin + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// metric returns the value of one series.
func (s *server) metric(series string) float64 {
	s.t.Helper()
	_, text := s.get("/metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return v
		}
	}
	s.t.Fatalf("there is no metric %s", series)
	return 0
}

// files returns how many files the server has open.
func (s *server) files() int {
	s.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.Cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	return len(entries)
}

// processor returns the processor time that the server has used.
func (s *server) processor() time.Duration {
	s.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.Cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name may hold blanks; then come state, ppid, …: see proc_pid_stat(5)
	fields, sum := strings.Fields(rest), time.Duration(0)
	for _, field := range fields[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.Atoi(field)
		if err != nil {
			s.t.Fatal(err)
		}
		sum += time.Duration(n) * 10 * time.Millisecond
	}
	return sum
}

// entries returns the names in a directory of the server.
func (s *server) entries(name string) (names []string) {
	s.t.Helper()
	list, err := os.ReadDir(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, entry := range list {
		names = append(names, entry.Name())
	}
	return names
}

// replace puts a file in the place of another in one step.
func (s *server) replace(name, text string) {
	s.t.Helper()
	s.write(name+".draft", text)
	if err := os.Rename(s.path(name+".draft"), s.path(name)); err != nil {
		s.t.Fatal(err)
	}
}

// mentions fails the test unless text contains every one of parts.
func mentions(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s does not mention %q:\n%s", what, part, text)
		}
	}
}

// read returns what is in a file of the server.
func (s *server) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// logs waits until the log contains every one of parts: it comes through a pipe, behind what it tells of.
func (s *server) logs(parts ...string) {
	s.t.Helper()
	for _, part := range parts {
		s.wait("the log mentions "+part, func() bool { return strings.Contains(s.String(), part) })
	}
}
