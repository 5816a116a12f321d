package config

import (
	"fmt"
	"net/netip"

	"dnsfailover/checks"
)

// build returns what the program works with. Nothing can go wrong any more.
func (c *rawConfig) build(file string) *Config {
	where := func(at pos) string { return fmt.Sprintf("%s:%d:%d", file, at.line, at.column) }
	built := &Config{
		File:   file,
		Listen: Listen{Admin: c.admin.v, Control: c.control.v},
		State:  c.state.v,
		MaxAge: c.maxAge.v,
		DNS:    c.answers.build(),
	}
	for _, l := range c.dns.items {
		built.Listen.DNS = append(built.Listen.DNS, l.v)
	}
	if c.tls != nil {
		built.Listen.TLS = c.tls.build()
	}
	if c.page != nil {
		built.Listen.Page = c.page.build(file)
	}
	for _, t := range c.tokens.items {
		built.Tokens = append(built.Tokens, Token{Name: t.name.v, Secret: t.secret})
	}
	for _, z := range c.zones.items {
		built.Zones = append(built.Zones, Zone{Name: z.name.v, File: z.file.v, Where: where(z.name.pos)})
	}
	b := &builder{rawConfig: c, where: where, known: map[string]*checks.Check{}}
	for _, s := range c.services.items {
		built.Services = append(built.Services, b.service(s))
	}
	for _, h := range c.hooks.items {
		built.Hooks = append(built.Hooks, h.build())
	}
	built.Canaries = b.canaries()
	built.Checks, built.Requires = b.all, b.requires
	return built
}

func (b *builder) service(s *rawService) Service {
	built := Service{
		Name:     s.name.v,
		Where:    b.where(s.name.pos),
		MinTTL:   s.minTTL.v,
		MaxTTL:   s.maxTTL.v,
		Failback: s.failback.build(),
		AllDown:  AllDown(s.allDown.v),
		Windows:  s.buildWindows(b.where),
		Guard:    Guard(s.guard.v),
	}
	for _, rec := range s.records.items {
		built.Records = append(built.Records, Record{Name: rec.v, Where: b.where(rec.pos)})
	}
	for _, l := range s.staff.items {
		built.Staff = append(built.Staff, l.v)
	}
	for _, t := range s.targets.items {
		target := Target{Name: t.name.v, Where: b.where(t.name.pos), Need: t.need.v}
		for i, a := range t.addresses.items {
			address := Address{IP: a.v}
			if t.check != nil {
				address.Checks, address.Need = b.watches(t.check, s.name.v+"/"+t.name.v, a.v, i)
			}
			target.Addresses = append(target.Addresses, address)
		}
		pairFamilies(target.Addresses)
		built.Targets = append(built.Targets, target)
	}
	return built
}

// build returns the check, without its ID, of served, the target's i-th address.
func (c *rawCheck) build(served netip.Addr, i int) *checks.Check {
	dialled := c.dialled(served, i)
	return &checks.Check{
		Probe:    c.probe(dialled),
		Source:   c.sourceOf(dialled),
		Interval: c.interval.v,
		Timeout:  c.timeout.v,
		Recheck:  c.recheck.v,
		Fall:     c.fall.v,
		Rise:     c.rise.v,
	}
}

// dialled returns what is dialled for served, the target's i-th address.
func (c *rawCheck) dialled(served netip.Addr, i int) netip.Addr {
	switch at := c.at.items; {
	case c.tcp.ok() && c.tcp.v.Addr().IsValid():
		return c.tcp.v.Addr()
	case len(at) == 1:
		return at[0].v
	case len(at) > i:
		return at[i].v
	}
	return served
}
