package page

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/page/files"
	"dnsfailover/dnsfailover/page/hold"
	"dnsfailover/dnsfailover/page/notice"
	"dnsfailover/dnsfailover/page/pass"
	"dnsfailover/dnsfailover/page/seldom"
	"dnsfailover/dnsfailover/page/staff"
)

// world is the sites of one configuration.
type world struct {
	config *config.Page
	sites  []*site
	named  map[string]*site // by name
	wild   map[string]*site // by what stands behind "*."
	other  *site            // for all other names
	staff  *staff.Staff
}

// site is one host of the configuration.
type site struct {
	*config.PageHost
	label    string // in metrics, logs and commands: its first name, or "*"
	stand    atomic.Pointer[stand]
	gates    []*hold.Gate // before the primary, if there is one, and before each upstream of a path
	primary  *pass.Proxy  // nil: none
	direct   *pass.Proxy  // the same without a gate, for staff
	rules    []rule
	counters *counters
	failing  seldom.Thing // that an upstream fails is logged
}

// mode is what a site does with a request that no path rule claims.
type mode uint8

const (
	modeNotice mode = iota // the notice
	modeOpen               // on to the primary
	modePaused             // hold it, then pass it on
)

func (m mode) String() string { return [...]string{"notice", "open", "paused"}[m] }

// stand is what a site does now. It is immutable.
type stand struct {
	mode   mode
	notice *notice.Notice
	until  time.Time // when the site is expected back; zero: not known
	back   bool      // names point at the site again: whoever asks us still is to look them up anew
	source string    // what decided, for status
}

// counters count the requests of a site.
type counters struct {
	notices                          [6]atomic.Uint64 // by form
	status                           [6]atomic.Uint64 // of what was passed on or served from a directory, by hundreds
	passed, files, redirected, staff atomic.Uint64
	malformed                        atomic.Uint64
	held                             hold.Counts
}

// ruled says that a path rule may be for a target, which is as it was sent. An escape can spell any path.
func (s *site) ruled(target []byte) bool {
	if len(s.rules) == 0 {
		return false
	}
	if bytes.IndexByte(target, '%') >= 0 {
		return true
	}
	for i := range s.rules {
		if bytes.HasPrefix(target, []byte(s.rules[i].prefix)) {
			return true
		}
	}
	return false
}

// label names a host.
func label(h *config.PageHost) string {
	if len(h.Names) == 0 {
		return "*"
	}
	return h.Names[0]
}

// known returns the names by which orders are about a site: its own, or "*".
func (s *site) known() []string {
	if len(s.Names) == 0 {
		return []string{s.label}
	}
	return s.Names
}

// has says that a site is known by that name.
func (w *world) has(name string) bool {
	return slices.ContainsFunc(w.sites, func(s *site) bool { return slices.Contains(s.known(), name) })
}

// compile makes the world of a configuration. Sites that are in the live one keep their counters.
func (h *Host) compile(cfg *config.Page) *world {
	old := h.live.Load()
	w := &world{
		config: cfg, named: map[string]*site{}, wild: map[string]*site{},
		staff: staff.New(staff.Options{Networks: cfg.Staff.Networks, Secret: string(cfg.Staff.Secret), For: cfg.Staff.For}),
	}
	for i := range cfg.Hosts {
		kept := &counters{}
		if before := old.labelled(label(&cfg.Hosts[i])); before != nil {
			kept = before.counters
		}
		s := h.newSite(&cfg.Hosts[i], kept)
		w.sites = append(w.sites, s)
		for _, name := range s.Names {
			if rest, ok := strings.CutPrefix(name, "*."); ok {
				w.wild[rest] = s
			} else {
				w.named[name] = s
			}
		}
		if len(s.Names) == 0 {
			w.other = s
		}
	}
	return w
}

func (h *Host) newSite(c *config.PageHost, counters *counters) *site {
	s := &site{PageHost: c, label: label(c), counters: counters}
	if c.Primary != nil {
		s.direct = h.newProxy(s, c.Primary, nil)
		s.primary = h.newProxy(s, c.Primary, s.newGate())
	}
	for _, p := range c.Paths {
		r := rule{prefix: p.Prefix, dir: files.Directory{Path: p.Dir}}
		if p.Proxy != nil {
			r.proxy = h.newProxy(s, p.Proxy, s.newGate())
		}
		s.rules = append(s.rules, r)
	}
	return s
}

func (s *site) newGate() *hold.Gate {
	g := hold.New(hold.Limits{For: s.Hold.For, Max: s.Hold.Max, PerClient: s.Hold.PerClient, Bytes: s.Hold.Bytes}, &s.counters.held)
	s.gates = append(s.gates, g)
	return g
}

// turn makes the gates do what the site does. One before a path's upstream is open while the notice is shown elsewhere.
func (s *site) turn(m mode) {
	for i, g := range s.gates {
		switch {
		case m == modePaused:
			g.Pause()
		case m == modeNotice && i == 0 && s.primary != nil:
			g.Stop()
		default:
			g.Resume()
		}
	}
}

// waiting returns how many requests wait now.
func (s *site) waiting() (n int) {
	for _, g := range s.gates {
		n += g.Status().Waiting
	}
	return n
}

// labelled returns the site with that label; nil if there is none.
func (w *world) labelled(label string) *site {
	if w == nil {
		return nil
	}
	for _, s := range w.sites {
		if s.label == label {
			return s
		}
	}
	return nil
}

// retire closes what is idle of a world that isn't live any more. Who waits at its gates goes on to those of
// the live one: a site that is paused stays so.
func (w *world) retire() {
	if w == nil {
		return
	}
	for _, s := range w.sites {
		for _, g := range s.gates {
			g.Replace()
		}
		for _, p := range s.proxies() {
			p.Close()
		}
	}
}

func (s *site) proxies() []*pass.Proxy {
	var out []*pass.Proxy
	if s.primary != nil {
		out = append(out, s.primary, s.direct)
	}
	for _, r := range s.rules {
		if r.proxy != nil {
			out = append(out, r.proxy)
		}
	}
	return out
}

// find returns the site that a Host header is about, and whether that names the machine instead: by an address, as localhost, or not at all.
func (w *world) find(host []byte) (s *site, address bool) {
	name := host
	if n := len(name); n > 0 && name[0] != '[' {
		for i := n - 1; i >= 0 && n-i <= 6; i-- {
			if name[i] == ':' {
				name = name[:i]
				break
			}
		}
	}
	if n := len(name); n > 0 && name[n-1] == '.' {
		name = name[:n-1]
	}
	if s := w.named[string(name)]; s != nil {
		return s, false
	}
	lower := strings.ToLower(string(name))
	if s := w.named[lower]; s != nil {
		return s, false
	}
	for rest := lower; ; {
		dot := strings.IndexByte(rest, '.')
		if dot < 0 {
			break
		}
		rest = rest[dot+1:]
		if s := w.wild[rest]; s != nil {
			return s, false
		}
	}
	if lower == "" || lower == "localhost" {
		return w.other, true
	}
	_, err := netip.ParseAddr(strings.Trim(lower, "[]"))
	if err != nil {
		_, err = netip.ParseAddrPort(lower)
	}
	return w.other, err == nil
}
