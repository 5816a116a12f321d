package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"dnsfailover/dnsfailover/meant"
)

// homes says where a key belongs, for one that is found elsewhere.
var homes = map[string]string{
	"dns": "listen", "admin": "listen", "control": "listen", "tls": "listen",
	"certificate": "tls", "key": "tls",
	"max_udp": "dns", "identity": "dns", "version": "dns", "ede": "dns", "cookies": "dns", "rate_limit": "dns", "trust_ecs": "dns",
	"secrets": "cookies",
	"rate":    "rate_limit", "slip": "rate_limit", "ipv4_prefix": "rate_limit", "ipv6_prefix": "rate_limit", "exempt": "rate_limit",
	"records": "a service", "ttl": "a service", "targets": "a service", "failback": "a service", "all_down": "a service", "staff": "a service", "windows": "a service",
	"to": "a window", "cron": "a window", "timezone": "a window", "for": "a window",
	"addresses": "a target", "check": "a target", "need": "a target",
	"min": "ttl", "max": "ttl",
	"mode": "failback", "after": "failback", "hold_down": "failback", "only_in": "failback",
	"http": "check", "tcp": "check", "status": "check", "body": "check", "headers": "check", "method": "check",
	"ca": "check", "at": "check", "http_version": "check", "redirects": "check", "body_not": "check", "body_matches": "check",
	"json": "check", "max_body": "check", "basic": "check", "bearer": "check", "send": "check", "expect": "check", "client": "check",
	"min_tls": "check", "days_left": "check", "alpn": "check", "allow_link_local": "check", "icmp": "check", "grpc": "check",
	"exec": "check", "push": "check", "maintenance": "check", "source": "check", "of": "check", "use": "check", "invert": "check",
	"interval": "check", "timeout": "check", "recheck": "check", "fall": "check", "rise": "check",
	"on": "a hook", "command": "a hook", "webhook": "a hook", "during_windows": "a hook",
	"hooks": "the file", "listen": "the file", "state": "the file", "max_age": "the file", "tokens": "the file", "zones": "the file",
	"fail": "canaries", "canaries": "the file",
	"services": "the file", "defaults": "the file",
}

// suggestKey returns a hint for an unknown key of what: another place where it is known, or a key of this place that looks like it.
func suggestKey[V any](key, what string, known map[string]V) string {
	if home, ok := homes[key]; ok && home != what { // a page host's file is a file too
		return fmt.Sprintf(": it belongs to %s", home)
	}
	return suggest(key, slices.Sorted(maps.Keys(known)))
}

// suggest returns `: did you mean "x"?` for the best of those in known that look like given, or what may be
// given if there are few.
func suggest(given string, known []string) string {
	switch best := meant.Nearest(given, known); {
	case best != "":
		return fmt.Sprintf(": did you mean %q?", best)
	case len(known) <= 6:
		return ": it can be " + strings.Join(known, ", ")
	}
	return ""
}
