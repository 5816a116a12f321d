package dnsfailover

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"dnsfailover/dnsfailover/config"
)

// A secret that can't be kept is used all the same, and kept as soon as it can be.
func TestCookiesWithoutAStateDirectory(t *testing.T) {
	cfg := &config.Config{State: filepath.Join(t.TempDir(), "missing")}
	var a answers
	a.adopt(cfg, nil)
	first := a.secret
	if a.settings.Load().Cookies == nil || first == [16]byte{} || a.problem() == "" {
		t.Fatalf("secret %x, problem %q", first, a.problem())
	}
	if err := os.Mkdir(cfg.State, 0o700); err != nil {
		t.Fatal(err)
	}
	if a.problem() != "" || a.secret != first {
		t.Errorf("secret %x, was %x; problem %q", a.secret, first, a.problem())
	}
	var next answers
	next.adopt(cfg, nil)
	if next.secret != first {
		t.Errorf("after a restart the secret is %x, was %x", next.secret, first)
	}
}

// What can't be read isn't overwritten: it may be the secret of a whole set of servers.
func TestUnreadableSecretIsLeftAlone(t *testing.T) {
	cfg := &config.Config{State: t.TempDir()}
	path := filepath.Join(cfg.State, secretFile)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	var a answers
	a.adopt(cfg, nil)
	if info, err := os.Stat(path); err != nil || !info.IsDir() || a.problem() == "" || a.settings.Load().Cookies == nil {
		t.Errorf("%v, %v, problem %q", info, err, a.problem())
	}
}

func TestReloadKeepsALimiterThatIsAskedForAgain(t *testing.T) {
	limits := func(rate int) *config.Config {
		return &config.Config{DNS: config.DNS{Cookies: config.Cookies{Off: true}, RateLimit: config.RateLimit{
			Rate: rate, IPv4Prefix: 24, IPv6Prefix: 56, Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		}}}
	}
	var a answers
	a.adopt(limits(200), nil)
	first := a.limiter.Load()
	a.adopt(limits(200), limits(200))
	if first == nil || a.limiter.Load() != first {
		t.Error("a reload that changes nothing forgives everybody")
	}
	a.adopt(limits(100), limits(200))
	if a.limiter.Load() == first {
		t.Error("another rate is not taken")
	}
	a.adopt(limits(0), limits(100))
	if a.limiter.Load() != nil || a.settings.Load().Cookies != nil {
		t.Error("off is on")
	}
}
