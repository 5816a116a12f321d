package front

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"
)

// maxStack bounds what of a stack goes into the log, in octets.
const maxStack = 4096

// caught counts a panic, and logs one in a second.
func (s *Server) caught(p any) {
	s.counters.panics.Add(1)
	if _, due := s.panics.Due(time.Now(), time.Second); due {
		stack := debug.Stack()
		s.opt.Log.Error("connection lost to a panic", "panic", fmt.Sprint(p), "stack", string(stack[:min(len(stack), maxStack)]))
	}
}

// guard makes a panic of h cost the connection. One by which a handler says that an answer can't be ended is none.
func (s *Server) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				s.caught(p)
			}
			panic(http.ErrAbortHandler)
		}()
		OriginOf(r).conn.handled.Store(true)
		h.ServeHTTP(w, r)
	})
}
