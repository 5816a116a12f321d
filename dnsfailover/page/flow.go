package page

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"dnsfailover/dnsfailover/page/notice"
)

// flowIdle is for how long nothing may move while a request is passed on.
const flowIdle = 5 * time.Minute

// flowing moves the deadlines on as long as something moves.
type flowing struct {
	*recorder
	moved  atomic.Int64          // when, in Unix seconds; body and answer move at the same time
	again  bool                  // the request was routed anew, and counted there
	broken atomic.Pointer[error] // why the body of the request can't be read; nil: it can
}

func (f *flowing) move() {
	if now := time.Now(); f.moved.Swap(now.Unix()) != now.Unix() {
		_ = f.control.SetWriteDeadline(now.Add(flowIdle))
		_ = f.control.SetReadDeadline(now.Add(flowIdle))
	}
}

func (f *flowing) Write(b []byte) (int, error) {
	f.move()
	return f.recorder.Write(b)
}

type flowingBody struct {
	io.ReadCloser
	flow *flowing
}

func (b *flowingBody) Read(p []byte) (int, error) {
	b.flow.move()
	n, err := b.ReadCloser.Read(p)
	// Who sends a request may close its body once it has an answer.
	if err != nil && err != io.EOF && !errors.Is(err, http.ErrBodyReadAfterClose) {
		b.flow.broken.CompareAndSwap(nil, &err)
	}
	return n, err
}

// malformed tells a client that the body of its request isn't framed as HTTP has it (RFC 9112 section 7.1). One that has gone is told nothing.
func malformed(out *recorder, why error) {
	out.form = "malformed"
	header := out.Header()
	header.Set(notice.Marker, "malformed")
	header.Set("Cache-Control", "no-store")
	header.Set("Connection", "close")
	http.Error(out, "The body of this request can't be read: "+why.Error()+".", http.StatusBadRequest)
}
