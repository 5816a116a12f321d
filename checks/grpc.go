package checks

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// GRPCProbe asks a gRPC server for the health of a service, by the health checking protocol (grpc.health.v1).
//
// The protocol is one unary call with a message of one field on each side, so it is spoken here over net/http's HTTP/2
// with the two messages encoded by hand.
type GRPCProbe struct {
	// URL says whether TLS is spoken (https) or not (http), and the host and port; its path is not used.
	URL *url.URL
	// Address is what is dialled.
	Address netip.Addr
	// Service is whose health is asked for; empty is the server as a whole.
	Service string
	// Headers are sent as metadata, and Secrets never shown, as in HTTPProbe.
	Headers http.Header
	Secrets []string
	TLS
}

const grpcPath = "/grpc.health.v1.Health/Check"

// The health protocol's statuses that are told by name; SERVING is well.
var grpcHealth = map[uint64]string{0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}

// grpcCodes are the codes of gRPC's own that a health check meets.
var grpcCodes = map[int]string{
	1: "CANCELLED", 2: "UNKNOWN", 3: "INVALID_ARGUMENT", 4: "DEADLINE_EXCEEDED", 5: "NOT_FOUND", 7: "PERMISSION_DENIED",
	8: "RESOURCE_EXHAUSTED", 12: "UNIMPLEMENTED", 13: "INTERNAL", 14: "UNAVAILABLE", 16: "UNAUTHENTICATED",
}

// http returns the probe that carries the call.
func (p *GRPCProbe) http() *HTTPProbe {
	carrier := &HTTPProbe{URL: p.URL, Address: p.Address, HTTP2: true, Headers: p.Headers, Secrets: p.Secrets, TLS: p.TLS}
	carrier.URL = &url.URL{Scheme: p.URL.Scheme, Host: p.URL.Host, Path: grpcPath}
	return carrier
}

// String describes the probe completely; the values of headers as a digest only.
func (p *GRPCProbe) String() string { return p.describe(true) }

func (p *GRPCProbe) describe(secrets bool) string {
	service := p.Service
	if service == "" {
		service = "the server"
	}
	carrier := p.http()
	text := fmt.Sprintf("grpc %s://%s at %s, health of %s", p.URL.Scheme, p.URL.Host, carrier.dialled(p.URL), service)
	if names := headerNames(p.Headers); len(names) > 0 {
		text += fmt.Sprintf(", headers %q", names)
		if secrets {
			text += ", secrets " + digest(headerLines(p.Headers)...)
		}
	}
	return text + p.TLS.describe()
}

// Run asks once; ctx bounds it.
func (p *GRPCProbe) Run(ctx context.Context) Result {
	w := newStopwatch(ctx)
	carrier := p.http()
	conn, err := dial(ctx, carrier.dialled(p.URL))
	w.lap(phaseDial)
	if err != nil {
		return w.undialled(err)
	}
	defer conn.Close()
	defer bound(ctx, conn)()
	stream, s, reason := carrier.secure(conn, w, p.URL)
	if reason != "" {
		return w.failed(reason, s.seen...)
	}
	req := carrier.request()
	req.Method = http.MethodPost
	load(req, string(healthRequest(p.Service)))
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	if w.limit > 0 {
		req.Header.Set("Grpc-Timeout", strconv.FormatInt(max(w.limit.Milliseconds(), 1), 10)+"m")
	}
	resp, done, reason := exchangeHTTP2(ctx, stream, w, req)
	defer done()
	if reason != "" {
		return carrier.secrets().hide(w.failed(reason, s.seen...))
	}
	if w.detailed {
		s.seen = append(seenHead(resp), s.seen...)
	}
	ok, reason := p.judge(resp, w)
	r := w.result(ok, reason, s.seen)
	if ok {
		r.Warning = s.warning
	}
	return carrier.secrets().hide(r)
}

// judge says whether the answer is SERVING.
func (p *GRPCProbe) judge(resp *http.Response, w *stopwatch) (ok bool, reason string) {
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/grpc") {
		return false, fmt.Sprintf("not a gRPC answer: status %d, content type %q", resp.StatusCode, clean(resp.Header.Get("Content-Type")))
	}
	message, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	w.lap(phaseBody)
	if err != nil {
		return false, unreadReason(err, len(message), w.limit)
	}
	if code, says := grpcStatus(resp); code != 0 {
		return false, p.refused(code, says)
	}
	status, err := healthStatus(message)
	switch name := grpcHealth[status]; {
	case err != nil:
		return false, "malformed answer: " + err.Error()
	case name == "":
		return false, fmt.Sprintf("the health of %s is %d, wanted SERVING", p.whose(), status)
	case name != "SERVING":
		return false, fmt.Sprintf("the health of %s is %s, wanted SERVING", p.whose(), name)
	}
	return true, p.whose() + " is SERVING"
}

func (p *GRPCProbe) whose() string {
	if p.Service == "" {
		return "the server"
	}
	return fmt.Sprintf("service %q", p.Service)
}

// refused says what a status of the call other than OK means.
func (p *GRPCProbe) refused(code int, says string) string {
	if says = clean(says); says != "" {
		says = ": " + says
	}
	switch name := grpcCodes[code]; name {
	case "UNIMPLEMENTED":
		return "the server has no health service (UNIMPLEMENTED)" + says
	case "NOT_FOUND":
		return fmt.Sprintf("the server knows nothing of the health of %s (NOT_FOUND)%s", p.whose(), says)
	case "":
		return fmt.Sprintf("the server refuses to tell (gRPC status %d)%s", code, says)
	default:
		return fmt.Sprintf("the server refuses to tell (%s)%s", name, says)
	}
}

// grpcStatus returns the status of the call. It is in the trailer, or among the headers if there is nothing else.
func grpcStatus(resp *http.Response) (code int, says string) {
	from := resp.Trailer
	if from.Get("Grpc-Status") == "" {
		from = resp.Header
	}
	code, err := strconv.Atoi(from.Get("Grpc-Status"))
	if err != nil {
		return 2, "the answer has no gRPC status"
	}
	says, err = url.PathUnescape(from.Get("Grpc-Message"))
	if err != nil {
		says = from.Get("Grpc-Message")
	}
	return code, says
}

// frame is the length of what stands before a message: a flag for compression and four bytes of length.
const frame = 5

// healthRequest encodes a HealthCheckRequest, whose field 1 is the service, in a frame.
func healthRequest(service string) []byte {
	var message []byte
	if service != "" {
		message = append([]byte{1<<3 | 2}, binary.AppendUvarint(nil, uint64(len(service)))...)
		message = append(message, service...)
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

// healthStatus decodes a framed HealthCheckResponse, whose field 1 is the status. Fields that it doesn't know it skips.
func healthStatus(framed []byte) (status uint64, err error) {
	if len(framed) < frame || int64(binary.BigEndian.Uint32(framed[1:])) != int64(len(framed)-frame) {
		return 0, errors.New("there is not one whole message in it")
	}
	if framed[0] != 0 {
		return 0, errors.New("the message is compressed, though nobody asked for that")
	}
	message := framed[frame:]
	cut := func() (n uint64) {
		n, used := binary.Uvarint(message)
		if used <= 0 {
			err, message = errors.New("the message breaks off"), nil
			return 0
		}
		message = message[used:]
		return n
	}
	skip := func(n uint64) {
		if n > uint64(len(message)) {
			err, n = errors.New("the message breaks off"), uint64(len(message))
		}
		message = message[n:]
	}
	for len(message) > 0 && err == nil {
		switch key := cut(); {
		case key == 1<<3: // field 1, a varint
			status = cut()
		case key&7 == 0:
			cut()
		case key&7 == 1:
			skip(8)
		case key&7 == 2:
			skip(cut())
		case key&7 == 5:
			skip(4)
		default:
			err = errors.New("the message is not in protocol buffers")
		}
	}
	return status, err
}
