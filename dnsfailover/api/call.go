package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
)

const maxAnswer = 64 << 20 // octets

// call sends one request and decodes the answer. A refusal comes back as *Problem, silence as *Unreachable.
func call[T any](ctx context.Context, c *Client, method, path string, body any) (T, error) {
	var out T
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return out, err
		}
		content = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, content)
	if err != nil {
		return out, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return out, c.silence(ctx, method, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return out, c.silence(ctx, method, err)
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case media == "application/problem+json":
		problem := new(Problem)
		if json.Unmarshal(raw, problem) == nil && problem.Detail != "" {
			return out, problem
		}
	case resp.StatusCode == http.StatusNoContent:
		return out, nil
	case media == "application/json" && resp.StatusCode == http.StatusOK:
		if json.Unmarshal(raw, &out) == nil {
			return out, nil
		}
	}
	return out, fmt.Errorf("%s answered %q with something that is not of dnsfailover's API: is it the control socket of another program, or of another version?", c.socket, resp.Status)
}

// silence tells why there is no answer.
func (c *Client) silence(ctx context.Context, method string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var unreachable *Unreachable
	if errors.As(err, &unreachable) {
		return unreachable
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return &Unreachable{Socket: c.socket, Page: c.page, Err: err, Asked: true, Write: method != http.MethodGet}
}

// Unreachable says that nobody answered on the control socket.
type Unreachable struct {
	Socket string
	Page   bool // it is a page host's
	Err    error
	// Asked says that there was a connection and that the request may have got through; Write that it was one to act.
	Asked, Write bool
}

func (e *Unreachable) Error() string {
	who, status, run, variable := "server", "dnsfailover status", "`dnsfailover serve`", "DNSFAILOVER_SOCKET"
	if e.Page {
		who, status, run, variable = "page host", "dnsfailover page status", "`dnsfailover page`, or a `dnsfailover serve` with listen.page,", "DNSFAILOVER_PAGE_SOCKET"
	}
	switch {
	case e.Asked && e.Write:
		return fmt.Sprintf("the %s on %s did not finish its answer (%s): look at `%s` to see whether it acted", who, e.Socket, reason(e.Err), status)
	case e.Asked:
		return fmt.Sprintf("the %s on %s did not finish its answer (%s)", who, e.Socket, reason(e.Err))
	case errors.Is(e.Err, fs.ErrPermission):
		return fmt.Sprintf("permission to use the control socket %s is denied: be the user who runs the %s", e.Socket, who)
	}
	return fmt.Sprintf("no %s answers on %s (%s): is %s running? --socket or %s names its control socket", who, e.Socket, reason(e.Err), run, variable)
}

// Unwrap returns the reason.
func (e *Unreachable) Unwrap() error { return e.Err }

// reason strips an error of what the sentence around it says already.
func reason(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "it took too long"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it broke off"
	}
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err.Error()
}
