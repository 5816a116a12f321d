package checks

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

// health answers as a gRPC server's health service does; what it says depends on the service that is asked for.
func health(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	says := func(framed, status, message string) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
		io.WriteString(w, framed)
		w.Header().Set("Grpc-Status", status)
		w.Header().Set("Grpc-Message", message)
	}
	if r.URL.Path != grpcPath || r.Method != http.MethodPost || r.Header.Get("Te") != "trailers" || r.Header.Get("Content-Type") != "application/grpc" || len(body) < frame {
		says("", "3", "not as gRPC has it")
		return
	}
	service := ""
	if message := body[frame:]; len(message) > 2 {
		service = string(message[2:])
	}
	switch service {
	case "":
		says("\x00\x00\x00\x00\x02\x08\x01", "0", "")
	case "sick":
		says("\x00\x00\x00\x00\x02\x08\x02", "0", "")
	case "unset": // proto3 leaves a zero out
		says("\x00\x00\x00\x00\x00", "0", "")
	case "odd":
		says("\x00\x00\x00\x00\x02\x08\x63", "0", "")
	case "newer": // with fields that are not known here
		says("\x00\x00\x00\x00\x11\x12\x02hi\x19\x01\x02\x03\x04\x05\x06\x07\x08\x08\x01\x20\x05", "0", "")
	case "cut":
		says("\x00\x00\x00\x00\x02\x08", "0", "")
	case "compressed":
		says("\x01\x00\x00\x00\x02\x08\x01", "0", "")
	case "junk":
		says("\x00\x00\x00\x00\x02\xff\xff", "0", "")
	case "stranger":
		says("", "5", "unknown%20service%21")
	case "none":
		says("", "12", "")
	case "secret":
		says("", "16", "bad token "+r.Header.Get("Authorization"))
	case "strange":
		says("", "99", "")
	case "statusless":
		w.Header().Set("Content-Type", "application/grpc")
		io.WriteString(w, "\x00\x00\x00\x00\x02\x08\x01")
	case "hangs":
		<-r.Context().Done()
	default:
		http.NotFound(w, r)
	}
}

func TestGRPCProbe(t *testing.T) {
	addr := web(t, nil, true, health)
	for service, want := range map[string]string{
		"":           "the server is SERVING",
		"newer":      `service "newer" is SERVING`,
		"sick":       `the health of service "sick" is NOT_SERVING, wanted SERVING`,
		"unset":      `the health of service "unset" is UNKNOWN, wanted SERVING`,
		"odd":        `the health of service "odd" is 99, wanted SERVING`,
		"cut":        "malformed answer: there is not one whole message in it",
		"compressed": "malformed answer: the message is compressed, though nobody asked for that",
		"junk":       "malformed answer: the message breaks off",
		"stranger":   `the server knows nothing of the health of service "stranger" (NOT_FOUND): unknown service!`,
		"none":       "the server has no health service (UNIMPLEMENTED)",
		"secret":     "the server refuses to tell (UNAUTHENTICATED): bad token Bearer …",
		"strange":    "the server refuses to tell (gRPC status 99)",
		"statusless": "the server refuses to tell (UNKNOWN): the answer has no gRPC status",
		"404":        `not a gRPC answer: status 404, content type "text/plain; charset=utf-8"`,
		"hangs":      "no complete answer within 150ms (waited for the headers)",
	} {
		t.Run(service, func(t *testing.T) {
			p := grpcProbe("http", addr, service)
			p.Headers = http.Header{"Authorization": {"Bearer hunter2hunter2"}}
			limit := patience
			if service == "hangs" {
				limit = hasty
			}
			r := run(t, p, limit)
			// A server may cancel at grpc-timeout before the probe's own deadline has been noticed.
			if r.Reason != want || r.OK != strings.Contains(want, "is SERVING") {
				t.Errorf("got %v, %q\nwant %q", r.OK, r.Reason, want)
			}
		})
	}
	ca := newAuthority(t, "test CA")
	cert := ca.issue(t, -time.Hour, time.Hour, "api.example.com")
	p := grpcProbe("https", web(t, &tls.Config{Certificates: []tls.Certificate{cert}}, true, health), "")
	p.Roots, p.WarnDays = ca.pool, 1
	if r := run(t, p, patience); !r.OK || r.Warning == "" || !strings.Contains(strings.Join(r.Seen, "\n"), "certificate names: api.example.com") {
		t.Errorf("over TLS: %+v", r)
	}
	if got, want := grpcProbe("http", netip.MustParseAddrPort("192.0.2.1:50051"), "a").String(), "grpc http://api.example.com:50051 at 192.0.2.1:50051, health of a"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func grpcProbe(scheme string, addr netip.AddrPort, service string) *GRPCProbe {
	u := &url.URL{Scheme: scheme, Host: netip.AddrPortFrom(addr.Addr(), addr.Port()).String()}
	u.Host = "api.example.com" + u.Host[strings.LastIndexByte(u.Host, ':'):]
	return &GRPCProbe{URL: u, Address: addr.Addr(), Service: service}
}

// FuzzHealthStatus decodes anything, which a server could send. (Fault 37.)
func FuzzHealthStatus(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x02\x08\x01"))
	f.Add([]byte("\x00\x00\x00\x00\x11\x12\x02hi\x19\x01\x02\x03\x04\x05\x06\x07\x08\x08\x01\x20\x05"))
	f.Fuzz(func(t *testing.T, framed []byte) {
		if status, err := healthStatus(framed); err == nil && status == 1 && len(framed) < 7 {
			t.Errorf("%x is SERVING", framed)
		}
	})
}
