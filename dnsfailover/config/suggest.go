package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// homes says where a key belongs, for one that is found elsewhere.
var homes = map[string]string{
	"dns": "listen", "admin": "listen", "control": "listen", "tls": "listen",
	"certificate": "tls", "key": "tls",
	"max_udp": "dns", "identity": "dns", "version": "dns", "ede": "dns", "cookies": "dns", "rate_limit": "dns",
	"secrets": "cookies",
	"rate":    "rate_limit", "slip": "rate_limit", "ipv4_prefix": "rate_limit", "ipv6_prefix": "rate_limit", "exempt": "rate_limit",
	"records": "a service", "ttl": "a service", "targets": "a service", "failback": "a service", "all_down": "a service",
	"addresses": "a target", "check": "a target", "need": "a target",
	"min": "ttl", "max": "ttl",
	"mode": "failback", "after": "failback",
	"http": "check", "tcp": "check", "status": "check", "body": "check", "headers": "check", "method": "check",
	"ca": "check", "at": "check", "interval": "check", "timeout": "check", "recheck": "check", "fall": "check", "rise": "check",
	"listen": "the file", "state": "the file", "max_age": "the file", "tokens": "the file", "zones": "the file",
	"services": "the file", "defaults": "the file",
}

// suggestKey returns a hint for an unknown key: another place where it is known, or a key of this place that looks like it.
func suggestKey[V any](key string, known map[string]V) string {
	if home, ok := homes[key]; ok {
		return fmt.Sprintf(": it belongs to %s", home)
	}
	return suggest(key, slices.Sorted(maps.Keys(known)))
}

// suggest returns `: did you mean "x"?` for the best of those in known that look like given, or what may be
// given if there are few.
func suggest(given string, known []string) string {
	plainly := func(s string) string { return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(s)) }
	best, most := "", 1+len(given)/4
	for _, candidate := range known {
		if d := distance(plainly(given), plainly(candidate)); d < most || d == most && best == "" {
			best, most = candidate, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf(": did you mean %q?", best)
	case len(known) <= 6:
		return ": it can be " + strings.Join(known, ", ")
	}
	return ""
}

// distance counts the letters to insert, remove, replace or swap with their neighbour to get from a to b
// (optimal string alignment). It gives up on long texts: no key is.
func distance(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	row := func() []int { return make([]int, len(b)+1) }
	before, last, next := row(), row(), row()
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(last[j+1]+1, next[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, last, next = last, next, before
	}
	return last[len(b)]
}
