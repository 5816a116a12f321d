package api

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const patience = time.Minute // for one call; a reload of big zones takes seconds

// Client speaks to a server, or a page host, over its control socket. It is safe for concurrent use.
type Client struct {
	socket string
	page   bool // it is a page host's
	http   http.Client
}

// Dial returns a client of the server whose control socket is the file socket. It connects when
// it is first asked something.
func Dial(socket string) *Client { return dial(socket, false) }

// DialPage is Dial for a page host, of which its errors speak.
func DialPage(socket string) *Client { return dial(socket, true) }

func dial(socket string, page bool) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		dialer := net.Dialer{Timeout: 5 * time.Second}
		conn, err := dialer.DialContext(ctx, "unix", socket)
		if err != nil && ctx.Err() == nil {
			err = &Unreachable{Socket: socket, Page: page, Err: err}
		}
		return conn, err
	}
	return &Client{socket: socket, page: page, http: http.Client{
		Timeout:   patience,
		Transport: &http.Transport{DialContext: dial, DisableCompression: true, IdleConnTimeout: 30 * time.Second},
		// The server never redirects: what does is something else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close gives the client's idle connections back.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status asks for the state of everything.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return call[Status](ctx, c, http.MethodGet, "/api/v1/status", nil)
}

// Why asks why the name is answered as it is for a type such as "A" to the client with an address; empty: to one of the public.
func (c *Client) Why(ctx context.Context, name, qtype, client string) (Why, error) {
	query := url.Values{"name": {name}, "type": {qtype}}
	if client != "" {
		query.Set("client", client)
	}
	return call[Why](ctx, c, http.MethodGet, "/api/v1/why?"+query.Encode(), nil)
}

// Results asks for the latest results of a service's checks, or, if target is not empty, of that target's.
func (c *Client) Results(ctx context.Context, service, target string) (Results, error) {
	query := url.Values{"service": {service}}
	if target != "" {
		query.Set("target", target)
	}
	return call[Results](ctx, c, http.MethodGet, "/api/v1/results?"+query.Encode(), nil)
}

// Simulate asks what would be served at an instant.
func (c *Client) Simulate(ctx context.Context, s Supposition) (Simulation, error) {
	query := url.Values{"at": {s.At.UTC().Format(time.RFC3339Nano)}, "down": s.Down, "up": s.Up, "override": s.Override}
	if s.Service != "" {
		query.Set("service", s.Service)
	}
	return call[Simulation](ctx, c, http.MethodGet, "/api/v1/simulate?"+query.Encode(), nil)
}

// History asks for what has happened.
func (c *Client) History(ctx context.Context, q HistoryQuery) (History, error) {
	query := url.Values{"limit": {strconv.Itoa(q.Limit)}}
	set := func(key, value string) {
		if value != "" {
			query.Set(key, value)
		}
	}
	set("service", q.Service)
	set("check", q.Check)
	set("kind", strings.Join(q.Kinds, ","))
	for key, at := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !at.IsZero() {
			set(key, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if q.After > 0 {
		set("after", strconv.FormatUint(q.After, 10))
	}
	return call[History](ctx, c, http.MethodGet, "/api/v1/history?"+query.Encode(), nil)
}

// Switch overrides a service and returns its state after that, or, for a dry run, what it would be.
func (c *Client) Switch(ctx context.Context, service string, s Switch) (Service, error) {
	return call[Service](ctx, c, http.MethodPost, "/api/v1/services/"+url.PathEscape(service)+"/switch", s)
}

// Push reports that a target is up, or what p says.
func (c *Client) Push(ctx context.Context, service, target string, p Push) error {
	path := "/api/v1/push/" + url.PathEscape(service) + "/" + url.PathEscape(target)
	_, err := call[struct{}](ctx, c, http.MethodPost, path, p)
	return err
}

// Release ends the override of a service and returns its state after that.
func (c *Client) Release(ctx context.Context, service string) (Service, error) {
	return call[Service](ctx, c, http.MethodDelete, "/api/v1/services/"+url.PathEscape(service)+"/override", nil)
}

// Windows asks for the planned windows.
func (c *Client) Windows(ctx context.Context) (Windows, error) {
	return call[Windows](ctx, c, http.MethodGet, "/api/v1/windows", nil)
}

// AddWindow plans a window and returns it, or, for a dry run, what it would do.
func (c *Client) AddWindow(ctx context.Context, n NewWindow) (Window, error) {
	return call[Window](ctx, c, http.MethodPost, "/api/v1/windows", n)
}

// CancelWindow cancels a window and returns what it was.
func (c *Client) CancelWindow(ctx context.Context, id string) (Window, error) {
	return call[Window](ctx, c, http.MethodDelete, "/api/v1/windows/"+url.PathEscape(id), nil)
}

// Reload makes the server read its configuration and zones again.
func (c *Client) Reload(ctx context.Context) (Reload, error) {
	return call[Reload](ctx, c, http.MethodPost, "/api/v1/reload", nil)
}
