package hooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"dnsfailover/dnsfailover/api"
	"dnsfailover/dnsfailover/config"
)

// maxReply bounds what is read of an answer, in octets: nothing in it is of interest.
const maxReply = 64 << 10

// webhook sends events to a URL.
type webhook struct {
	url     string
	secret  []byte
	version string
	client  *http.Client
}

func newWebhook(cfg config.Hook, version string) *webhook {
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: cfg.Roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           1,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxReply,
	}
	return &webhook{cfg.Webhook, cfg.Secret, version, &http.Client{
		Transport: transport,
		// A signed event is for the one who was named, wherever that would like to have it.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// deliver sends an event once.
func (w *webhook) deliver(ctx context.Context, e api.Event) *failure {
	defer w.client.CloseIdleConnections() // the next event may be days away
	body, err := json.Marshal(e)
	if err != nil {
		return &failure{reason: err.Error()}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return &failure{reason: "the URL can't be used"}
	}
	id, now := strconv.FormatUint(e.ID, 10), strconv.FormatInt(time.Now().Unix(), 10)
	for name, value := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "dnsfailover/" + w.version,
		"webhook-id": id, "webhook-timestamp": now, "webhook-signature": signature(w.secret, id, now, body),
	} {
		req.Header.Set(name, value)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return &failure{reason: w.why(ctx, err), again: true}
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxReply))
	if resp.StatusCode/100 == 2 {
		return nil
	}
	failed := &failure{reason: fmt.Sprintf("%s answered %s", req.URL.Host, resp.Status), again: mayPass(resp.StatusCode)}
	if resp.StatusCode/100 == 3 {
		failed.reason += ", and redirects are not followed"
	}
	if seconds, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16); err == nil {
		failed.after = time.Duration(seconds) * time.Second
	}
	return failed
}

// signature returns that of a body, as Standard Webhooks has it.
func signature(secret []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// mayPass tells whether a status is one that another attempt may not get.
func mayPass(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// why says why there is no answer, without the URL, which may hold a secret.
func (w *webhook) why(ctx context.Context, err error) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "no answer in time"
	}
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err.Error()
}
