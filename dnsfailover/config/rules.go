package config

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// checkRules reports every rule that is broken. It runs after setDefaults.
func (c *rawConfig) checkRules(r *report) {
	c.checkListen(r)
	c.answers.check(r)
	c.checkTokens(r)
	c.checkZones(r)
	c.checkSeveral(r)
	unique(r, c.services.items, "service", func(s *rawService) leaf[string] { return s.name })
	owners := map[string]*rawService{}
	for _, s := range c.services.items {
		s.check(r)
		c.checkRecords(r, s, owners)
	}
	c.defaults.checkRules(r)
	c.checkHooks(r)
}

func (c *rawConfig) checkTokens(r *report) {
	for _, t := range c.tokens.items {
		needs(r, t.pos, t.whole, t.name.from, "a token", "name")
		needs(r, t.pos, t.whole, t.file.from, "a token", "file")
	}
	unique(r, c.tokens.items, "token", func(t *rawToken) leaf[string] { return t.name })
}

func (c *rawConfig) checkZones(r *report) {
	needs(r, c.pos, c.whole, c.zones.from, "the file", "zones")
	for _, z := range c.zones.items {
		needs(r, z.pos, z.whole, z.name.from, "a zone", "name")
		needs(r, z.pos, z.whole, z.file.from, "a zone", "file")
	}
	unique(r, c.zones.items, "zone", func(z *rawZone) leaf[string] { return z.name })
}

// checkRecords sees to it that each record of s lies in a zone and belongs to no other service; owners
// holds the services seen so far.
func (c *rawConfig) checkRecords(r *report, s *rawService, owners map[string]*rawService) {
	zonesKnown := c.zones.ok() && !slices.ContainsFunc(c.zones.items, func(z *rawZone) bool { return !z.name.ok() })
	for _, rec := range s.records.items {
		if !rec.ok() {
			continue
		}
		inZone := func(z *rawZone) bool {
			return z.name.v == "." || rec.v == z.name.v || strings.HasSuffix(rec.v, "."+z.name.v)
		}
		if zonesKnown && !slices.ContainsFunc(c.zones.items, inZone) {
			r.problem(rec.pos, "record %q lies in none of the zones: write the full name, as in www.example.com, or add its zone", rec.text)
		}
		switch owner := owners[rec.v]; owner {
		case nil:
			owners[rec.v] = s
		case s:
			r.problem(rec.pos, "record %q is listed twice: remove one", rec.text)
		default:
			r.problem(rec.pos, "record %q belongs to service %q already: a name can only move with one service", rec.text, owner.name.text)
		}
	}
}

func (s *rawService) check(r *report) {
	needs(r, s.pos, s.whole, s.name.from, "a service", "name")
	needs(r, s.pos, s.whole, s.records.from, "a service", "records")
	needs(r, s.pos, s.whole, s.targets.from, "a service", "targets")
	for _, ttl := range []leaf[time.Duration]{s.minTTL, s.maxTTL} {
		between(r, ttl, "a TTL", time.Second, 24*time.Hour, "1s", "24h")
		if ttl.ok() && ttl.from == written && ttl.v%time.Second != 0 {
			r.problem(ttl.pos, "a TTL can't be %s: DNS counts in whole seconds", ttl.text)
		}
	}
	if s.minTTL.ok() && s.maxTTL.ok() && s.minTTL.v > s.maxTTL.v {
		r.problem(s.minTTL.pos, "min %s is above max %s", s.minTTL.text, s.maxTTL.text)
	}
	s.failback.check(r)
	s.checkStaff(r)
	s.checkWindows(r)
	unique(r, s.targets.items, "target", func(t *rawTarget) leaf[string] { return t.name })
	for _, t := range s.targets.items {
		t.checkRules(r)
	}
}

func (t *rawTarget) checkRules(r *report) {
	needs(r, t.pos, t.whole, t.name.from, "a target", "name")
	needs(r, t.pos, t.whole, t.addresses.from, "a target", "addresses")
	unique(r, t.addresses.items, "address", func(a leaf[netip.Addr]) leaf[netip.Addr] { return a })
	known := t.addresses.ok()
	if n := len(t.addresses.items); known && t.need.ok() && (t.need.v < 1 || t.need.v > n) {
		r.problem(t.need.pos, "need must be from 1 to %d, the number of addresses, not %s", n, t.need.text)
	}
	if t.check == nil {
		return
	}
	t.check.checkSeveral(r)
	for _, c := range t.check.members() {
		c.checkRules(r)
		c.saysWhat(r)
		c.checkDialled(r, t.addresses.items)
		if known {
			for i, a := range t.addresses.items {
				c.checkSource(r, []netip.Addr{c.dialled(a.v, i)})
			}
		}
		if n := len(c.at.items); known && c.at.ok() && n != 1 && n != len(t.addresses.items) {
			r.problem(c.at.pos, "at has %d addresses for the %d of the target: list one for all of them, or one for each in the same order", n, len(t.addresses.items))
		}
	}
}

func (c *rawCheck) saysWhat(r *report) {
	if c.whole && c.kind() == "" && c.use.from == absent {
		r.problem(c.pos, `check doesn't say what to probe: add http: "https://www.example.com/" or tcp: ":443"`)
	}
}

// checkRules judges a target's check, or the keys of one in `defaults`.
func (c *rawCheck) checkRules(r *report) {
	between(r, c.interval, "interval", 100*time.Millisecond, 24*time.Hour, "100ms", "24h")
	between(r, c.timeout, "timeout", 10*time.Millisecond, 24*time.Hour, "10ms", "24h")
	between(r, c.recheck, "recheck", 100*time.Millisecond, 24*time.Hour, "100ms", "24h")
	between(r, c.fall, "fall", 1, 100, "1", "100")
	between(r, c.rise, "rise", 1, 100, "1", "100")
	if c.timeout.ok() && c.interval.ok() && c.timeout.v >= c.interval.v {
		blame(r, []leaf[time.Duration]{c.timeout, c.interval},
			"timeout %s must be shorter than interval %s: a probe ends before the next one begins")
	}
	if c.recheck.ok() && c.interval.ok() && c.recheck.v > c.interval.v {
		blame(r, []leaf[time.Duration]{c.recheck, c.interval},
			"recheck %s can't be longer than interval %s: after a failure, probes come sooner")
	}
	c.checkProbe(r)
}

// needs reports that a key is missing.
func needs(r *report, at pos, whole bool, from origin, what, key string) {
	if whole && from == absent {
		r.problem(at, "%s needs the key %q", what, key)
	}
}

// unique reports what stands twice in a list under the same name.
func unique[T any, N comparable](r *report, items []T, what string, name func(T) leaf[N]) {
	seen := map[N]pos{}
	for _, item := range items {
		l := name(item)
		if !l.ok() {
			continue
		}
		if first, twice := seen[l.v]; twice {
			r.problem(l.pos, "%s %q is there twice, first in line %d: rename or remove one", what, l.text, first.line)
			continue
		}
		seen[l.v] = l.pos
	}
}

// between reports a value that the file gives and that is too low or too high.
func between[T cmp.Ordered](r *report, l leaf[T], what string, low, high T, lowText, highText string) {
	if l.ok() && l.from != builtin && (l.v < low || l.v > high) {
		r.problem(l.pos, "%s must be from %s to %s, not %s", what, lowText, highText, l.text)
	}
}

// blame reports values that don't go together at the first one that is written where it applies. If none is,
// they met in `defaults`, where they are reported too.
func blame[T any](r *report, together []leaf[T], format string) {
	i := slices.IndexFunc(together, func(l leaf[T]) bool { return l.from == written })
	if i < 0 {
		return
	}
	texts := make([]any, len(together))
	for j, l := range together {
		texts[j] = l.text + map[origin]string{builtin: " (the default)", inherited: " (from defaults)"}[l.from]
	}
	r.problem(together[i].pos, format, texts...)
}
