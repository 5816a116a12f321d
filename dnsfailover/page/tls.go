package page

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"dnsfailover/dnsfailover/certs"
	"dnsfailover/dnsfailover/config"
)

// reread is how long a certificate is taken for current before its files are looked at.
const reread = 5 * time.Second

// certificates are shown by the name that a client asks for.
type certificates struct {
	log *slog.Logger
	all atomic.Pointer[[]*certs.Certificate]
}

func loadCertificates(cfg *config.Page, log *slog.Logger) (*certificates, error) {
	c := &certificates{log: log}
	return c, c.take(cfg)
}

// take loads the certificates of a configuration. If one can't be loaded, those before stay.
func (c *certificates) take(cfg *config.Page) error {
	var all []*certs.Certificate
	for _, pair := range cfg.Certificates {
		one, err := certs.New([2]string{pair.Certificate, pair.Key}, reread, c.log)
		if err != nil {
			return fmt.Errorf("%s: %w", cfg.File, err)
		}
		all = append(all, one)
	}
	c.all.Store(&all)
	return nil
}

// config returns the configuration of TLS; nil if nobody speaks it.
func (c *certificates) config(wanted bool) *tls.Config {
	if !wanted && len(*c.all.Load()) == 0 {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: c.choose}
}

// choose returns the first certificate that is valid for what the client asks for, else the first one.
func (c *certificates) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	all := *c.all.Load()
	var first *tls.Certificate
	for _, one := range all {
		shown, err := one.Get(hello)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = shown
		}
		if hello.SupportsCertificate(shown) == nil {
			return shown, nil
		}
	}
	if first == nil {
		return nil, fmt.Errorf("there is no certificate")
	}
	return first, nil
}

// problems says what an operator should mend.
func (c *certificates) problems(now time.Time) []string {
	var out []string
	for _, one := range *c.all.Load() {
		out = append(out, one.Problems("certificates", now)...)
	}
	return out
}
