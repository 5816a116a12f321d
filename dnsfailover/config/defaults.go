package config

import (
	"net/netip"
	"time"

	"dnsfailover/checks"
)

// setDefaults fills in what the file leaves out. A check takes a key first from `defaults`.
func (c *rawConfig) setDefaults() {
	if c.dns.from == absent {
		c.dns.from = builtin
		for _, text := range []string{"0.0.0.0:53", "[::]:53"} {
			c.dns.items = append(c.dns.items, leaf[netip.AddrPort]{v: netip.MustParseAddrPort(text), text: text, from: builtin})
		}
	}
	fill(&c.admin, netip.MustParseAddrPort("127.0.0.1:8053"), "127.0.0.1:8053")
	fill(&c.state, "/var/lib/dnsfailover", "/var/lib/dnsfailover")
	fill(&c.maxAge, 15*time.Minute, "15m")
	c.answers.setDefaults()
	// listen.control follows from the state directory: see build.

	fill(&c.guard, string(GuardWarn), string(GuardWarn))
	if c.canaries != nil {
		fill(&c.canaries.fail, "all", "all")
		for _, check := range c.canaries.checks.items {
			c.settleAlone(check)
		}
	}
	for _, s := range c.services.items {
		s.setDefaults()
		s.setWindowDefaults(c.guard)
		for _, t := range s.targets.items {
			if t.check != nil {
				c.settle(t.check)
				t.check.require(t.requires)
				t.check.require(s.requires)
			}
		}
	}
	// After what uses them: that takes only what is written in them.
	for _, check := range c.checks.items {
		c.settleAlone(check)
	}
	c.defaults.setDefaults()
	for _, h := range c.hooks.items {
		h.setDefaults()
	}
}

func (d *rawDNS) setDefaults() {
	fill(&d.maxUDP, 1232, "1232") // DNS flag day 2020
	fill(&d.ede, "false", "false")
	limit := &d.rateLimit
	fill(&limit.rate, 200, "200")
	fill(&limit.slip, 2, "2")
	fill(&limit.ipv4, 24, "24")
	fill(&limit.ipv6, 56, "56")
	if limit.exempt.from == absent {
		limit.exempt.from = builtin
		for _, text := range []string{"127.0.0.0/8", "::1/128"} {
			limit.exempt.items = append(limit.exempt.items, leaf[netip.Prefix]{v: netip.MustParsePrefix(text), text: text, from: builtin})
		}
	}
}

func (s *rawService) setDefaults() {
	// With only one of the two given, the other one gives way to it.
	if s.minTTL.from == absent && s.maxTTL.ok() && s.maxTTL.v < 5*time.Second {
		fill(&s.minTTL, s.maxTTL.v, s.maxTTL.text)
	}
	if s.maxTTL.from == absent && s.minTTL.ok() && s.minTTL.v > time.Minute {
		fill(&s.maxTTL, s.minTTL.v, s.minTTL.text)
	}
	fill(&s.minTTL, 5*time.Second, "5s")
	fill(&s.maxTTL, time.Minute, "60s")
	s.failback.setDefaults()
	fill(&s.allDown, string(AllDownLast), string(AllDownLast))
	for _, t := range s.targets.items {
		fill(&t.need, 1, "1")
	}
}

// inherit takes from d what c leaves out.
func (c *rawCheck) inherit(d *rawCheck) {
	c.inheritProbe(d)
	take(&c.interval, d.interval)
	take(&c.timeout, d.timeout)
	take(&c.recheck, d.recheck)
	take(&c.fall, d.fall)
	take(&c.rise, d.rise)
	take(&c.invert, d.invert)
	takeList(&c.requires, d.requires)
}

func (c *rawCheck) setDefaults() {
	if c.status.from == absent {
		c.status.from = builtin
		c.status.items = []leaf[checks.StatusRange]{{v: checks.StatusRange{From: 200, To: 299}, text: "200-299", from: builtin}}
	}
	c.setProbeDefaults()
	fill(&c.interval, 10*time.Second, "10s")
	fill(&c.timeout, 3*time.Second, "3s")
	// Nobody who wants probes every second wants them slower after a failure.
	if c.recheck.from == absent && c.interval.ok() && c.interval.v < 2*time.Second {
		fill(&c.recheck, c.interval.v, c.interval.text)
	}
	fill(&c.recheck, 2*time.Second, "2s")
	fill(&c.fall, 3, "3")
	fill(&c.rise, 5, "5")
}

func fill[T any](l *leaf[T], v T, text string) {
	if l.from == absent {
		*l = leaf[T]{v: v, text: text, from: builtin}
	}
}

func take[T any](l *leaf[T], d leaf[T]) {
	if l.from == absent && d.from != absent {
		*l = d
		l.from = inherited
	}
}

func takeList[T any](l *list[T], d list[T]) {
	if l.from == absent && d.from != absent {
		*l = d
		l.from = inherited
	}
}
