package dnsfailover

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dnsfailover/dnsfailover/config"
	"dnsfailover/dnsfailover/limit"
	"dnsfailover/dnsfailover/server"
	"dnsfailover/zones"
)

// answers is what the sockets read of the configuration besides the zones. Only adopt, of which one runs at a time, changes it.
type answers struct {
	settings atomic.Pointer[zones.Settings]
	limiter  atomic.Pointer[limit.Limiter] // nil: off

	mu     sync.Mutex // of what follows, which is about the state directory's secret
	dir    string     // of state; empty while the secret isn't needed
	secret [16]byte   // zero until it is needed
	kept   bool       // it is on the disk
}

// adopt makes the answers what cfg says; old is what they were, or nil.
func (a *answers) adopt(cfg, old *config.Config) {
	settings := &zones.Settings{
		MaxUDP: cfg.DNS.MaxUDP, Identity: cfg.DNS.Identity, Version: cfg.DNS.Version, EDE: cfg.DNS.EDE,
		Idle: server.IdleTimeout, TrustECS: zones.NewNetworks(cfg.DNS.TrustECS),
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dir = ""
	switch cookies := cfg.DNS.Cookies; {
	case cookies.Off:
	case len(cookies.Secrets) > 0:
		settings.Cookies = zones.NewCookies(cookies.Secrets...)
	default:
		a.dir = cfg.State
		_ = a.keep() // problem tells
		settings.Cookies = zones.NewCookies(a.secret)
	}
	a.settings.Store(settings)

	limits := cfg.DNS.RateLimit
	if old == nil || !reflect.DeepEqual(limits, old.DNS.RateLimit) { // otherwise a reload would forgive everybody
		a.limiter.Store(limit.New(limit.Options{
			Rate: limits.Rate, Slip: limits.Slip, IPv4Prefix: limits.IPv4Prefix, IPv6Prefix: limits.IPv6Prefix, Exempt: limits.Exempt,
		}))
	}
}

// secretFile is where the secret of cookies lies in the state directory: 32 hexadecimal digits, like the secrets that
// an operator writes, so that it can become one of those.
const secretFile = "cookie.secret"

// keep sees to it that there is a secret, and that it is in the state directory. One that can't be kept is used all the
// same, until the server stops. mu is held.
func (a *answers) keep() error {
	if a.kept {
		return nil
	}
	path := filepath.Join(a.dir, secretFile)
	found, err := readSecret(path)
	if a.secret == [16]byte{} {
		if a.secret = found; err != nil {
			_, _ = rand.Read(a.secret[:]) // never fails
		}
	}
	// What is there but can't be read isn't overwritten; once it can be, it is the one of the next start.
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errSecret) {
		err = writeSecret(path, a.secret)
	}
	a.kept = err == nil
	return err
}

// problem says why the secret isn't kept, after it has tried again; empty if it is, or isn't needed.
func (a *answers) problem() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.dir == "" {
		return ""
	}
	if err := a.keep(); err != nil {
		return fmt.Sprintf("the secret of DNS cookies can't be kept, so clients need new cookies after a restart: %v", err)
	}
	return ""
}

var errSecret = errors.New("it doesn't hold 32 hexadecimal digits")

func readSecret(path string) (secret [16]byte, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return secret, err
	}
	decoded, err := hex.DecodeString(strings.TrimSpace(string(data)))
	if err != nil || len(decoded) != len(secret) {
		return secret, fmt.Errorf("%s: %w", path, errSecret)
	}
	return [16]byte(decoded), nil
}

// writeSecret makes the file or replaces a damaged one. After a crash there is all of it or nothing.
func writeSecret(path string, secret [16]byte) error {
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "%x\n", secret)
	if err = cmp.Or(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// answerProblems says what of the answers isn't as it should be, one sentence each.
func (s *instance) answerProblems(now time.Time) []string {
	out := s.dns.Problems(now)
	if p := s.answers.problem(); p != "" {
		out = append(out, p)
	}
	return out
}

// tlsOptions returns what the server's sockets need of cfg for TLS.
func tlsOptions(cfg *config.Config) *server.TLSOptions {
	if cfg.Listen.TLS == nil {
		return nil
	}
	return &server.TLSOptions{
		Addresses: cfg.Listen.TLS.Addresses, Certificate: cfg.Listen.TLS.Certificate, Key: cfg.Listen.TLS.Key,
	}
}

// tlsAddresses returns where TLS is to be spoken; nil if nowhere.
func tlsAddresses(cfg *config.Config) []netip.AddrPort {
	if cfg.Listen.TLS == nil {
		return nil
	}
	return cfg.Listen.TLS.Addresses
}
