package checks

import (
	"context"
	"net/netip"
)

// TCPProbe succeeds when Address accepts a connection.
type TCPProbe struct {
	Address netip.AddrPort
}

// String describes the probe completely.
func (p *TCPProbe) String() string { return "tcp " + p.Address.String() }

// Run dials once; ctx bounds it.
func (p *TCPProbe) Run(ctx context.Context) Result {
	w := newStopwatch(ctx)
	conn, err := dial(ctx, p.Address)
	w.lap(phaseDial)
	if err != nil {
		return w.undialled(err)
	}
	conn.Close()
	return w.result(true, "connected", nil)
}
