package try

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"dnsfailover/dnsfailover/api"
)

// play prints what can be typed, shows how the answers change, and does what the person types or, with Auto, the
// scenes one after another.
func (s *stage) play(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sights := make(chan sight)
	go s.watch(ctx, sights)

	var last sight
	select {
	case last = <-sights:
	case <-ctx.Done():
		return nil
	}
	s.introduce()
	did := time.Now()
	s.show(ctx, last, sight{}, did)

	scenes, begun := s.scenes(), false
	if !s.Auto {
		scenes = nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case key := <-s.Keys:
			if key == 'q' || key == 3 { // ^C, in raw mode
				return nil
			}
			if err := s.act(ctx, key, &did); err != nil {
				return err
			}
		case now := <-sights:
			s.show(ctx, now, last, did)
			moved := now.address != last.address
			last = now
			switch {
			case len(scenes) == 0:
				continue
			case !begun: // once the probes know where they stand, answers promise the whole TTL
				if begun = now.ttl == maxTTL; !begun {
					continue
				}
			case !moved || now.address != scenes[0].until:
				continue
			default:
				scenes = scenes[1:]
			}
			if len(scenes) == 0 {
				s.println("%s  that was it", s.clock())
				return nil
			}
			if err := s.act(ctx, scenes[0].key, &did); err != nil {
				return err
			}
		}
	}
}

// scene is one thing that is done, and the address that ends it.
type scene struct {
	key   byte
	until string
}

func (s *stage) scenes() []scene {
	return []scene{
		{'d', backupIP.String()},
		{'u', primaryIP.String()},
		{'s', backupIP.String()},
		{'r', primaryIP.String()},
	}
}

// act does what a key stands for.
func (s *stage) act(ctx context.Context, key byte, did *time.Time) error {
	*did = time.Now()
	switch key {
	case 'd':
		s.primary.stop()
		s.println("%s  the primary is down: its probes fail, and the TTL shrinks", s.clock())
	case 'u':
		if err := s.primary.start(); err != nil {
			return err
		}
		s.println("%s  the primary is up again: after 2 good probes and 3 s more it is served", s.clock())
	case 's':
		_, err := s.client.Switch(ctx, "web", api.Switch{Target: "backup", For: 60, Reason: "trying it", Author: "you"})
		return s.said(ctx, err, "switched to the backup by hand, for a minute")
	case 'r':
		_, err := s.client.Release(ctx, "web")
		return s.said(ctx, err, "released: what the probes say counts again")
	default:
		s.println("%s  keys: d down, u up, s switch, r release, q quit", s.clock())
	}
	return nil
}

// said prints what was done, or why it was refused.
func (s *stage) said(ctx context.Context, err error, done string) error {
	var refused *api.Problem
	switch {
	case err == nil:
		s.println("%s  %s", s.clock(), done)
	case errors.As(err, &refused):
		s.println("%s  refused: %s", s.clock(), refused.Detail)
	case ctx.Err() == nil:
		return err
	}
	return nil
}

// introduce prints where everything is and what to type.
func (s *stage) introduce() {
	port := func(p uint16) string { return strconv.Itoa(int(p)) }
	places := strings.NewReplacer("DNS", port(s.dns), "WEB", port(s.web), "ADMIN", port(s.admin), "SOCKET", quote(s.socket()), "COMMAND", quote(s.Command))
	for _, line := range []string{
		"A nameserver, a primary and a backup run on this machine's loopback. In another terminal:",
		"",
		"  dig @127.0.0.1 -p DNS +noall +answer www.example.test",
		"  curl http://$(dig @127.0.0.1 -p DNS +short www.example.test):WEB/",
		"  curl http://127.0.0.1:ADMIN/api/v1/status",
		"  COMMAND status --socket SOCKET",
		"  COMMAND why www.example.test --socket SOCKET",
		"",
	} {
		s.println("%s", places.Replace(line))
	}
	if !s.Auto {
		s.println("Type  d  to take the primary down,  u  up again,  s  to switch by hand,  r  to release,  q  to quit.")
		s.println("")
	}
}

// quote returns a path as a shell reads it.
func quote(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+@", r)
	}
	if strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
