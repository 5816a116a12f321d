package config

import (
	"crypto/x509"
	"net/netip"
	"net/url"
	"time"

	"dnsfailover/dnsfailover/page/notice"
)

// Page is the configuration of a page host, checked and with every default filled in.
type Page struct {
	File         string
	HTTP, HTTPS  []netip.AddrPort
	Admin        netip.AddrPort // health and metrics; zero: off
	Control      string         // path of the socket for pause, resume and stop
	State        string         // directory in which what an operator said is kept
	Redirect     bool           // HTTP sends clients to HTTPS
	HSTS         string         // value of Strict-Transport-Security; empty: none
	Certificates []PagePair     // the first one is for those who ask for none of the names
	Source       *PageSource    // nil: nobody is asked
	Log          *PageLog       // nil: no access log
	Limits       PageLimits
	Staff        PageStaff
	Hosts        []PageHost // at least one; exactly one has no names: it is for all others
	Warnings     []Problem
}

// PagePair are the PEM files of a certificate: absolute, or relative to the working directory; they fit together.
type PagePair struct{ Certificate, Key string }

// PageSource is a dnsfailover that knows what is planned.
type PageSource struct {
	URL   *url.URL // of its admin address
	Token string   // empty: none is needed
}

// PageLog is the access log.
type PageLog struct {
	File string
	JSON bool // else the combined format
}

// PageLimits bound what clients may cost.
type PageLimits struct {
	Conns, PerClient int
	Head, Idle, Body time.Duration
}

// PageStaff are those who are let through to the primary.
type PageStaff struct {
	Networks []netip.Prefix
	Secret   []byte // signs links and cookies; nil: there are none
	For      time.Duration
}

// PageHost is one site.
type PageHost struct {
	Names      []string // in lower case, without a final dot; may begin with *.
	Service    string   // whose reason and end are shown; empty: the one that has one of the names
	Design     *notice.Design
	Planned    notice.Facts // what the configuration says; zero: nothing
	File       string       // while it exists, maintenance is planned; empty: no file is looked for
	RetryAfter time.Duration
	Primary    *PageUpstream // nil: nobody can be let through
	Open       bool          // everybody is let through, but for the file or a command
	Hold       PageHold
	Paths      []PagePath // the longest first
}

// PageUpstream is where requests are passed on to.
type PageUpstream struct {
	Addresses []netip.AddrPort // tried in this order
	TLS       bool
	Roots     *x509.CertPool // nil: the system's
}

// PageHold says which requests may wait while an upstream can't be reached. Zero: none.
type PageHold struct {
	For time.Duration
	Max int
	// PerClient is how many of them one client may have: an IPv4 address or an IPv6 /64.
	PerClient int
	Bytes     int // of their heads
}

// PagePath is what is done below a path. With neither Dir nor Proxy, the notice is shown.
type PagePath struct {
	Prefix string // it begins with a slash; if it ends in one, all that is below it, else it alone
	Dir    string
	Proxy  *PageUpstream
}
