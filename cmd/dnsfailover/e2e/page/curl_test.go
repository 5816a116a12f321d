package page

import (
	"bufio"
	"net/http"
	"net/textproto"
	"os/exec"
	"strings"
	"testing"

	"dnsfailover/cmd/dnsfailover/e2e/process"
)

// reply is what curl has received.
type reply struct {
	proto  string // HTTP/1.1 or HTTP/2
	status string
	header http.Header
	body   string
}

// curl asks with the real one; a request that fails ends the test.
func curl(t testing.TB, args ...string) reply {
	t.Helper()
	r, err := tryCurl(t, args...)
	if err != nil {
		t.Fatalf("curl %q: %v", args, err)
	}
	return r
}

func tryCurl(t testing.TB, args ...string) (reply, error) {
	t.Helper()
	out, err := exec.Command(process.Find(t, "curl", "curl"), append([]string{"-sS", "-i", "--max-time", "30", "--path-as-is", "-A", "curl"}, args...)...).Output()
	if err != nil {
		return reply{}, err
	}
	head, body, _ := strings.Cut(string(out), "\r\n\r\n")
	for strings.HasPrefix(head, "HTTP/1.1 100") { // it was told to go on with the body
		head, body, _ = strings.Cut(body, "\r\n\r\n")
	}
	line, fields, _ := strings.Cut(head, "\r\n")
	words := strings.SplitN(line, " ", 3)
	if len(words) < 2 {
		t.Fatalf("curl %q: %q", args, out)
	}
	header, _ := textproto.NewReader(bufio.NewReader(strings.NewReader(fields + "\r\n\r\n"))).ReadMIMEHeader()
	return reply{words[0], words[1], http.Header(header), body}, nil
}
