package front

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// FuzzParse holds what this package rests on: what is taken for plain, net/http reads as the same request, without a body.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /x?y HTTP/1.1\r\nHost: a:80\r\nAccept: */*\r\nCookie: a=b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n",
		"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		end := bytes.Index(data, []byte("\r\n\r\n"))
		if end < 0 {
			return
		}
		head := data[:end+4]
		var r Request
		if !r.parse(head) {
			return
		}
		got, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
		if err != nil {
			if strings.Contains(err.Error(), "invalid URL escape") || strings.Contains(err.Error(), "Host") || strings.Contains(err.Error(), "parse") {
				return // an odd target or host gets the notice here, and 400 there
			}
			t.Fatalf("net/http refuses %q: %v", head, err)
		}
		if (got.Method == "HEAD") != r.Head || got.RequestURI != string(r.Target) || got.Host != string(r.Host) && !strings.Contains(string(r.Target), "//") {
			t.Errorf("%q: %s %s of %s, net/http has %s %s of %s", head, map[bool]string{true: "HEAD", false: "GET"}[r.Head], r.Target, r.Host, got.Method, got.RequestURI, got.Host)
		}
		if got.ContentLength != 0 || len(got.TransferEncoding) > 0 || got.Header.Get("Upgrade") != "" || got.Header.Get("Expect") != "" {
			t.Errorf("%q has a body or more", head)
		}
		if accept := strings.Join(got.Header.Values("Accept"), ","); accept != string(r.Accept) {
			t.Errorf("%q: Accept %q, net/http has %q", head, r.Accept, accept)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	head := []byte("GET /some/path?x=y HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: de,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n\r\n")
	var r Request
	b.ReportAllocs()
	for b.Loop() {
		if !r.parse(head) {
			b.Fatal("not plain")
		}
	}
}
