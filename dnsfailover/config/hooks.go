package config

import (
	"crypto/x509"
	"encoding/base64"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"dnsfailover/dnsfailover/api"
)

// Hook is told of events: it runs a command, or sends a webhook.
type Hook struct {
	Name     string
	On       []string // kinds of events
	Services []string // empty: all, and events that are of none
	Command  []string // a program and its arguments; empty: a webhook is sent
	Webhook  string   // a URL, which is not to be shown: some hold secrets
	Secret   []byte   // signs webhooks
	Roots    *x509.CertPool
	RootsID  string // digest of the file that Roots are from
	Timeout  time.Duration
	Mute     bool // what happens in or by planned windows is not told, but for their edges
}

type rawHook struct {
	pos
	whole                 bool
	name                  leaf[string]
	on, services, command list[leaf[string]]
	webhook               leaf[*url.URL]
	secret, ca            leaf[string]
	key                   []byte // what secret holds
	roots                 *roots // what ca holds
	timeout               leaf[time.Duration]
	duringWindows         leaf[string]
}

func decodeHook(r *report, n *yaml.Node) *rawHook {
	h := &rawHook{pos: pos{n.Line, n.Column}}
	words := func(n *yaml.Node, what, example string) list[leaf[string]] {
		return sequence(r, n, what, example, func(n *yaml.Node) leaf[string] { return word(r, n, "an item of "+what, "a word") })
	}
	h.whole = mapping(r, n, "a hook", "{name: pager, webhook: \"https://…\", secret: pager.secret}", map[string]func(*yaml.Node){
		"name": func(n *yaml.Node) { h.name = handle(r, n, "a hook's name") },
		"on": func(n *yaml.Node) {
			h.on = sequence(r, n, "on", "[selection, window_start]", func(n *yaml.Node) leaf[string] { return oneOf(r, n, "on", api.Kinds()...) })
		},
		"services":       func(n *yaml.Node) { h.services = words(n, "services", "[web]") },
		"command":        func(n *yaml.Node) { h.command = words(n, "command", "[/usr/local/bin/notify, --quiet]") },
		"webhook":        func(n *yaml.Node) { h.webhook = parseURL(r, n, "webhook") },
		"secret":         func(n *yaml.Node) { h.secret = word(r, n, "secret", "the path of a file that holds the secret") },
		"ca":             func(n *yaml.Node) { h.ca = word(r, n, "ca", "the path of a PEM file") },
		"timeout":        func(n *yaml.Node) { h.timeout = duration(r, n, "timeout", "10s") },
		"during_windows": func(n *yaml.Node) { h.duringWindows = oneOf(r, n, "during_windows", "mark", "mute") },
	})
	return h
}

func (h *rawHook) setDefaults() {
	if h.on.from == absent {
		h.on.from = builtin
		for _, kind := range []string{api.EventSelection, api.EventWindowStart, api.EventWindowEnd} {
			h.on.items = append(h.on.items, leaf[string]{v: kind, text: kind, from: builtin})
		}
	}
	fill(&h.timeout, 10*time.Second, "10s")
	fill(&h.duringWindows, "mark", "mark")
}

func (c *rawConfig) checkHooks(r *report) {
	unique(r, c.hooks.items, "hook", func(h *rawHook) leaf[string] { return h.name })
	var services []string
	for _, s := range c.services.items {
		services = append(services, s.name.v)
	}
	for _, h := range c.hooks.items {
		h.check(r)
		for _, s := range h.services.items {
			if s.ok() && !slices.Contains(services, s.v) {
				r.problem(s.pos, "there is no service %q that hook %q could be told of%s", s.v, h.name.v, suggest(s.v, services))
			}
		}
	}
}

func (h *rawHook) check(r *report) {
	needs(r, h.pos, h.whole, h.name.from, "a hook", "name")
	between(r, h.timeout, "timeout", 100*time.Millisecond, 5*time.Minute, "100ms", "5m")
	command, webhook := h.command.from != absent, h.webhook.from != absent
	switch {
	case command && webhook:
		r.problem(h.webhook.pos, "a hook has command or webhook, not both: make two hooks of it")
	case h.whole && !command && !webhook:
		r.problem(h.pos, `a hook needs "command", a program to run, or "webhook", a URL to send to`)
	case webhook:
		needs(r, h.pos, h.whole, h.secret.from, "a hook with webhook", "secret")
	}
	if command && h.secret.from != absent {
		r.problem(h.secret.pos, "secret means nothing to a command: only webhooks are signed")
	}
	if h.ca.from != absent && (command || h.webhook.ok() && h.webhook.v.Scheme == "http") {
		r.problem(h.ca.pos, "ca means something to webhooks with https:// only: remove it")
	}
}

func (h *rawHook) readFiles(r *report, dir string) {
	if secret := readToken(r, h.secret, dir); secret != "" {
		h.key = []byte(secret)
		if encoded, ok := strings.CutPrefix(secret, "whsec_"); ok { // as Standard Webhooks writes keys
			var err error
			if h.key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
				r.problem(h.secret.pos, "the secret in %s begins with whsec_, but what follows is not base64", h.secret.v)
			}
		}
	}
	h.roots = readAuthorities(r, h.ca, dir)
	if len(h.command.items) > 0 {
		findProgram(r, &h.command.items[0], "command", dir)
	}
}

// checkSense warns of what is legal but hardly meant.
func (h *rawHook) checkSense(r *report) {
	if h.webhook.ok() && h.webhook.v.Scheme == "http" && !isLoopback(h.webhook.v.Hostname()) {
		r.warning(h.webhook.pos, "the webhook of hook %q is sent in the clear: everybody on the way can read what it tells", h.name.v)
	}
}

func (h *rawHook) build() Hook {
	built := Hook{Name: h.name.v, Secret: h.key, Timeout: h.timeout.v, Mute: h.duringWindows.v == "mute"}
	for _, l := range []struct {
		from []leaf[string]
		to   *[]string
	}{{h.on.items, &built.On}, {h.services.items, &built.Services}, {h.command.items, &built.Command}} {
		for _, item := range l.from {
			*l.to = append(*l.to, item.v)
		}
	}
	if h.webhook.ok() {
		built.Webhook = h.webhook.v.String()
	}
	if h.roots != nil {
		built.Roots, built.RootsID = h.roots.pool, h.roots.id
	}
	return built
}

// isLoopback tells whether a host of a URL is this machine, by its name or address.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
