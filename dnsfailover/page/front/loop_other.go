//go:build !linux

package front

type loops struct{}

func (s *Server) startLoops() (loops, error)      { return loops{}, nil }
func (loops) stop()                               {}
func (loops) entrance(*Server, Listener) entrance { return nil }
