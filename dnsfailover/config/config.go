package config

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"dnsfailover/checks"
)

// Config is a whole configuration, checked and with every default filled in.
type Config struct {
	File     string // as given to Load
	Digest   string // SHA-256 of the file, in hexadecimal
	Listen   Listen
	State    string        // directory, absolute
	MaxAge   time.Duration // what the state directory says is believed if it is younger than this
	DNS      DNS
	Tokens   []Token
	Zones    []Zone
	Services []Service
	Hooks    []Hook
	Canaries Canaries
	// Checks are all that there are, each once: equal ones of several places are one.
	Checks []*checks.Check
	// Requires are, by a check's ID, the checks without which its failures are not believed.
	Requires map[string][]Watch
	Warnings []Problem
}

// Listen says where the server listens.
type Listen struct {
	DNS     []netip.AddrPort // UDP and TCP
	Admin   netip.AddrPort   // zero: off
	Control string           // path of the control socket
	TLS     *TLS             // nil: off
	Page    *Page            // nil: off
}

// TLS says where DNS over TLS is spoken (RFC 7858), and with what.
type TLS struct {
	Addresses        []netip.AddrPort
	Certificate, Key string // PEM files: absolute, or relative to the working directory; they fit together
}

// DNS says what answers are like.
type DNS struct {
	MaxUDP    int    // octets of an answer over UDP
	Identity  string // told by NSID, id.server and hostname.bind; empty: not told
	Version   string // told by version.bind; empty: not told
	EDE       bool   // extended errors say why a service is on its backup
	Cookies   Cookies
	RateLimit RateLimit
	TrustECS  []netip.Prefix // resolvers that may say who their client is, for services with staff
}

// Cookies are the secrets of DNS cookies (RFC 9018): the first makes new ones, all are accepted.
type Cookies struct {
	Off     bool
	Secrets [][16]byte // empty, and not Off: one of the state directory
}

// RateLimit bounds how many like answers a second go to one network over UDP.
type RateLimit struct {
	Rate                   int // answers a second; 0: no limit
	Slip                   int // of what is too much, each Slip-th is answered with TC; 0: none is
	IPv4Prefix, IPv6Prefix int // bits of a network
	Exempt                 []netip.Prefix
}

// Token allows whoever bears it to write over HTTP.
type Token struct {
	Name   string // shown as the author
	Secret string // read from the file the configuration names
}

// Zone is authoritative data under an apex, from one master file.
type Zone struct {
	Name  string // fully qualified, lower case
	File  string // absolute, or relative to the working directory
	Where string // file:line:column
}

// Service is a set of names that move together.
type Service struct {
	Name     string
	Where    string
	Records  []Record
	MinTTL   time.Duration // whole seconds
	MaxTTL   time.Duration // whole seconds
	Targets  []Target      // in order of preference, at least one
	Failback Failback
	AllDown  AllDown
	Staff    []netip.Prefix // clients in them get the first target, whatever the others get
	Windows  []Window
	Guard    Guard
}

// Record is one name of a service.
type Record struct {
	Name  string // fully qualified, lower case
	Where string
}

// Target is one place that a service can point at.
type Target struct {
	Name      string
	Where     string
	Addresses []Address
	Need      int // how many addresses must be up for the target to be up
}

// Address is one address of a target and what watches it.
type Address struct {
	IP netip.Addr
	// Checks are empty if the target has no check: the address counts as up. With `at`, one address is served
	// and another is dialled.
	Checks []Watch
	Need   int // how many of Checks must be up for the address to be up
}

// Watch is a check in a place where it counts.
type Watch struct {
	Name  string // within that place; empty if it is the only one
	Check *checks.Check
}

// Canaries are the checks that tell whether it is this host that is cut off.
type Canaries struct {
	Checks []Watch
	Fail   int // how many must be down for that
}

// Failback says when a service goes back to a better target that is up again.
type Failback struct {
	Manual bool
	After  time.Duration // how long the better target must have been up
	// HoldDown is the most that After doubles to while a target flaps; 0: it doesn't double.
	HoldDown time.Duration
	OnlyIn   *Period // nil: at any time
}

// AllDown says what a service serves when none of its targets is up.
type AllDown string

// The first and last target in order, the one that is served, or NODATA.
const (
	AllDownFirst AllDown = "first"
	AllDownLast  AllDown = "last"
	AllDownHold  AllDown = "hold"
	AllDownNone  AllDown = "none"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	File         string
	Line, Column int    // 1-based; 0: the file as a whole
	Text         string // one sentence in an operator's words
}

// String returns the problem as file:line:column: text.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// Unusable joins the problems of a configuration to one error, a line each.
func Unusable(file string, problems []Problem) error {
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = p.String()
	}
	return fmt.Errorf("%s is not usable:\n%s", file, strings.Join(lines, "\n"))
}
