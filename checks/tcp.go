package checks

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
)

// TCPProbe succeeds when Address accepts a connection, and what Talk says.
type TCPProbe struct {
	Address netip.AddrPort
	Talk
}

// String describes the probe completely; what is sent as a digest only.
func (p *TCPProbe) String() string { return p.describe(true) }

func (p *TCPProbe) describe(secrets bool) string {
	return "tcp " + p.Address.String() + p.Talk.describe(secrets)
}

// Run dials once; ctx bounds it.
func (p *TCPProbe) Run(ctx context.Context) Result {
	w := newStopwatch(ctx)
	conn, err := dial(ctx, p.Address)
	w.lap(phaseDial)
	if err != nil {
		return w.undialled(err)
	}
	defer conn.Close()
	defer bound(ctx, conn)()
	return p.with(conn, w, "connected")
}

// Talk is what is said over a connection: Send is written, then Expect must be among the first 64 KiB that come back.
// Each may be empty; servers that speak first are only listened to.
type Talk struct{ Send, Expect string }

// with talks over conn, on which so much has been reached already.
func (t *Talk) with(conn net.Conn, w *stopwatch, reached string) Result {
	var secrets secrets
	secrets.addWords(t.Send)
	if t.Send != "" {
		_, err := io.WriteString(conn, t.Send)
		w.lap(phaseSend)
		if err != nil {
			return secrets.hide(w.failed(answerReason(err, "all to be sent", w.limit)))
		}
		reached += " and sent"
	}
	if t.Expect == "" {
		return w.result(true, reached, nil)
	}
	heard := begin{}
	found, n, err := search(io.TeeReader(conn, &heard), t.Expect, maxBody)
	w.lap(phaseAnswer)
	if found {
		return w.result(true, "the answer contains "+brief(t.Expect), nil)
	}
	return secrets.hide(w.failed(t.unheard(n, heard, err, w)))
}

// unheard says why Expect was not in the n bytes that came.
func (t *Talk) unheard(n int, heard begin, err error, w *stopwatch) string {
	said := fmt.Sprintf("; the answer begins with %q", heard)
	if n == 0 {
		said = "; nothing came"
	}
	switch {
	case err == nil:
		return fmt.Sprintf("the answer does not contain %s in its first %d bytes%s", brief(t.Expect), n, said)
	case err == io.EOF:
		return fmt.Sprintf("closed the connection before %s was said%s", brief(t.Expect), said)
	case isTimeout(err):
		return fmt.Sprintf("%s was not said within %s%s", brief(t.Expect), w.limit, said)
	}
	return answerReason(err, "an answer", w.limit)
}

// describe describes the talk completely, with a comma before each part.
func (t *Talk) describe(secrets bool) string {
	text := ""
	if t.Send != "" {
		text += ", sends"
		if secrets {
			text += " " + digest(t.Send)
		}
	}
	if t.Expect != "" {
		text += fmt.Sprintf(", expects %q", t.Expect)
	}
	return text
}

// begin keeps the first bytes that are written to it, for a person.
type begin []byte

func (b *begin) Write(p []byte) (int, error) {
	const most = 32
	*b = append(*b, p[:min(len(p), most-len(*b))]...)
	return len(p), nil
}

// TLSProbe speaks TLS at Address, and judges the certificate.
type TLSProbe struct {
	Address netip.AddrPort
	// Name is what the certificate must be valid for, and what the server is asked for (SNI).
	Name string
	// Protocols are offered (ALPN), in order of preference; the server must take one of them. None are offered if there are none.
	Protocols []string
	Talk
	TLS
}

// String describes the probe completely; what is sent as a digest only.
func (p *TLSProbe) String() string { return p.describe(true) }

func (p *TLSProbe) describe(secrets bool) string {
	text := fmt.Sprintf("tls %s at %s", p.Name, p.Address)
	if len(p.Protocols) > 0 {
		text += fmt.Sprintf(", offers %q", p.Protocols)
	}
	return text + p.Talk.describe(secrets) + p.TLS.describe()
}

// Run dials and shakes hands; ctx bounds it.
func (p *TLSProbe) Run(ctx context.Context) Result {
	w := newStopwatch(ctx)
	conn, err := dial(ctx, p.Address)
	w.lap(phaseDial)
	if err != nil {
		return w.undialled(err)
	}
	defer conn.Close()
	defer bound(ctx, conn)()
	s, reason := p.handshake(conn, w, p.Name, p.Protocols...)
	if reason != "" {
		return w.failed(reason, s.seen...)
	}
	reached := "TLS handshake done"
	if chosen := s.ConnectionState().NegotiatedProtocol; len(p.Protocols) > 0 {
		if !slices.Contains(p.Protocols, chosen) {
			return w.failed(fmt.Sprintf("the server takes none of the offered protocols %q", p.Protocols), s.seen...)
		}
		reached += ", protocol " + chosen
	}
	r := p.with(s, w, reached)
	r.Seen = s.seen
	if r.OK {
		r.Warning = s.warning
	}
	return r
}
