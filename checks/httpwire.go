package checks

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
)

// load makes payload the body of req; empty means none.
func load(req *http.Request, payload string) {
	req.Body, req.ContentLength = nil, int64(len(payload))
	if payload != "" {
		req.Body = io.NopCloser(strings.NewReader(payload))
	}
}

// exchangeHTTP1 sends req over conn and reads up to the end of the answer's headers; reason is why that failed.
func exchangeHTTP1(conn net.Conn, w *stopwatch, req *http.Request) (resp *http.Response, reason string) {
	var text bytes.Buffer
	if err := req.Write(&text); err != nil {
		return nil, "the request cannot be sent: " + clean(strings.TrimPrefix(innermost(err), "net/http: "))
	}
	// When writing fails, there may still be an answer: not every server reads the request before it refuses.
	_, _ = conn.Write(text.Bytes())

	limited := &io.LimitedReader{R: conn, N: maxHead}
	from := bufio.NewReader(limited)
	_, err := from.Peek(1)
	w.lap(phaseFirst)
	if err != nil {
		return nil, firstByteReason(err, w.limit)
	}
	begin, _ := from.Peek(min(from.Buffered(), 32))
	begin = bytes.Clone(begin)

	resp, err = readHead(from, req)
	w.lap(phaseHeaders)
	if err != nil {
		return nil, headReason(err, begin, limited.N == 0, w.limit)
	}
	limited.N = math.MaxInt64 // from here on the body is counted, not its chunks' framing
	return resp, ""
}

// readHead reads up to the end of the final answer's headers, past informational ones (RFC 9110 section 15.2).
func readHead(from *bufio.Reader, req *http.Request) (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(from, req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, nil
		}
	}
}

// exchangeHTTP2 does the same on a connection on which HTTP/2 was agreed on, or is known to be spoken. done gives all of it back.
func exchangeHTTP2(ctx context.Context, conn net.Conn, w *stopwatch, req *http.Request) (resp *http.Response, done func(), reason string) {
	heard := &overheard{Conn: conn}
	given := func(context.Context, string, string) (net.Conn, error) { return conn, nil }
	if req.URL.Scheme == "http" {
		given = func(context.Context, string, string) (net.Conn, error) { return heard, nil }
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{
		DialContext: given, DialTLSContext: given, Protocols: protocols,
		DisableCompression: true, MaxResponseHeaderBytes: maxHead,
	}
	client, err := transport.NewClientConn(ctx, req.URL.Scheme, "unused:1")
	if err != nil {
		w.lap(phaseHeaders)
		return nil, func() {}, answerReason(err, "HTTP/2", w.limit)
	}
	done = func() {
		conn.Close() // first, so that nothing waits for a peer that doesn't read
		client.Close()
		transport.CloseIdleConnections()
	}
	resp, err = client.RoundTrip(req.WithContext(ctx))
	w.lap(phaseHeaders)
	if err != nil {
		return nil, done, http2Reason(err, heard.begin(), w)
	}
	return resp, done, ""
}

// http2Reason says why there is no answer over HTTP/2; what came instead starts with begin, as far as that is known.
func http2Reason(err error, begin string, w *stopwatch) string {
	text := innermost(err)
	switch {
	case isTimeout(err):
	case strings.HasPrefix(begin, "HTTP/1."):
		return "the server speaks HTTP/1.1 only, not HTTP/2"
	case networkReason(err) != "":
	// "could not be established": the connection broke before the request was begun, by what was heard or by its end.
	case begin != "" && strings.Contains(text, "could not be established"):
		return fmt.Sprintf("not an HTTP/2 answer, it begins with %q", begin)
	case closed(err), strings.HasSuffix(text, "EOF"), strings.Contains(text, "connection closed"), strings.Contains(text, "client conn is closed"),
		strings.Contains(text, "could not be established"):
		return "closed the connection without an answer"
	case strings.Contains(text, "frame too large"), strings.Contains(text, "frame header"):
		return fmt.Sprintf("not an HTTP/2 answer, it begins with %q", begin)
	case strings.Contains(text, "COMPRESSION_ERROR"):
		return "headers larger than 64 KiB, or badly compressed"
	}
	return answerReason(err, "the headers", w.limit)
}

// overheard is a connection of which it is known how what comes begins.
type overheard struct {
	net.Conn
	mu    sync.Mutex
	heard begin
}

// Read implements net.Conn.
func (o *overheard) Read(b []byte) (int, error) {
	n, err := o.Conn.Read(b)
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = o.heard.Write(b[:n])
	return n, err
}

func (o *overheard) begin() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.heard)
}
