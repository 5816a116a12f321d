package pass

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"dnsfailover/checks"
	"dnsfailover/dnsfailover/page/hold"
)

// Options are what New needs.
type Options struct {
	Addresses []string // host:port, tried in this order; at least one
	// TLS makes it https. Without a ServerName in it, the host that the client asked for must be in the certificate.
	TLS *tls.Config
	// Gate holds requests up; nil if nothing does.
	Gate *hold.Gate
	// Prepare takes from a request what the upstream must not see; nil if there is nothing.
	Prepare func(*http.Request)
	// Failed answers in place of an upstream that did not, or was not asked: err is a gate's, or says what went wrong.
	Failed func(w http.ResponseWriter, r *http.Request, err error)
	Log    *slog.Logger
}

// How long the parts of an exchange may take. A body may take as long as it flows: streams have no end.
const (
	dialTime = 3 * time.Second
	headTime = 60 * time.Second
	// expectTime is for an upstream to say whether it wants the body, if the client waits for that; then the body is sent in any case (RFC 9110 section 10.1.1).
	expectTime = time.Second
	idleTime   = 30 * time.Second
	idleConns  = 64
)

// Proxy passes requests to one upstream.
type Proxy struct {
	opt    Options
	dialer net.Dialer
	trip   *http.Transport
	proxy  httputil.ReverseProxy
}

// New returns a proxy; it dials when it is asked.
func New(opt Options) *Proxy {
	p := &Proxy{opt: opt, dialer: net.Dialer{Timeout: dialTime}}
	p.trip = &http.Transport{
		Proxy:                 nil, // whatever the environment says
		DialContext:           func(ctx context.Context, _, _ string) (net.Conn, error) { return p.dial(ctx) },
		TLSClientConfig:       opt.TLS,
		TLSHandshakeTimeout:   dialTime,
		ResponseHeaderTimeout: headTime,
		ExpectContinueTimeout: expectTime,
		IdleConnTimeout:       idleTime,
		MaxIdleConns:          idleConns,
		MaxIdleConnsPerHost:   idleConns,
		ForceAttemptHTTP2:     opt.TLS != nil,
		DisableCompression:    true, // what the client asked for is what it gets
	}
	p.proxy = httputil.ReverseProxy{
		Rewrite:       p.rewrite,
		Transport:     (*patient)(p),
		FlushInterval: -1,
		ErrorHandler:  p.failed,
		ErrorLog:      slog.NewLogLogger(opt.Log.Handler(), slog.LevelDebug), // strangers could fill the log
		BufferPool:    &buffers,
	}
	return p
}

// dial connects to the first address that accepts it.
func (p *Proxy) dial(ctx context.Context) (conn net.Conn, err error) {
	for _, address := range p.opt.Addresses {
		if conn, err = p.dialer.DialContext(ctx, "tcp", address); err == nil {
			break
		}
	}
	return conn, err
}

// Close gives up the connections that wait for another request.
func (p *Proxy) Close() { p.trip.CloseIdleConnections() }

// Held says that who came now would have to wait.
func (p *Proxy) Held() bool { return p.opt.Gate != nil && p.opt.Gate.Status().State != hold.Open }

func (p *Proxy) rewrite(r *httputil.ProxyRequest) {
	r.Out.URL.Scheme = "http"
	if p.opt.TLS != nil {
		r.Out.URL.Scheme = "https"
	}
	// The transport takes the name of the TLS handshake from here; what it dials it doesn't.
	r.Out.Host, r.Out.URL.Host = r.In.Host, r.In.Host
	if r.In.Host == "" { // HTTP/1.0
		r.Out.URL.Host = p.opt.Addresses[0]
	}
	r.Out.URL.RawQuery = r.In.URL.RawQuery // whole: what of it is well-formed the upstream judges
	r.SetXForwarded()
	if !strings.EqualFold(r.Out.Header.Get("Upgrade"), "websocket") { // in a tunnel of h2c, say, any path could be asked for, whatever the rules are
		r.Out.Header.Del("Connection")
		r.Out.Header.Del("Upgrade")
	}
	if r.In.Trailer != nil {
		r.Out.Trailer = r.In.Trailer // known when the body has been read
	}
	if p.opt.Prepare != nil {
		p.opt.Prepare(r.Out)
	}
}

func (p *Proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
	if e, ok := r.Context().Value(entranceKey{}).(*entrance); ok && errors.Is(err, hold.ErrReplaced) {
		r = e.in // it may be asked anew
	}
	p.opt.Log.Debug("upstream did not answer", "upstream", p.opt.Addresses, "error", err)
	p.opt.Failed(w, r, err)
}

// Reason says in an operator's words why Failed was called for r, with an error that is no gate's.
func Reason(r *http.Request, err error) string {
	return checks.ExchangeReason(err, (&url.URL{Host: r.Host}).Hostname(), dialTime, headTime)
}

// ServeHTTP passes r through, when its turn has come.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.opt.Gate == nil {
		p.proxy.ServeHTTP(w, r)
		return
	}
	e := &entrance{gate: p.opt.Gate, arrival: arrivalOf(r), size: headSize(r), in: r}
	if err := e.enter(r.Context()); err != nil {
		p.failed(w, r, err)
		return
	}
	defer e.leave() // where there was no round trip
	p.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), entranceKey{}, e)))
}

// entrance is the way of one request through the gate. If the upstream is found missing it is taken again.
type entrance struct {
	gate *hold.Gate
	arrival
	size int
	in   *http.Request // as it came
	out  func()        // nil while the request waits
}

type (
	entranceKey struct{}
	arrivalKey  struct{}
)

// arrival is when a request came, from which its wait is counted, and whose share of the places it takes.
type arrival struct {
	arrived time.Time
	client  netip.Addr
}

// Arrived returns r with the time at which it came, and of whom. Without it that is when ServeHTTP is called, and nobody in particular.
func Arrived(r *http.Request, at time.Time, client netip.Addr) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), arrivalKey{}, arrival{at, client}))
}

func arrivalOf(r *http.Request) arrival {
	if a, ok := r.Context().Value(arrivalKey{}).(arrival); ok {
		return a
	}
	return arrival{arrived: time.Now()}
}

func (e *entrance) enter(ctx context.Context) (err error) {
	e.out, err = e.gate.Enter(ctx, e.client, e.arrived, e.size)
	return err
}

func (e *entrance) leave() {
	if e.out != nil {
		e.out()
		e.out = nil
	}
}

// headSize returns about how many octets the head of r takes.
func headSize(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Host) + 32
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + 4
		}
	}
	return n
}

// patient is the transport that, where a gate stands, waits for an upstream that can't be connected.
type patient Proxy

// RoundTrip implements http.RoundTripper.
func (p *patient) RoundTrip(r *http.Request) (*http.Response, error) {
	e, _ := r.Context().Value(entranceKey{}).(*entrance)
	if e == nil {
		return p.trip.RoundTrip(r)
	}
	if r.Body != nil {
		// A transport that can't connect closes the body, and a closed one can't be sent later.
		kept := *r
		kept.Body = io.NopCloser(r.Body)
		r = &kept // the server closes it in any case
	}
	for {
		resp, err := p.trip.RoundTrip(r)
		e.leave() // whatever follows may last
		if err == nil || !unconnected(err) {
			return resp, err
		}
		if !p.opt.Gate.Missing(e.arrived, p.connect) {
			return nil, err
		}
		if err := e.enter(r.Context()); err != nil {
			return nil, err
		}
	}
}

// connect tells whether the upstream accepts connections.
func (p *patient) connect(ctx context.Context) error {
	conn, err := (*Proxy)(p).dial(ctx)
	if err != nil {
		return err
	}
	return conn.Close()
}

// unconnected says whether err came before anything was sent.
func unconnected(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// chunk is the size of the buffers that bodies are copied through.
const chunk = 32 << 10

var buffers = pool{sync.Pool{New: func() any { return new([chunk]byte) }}}

// pool lends them.
type pool struct{ free sync.Pool }

// Get implements httputil.BufferPool.
func (p *pool) Get() []byte { return p.free.Get().(*[chunk]byte)[:] }

// Put implements httputil.BufferPool.
func (p *pool) Put(b []byte) { p.free.Put((*[chunk]byte)(b)) }
