package hooks

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

func send(t *testing.T, url string, roots *x509.CertPool) *failure {
	t.Helper()
	w := newWebhook(config.Hook{Webhook: url, Secret: []byte("plJ3nmyCDGBKInavdOK15jsl"), Roots: roots}, "1.2.3")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	return w.deliver(ctx, event(7, api.EventSelection))
}

// TestSignatureOfTheStandard is the example of the Standard Webhooks libraries.
func TestSignatureOfTheStandard(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	// Of "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", msg_p5jXN8AQM9LWM0D4loKWxJek, 1614265330 and {"test": 2432232314}.
	got := signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAWebhookIsSignedAndWhole(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var e api.Event
		if err := json.Unmarshal(body, &e); err != nil || e.ID != 7 || e.After.Reason != "primary is down" {
			t.Errorf("%v in %s", err, body)
		}
		h := r.Header
		if want := signature([]byte("plJ3nmyCDGBKInavdOK15jsl"), "7", h.Get("Webhook-Timestamp"), body); h.Get("Webhook-Signature") != want {
			t.Errorf("signature %s, want %s", h.Get("Webhook-Signature"), want)
		}
		if at, err := strconv.ParseInt(h.Get("Webhook-Timestamp"), 10, 64); err != nil || time.Since(time.Unix(at, 0)).Abs() > time.Minute {
			t.Errorf("the timestamp is %q", h.Get("Webhook-Timestamp"))
		}
		if r.Method != "POST" || h.Get("Webhook-Id") != "7" || h.Get("User-Agent") != "dnsfailover/1.2.3" || h.Get("Content-Type") != "application/json" {
			t.Errorf("%s %v", r.Method, h)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	if failed := send(t, server.URL+"/hook", roots); failed != nil {
		t.Errorf("failed: %+v", failed)
	}
	if failed := send(t, server.URL+"/hook", nil); failed == nil || !failed.again || !strings.Contains(failed.reason, "unknown authority") {
		t.Errorf("to a server that nobody vouches for: %+v", failed)
	}
}

// Fault 79: what a receiver can do wrong, told without the URL, whose path may be a secret.
func TestFault79WhatReceiversDoWrong(t *testing.T) {
	var followed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	defer elsewhere.Close()
	status := func(n int, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(n)
		}
	}
	release := make(chan struct{})
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		again   bool
		after   time.Duration
		reason  string
	}{
		"500":       {status(500), true, 0, " answered 500 Internal Server Error"},
		"429":       {status(429, "Retry-After", "17"), true, 17 * time.Second, " answered 429 Too Many Requests"},
		"400":       {status(400), false, 0, " answered 400 Bad Request"},
		"redirect":  {status(307, "Location", elsewhere.URL), false, 0, " answered 307 Temporary Redirect, and redirects are not followed"},
		"hangs":     {func(_ http.ResponseWriter, r *http.Request) { <-release }, true, 0, "no answer in time"},
		"breaks":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true, 0, "EOF"},
		"floods":    {flood, true, 0, " answered 500 Internal Server Error"},
		"odd after": {status(503, "Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"), true, 0, " answered 503 Service Unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			failed := send(t, server.URL+"/T0/B0/secret?token=secret", nil)
			if name == "hangs" {
				close(release)
			}
			server.Close()
			if failed == nil || failed.again != c.again || failed.after != c.after || !strings.HasSuffix(failed.reason, c.reason) || strings.Contains(failed.reason, "secret") {
				t.Errorf("%+v", failed)
			}
		})
	}
	if failed := send(t, "http://127.0.0.1:1/secret", nil); failed == nil || !failed.again || failed.reason != "connection refused" {
		t.Errorf("nobody listens: %+v", failed)
	}
	if n := followed.Load(); n != 0 {
		t.Errorf("a redirect was followed %d times", n)
	}
}

// flood answers without end.
func flood(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(500)
	for r.Context().Err() == nil {
		if _, err := w.Write(make([]byte, 64<<10)); err != nil {
			return
		}
	}
}
