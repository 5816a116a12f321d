// Package try runs everything on loopback to show a failover: DNS, a primary and a backup web host,
// and the admin address, with no configuration and no privileges.
package try

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"dnsfailover/dnsfailover"
	"dnsfailover/dnsfailover/api"
)

// Options are what Run needs.
type Options struct {
	Out     io.Writer
	Keys    <-chan byte // what the person types; nil for none
	Auto    bool        // play the scenes by ourselves, and stop
	NewLine string      // ends a line on Out: "\r\n" while the terminal is raw
	Log     *slog.Logger
	Version string
	Command string // what starts this program in another terminal
}

// Where things listen, if nobody else does.
const (
	wantDNS   = 5300
	wantWeb   = 8080
	wantAdmin = 8053
)

const (
	name   = "www.example.test."
	maxTTL = 5 // seconds, as in configFile
)

var (
	primaryIP = netip.MustParseAddr("127.0.0.1")
	backupIP  = netip.MustParseAddr("127.0.0.2")
)

// stage is all that runs during a try.
type stage struct {
	Options
	dir             string
	dns, admin, web uint16
	primary, backup *host
	client          *api.Client
	began           time.Time
}

// Run shows a failover until ctx ends, q is typed, or, with Auto, the last scene is over.
func Run(ctx context.Context, opt Options) error {
	dir, err := os.MkdirTemp("", "dnsfailover-try-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := &stage{Options: opt, dir: dir, began: time.Now()}
	if err := s.build(); err != nil {
		return err
	}
	defer s.primary.stop()
	defer s.backup.stop()
	s.client = api.Dial(s.socket())
	defer s.client.Close()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return dnsfailover.Serve(ctx, dnsfailover.Options{ConfigFile: s.config(), Log: opt.Log, Version: opt.Version})
	})
	group.Go(func() error {
		defer cancel()
		return s.play(ctx)
	})
	return group.Wait()
}

func (s *stage) config() string { return filepath.Join(s.dir, "dnsfailover.yaml") }
func (s *stage) socket() string { return filepath.Join(s.dir, "control.sock") }

// build picks the ports, starts the two web hosts and writes the files that the server reads.
func (s *stage) build() error {
	var err error
	if s.dns, err = freePort(wantDNS, primaryIP); err != nil {
		return err
	}
	if s.admin, err = freePort(wantAdmin, primaryIP); err != nil {
		return err
	}
	if s.web, err = freePort(wantWeb, primaryIP, backupIP); err != nil {
		return fmt.Errorf("%w (on macOS: sudo ifconfig lo0 alias %s)", err, backupIP)
	}
	s.primary = &host{at: netip.AddrPortFrom(primaryIP, s.web), page: application}
	s.backup = &host{at: netip.AddrPortFrom(backupIP, s.web), page: notice}
	for _, h := range []*host{s.primary, s.backup} {
		if err := h.start(); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(s.dir, "example.test.zone"), []byte(zoneFile), 0o600); err != nil {
		return err
	}
	return os.WriteFile(s.config(), fmt.Appendf(nil, configFile, s.dns, s.admin, s.web, s.web), 0o600)
}

const zoneFile = `$TTL 300
@    IN SOA ns1 hostmaster 1 7200 900 1209600 5
     IN NS  ns1
     IN NS  ns2
ns1  IN A   127.0.0.1
ns2  IN A   127.0.0.1
`

// configFile takes the ports: DNS, admin, web, web.
const configFile = `listen:
  dns: ["127.0.0.1:%d"]
  admin: 127.0.0.1:%d
  control: control.sock
state: .
zones:
  - {name: example.test, file: example.test.zone}
defaults:
  check: {interval: 1s, timeout: 500ms, fall: 2, rise: 2, recheck: 500ms}
services:
  - name: web
    records: [www.example.test]
    ttl: {min: 1s, max: 5s}
    targets:
      - {name: primary, addresses: [127.0.0.1], check: {http: "http://www.example.test:%d/healthz", body: ok}}
      - {name: backup, addresses: [127.0.0.2], check: {tcp: ":%d"}}
    failback: {mode: auto, after: 3s}
`

// println writes one line.
func (s *stage) println(format string, a ...any) {
	fmt.Fprintf(s.Out, format+s.NewLine, a...)
}
