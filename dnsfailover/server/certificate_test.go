package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// files are a certificate and its key.
type files struct{ certificate, key string }

func newFiles(t testing.TB) files {
	dir := t.TempDir()
	return files{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
}

// write puts a new certificate for "localhost" in the files, by renaming, and returns their names.
func (f files) write(t testing.TB, serial int64, expires time.Time) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: expires.Add(-48 * time.Hour), NotAfter: expires, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	put(t, f.certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}))
	put(t, f.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))
	return f.certificate, f.key
}

func put(t testing.TB, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// serial is that of the certificate that a new client is shown.
func serial(t *testing.T, s *Server) int64 {
	t.Helper()
	c := dialTLS(t, s, trusting())
	send(t, c, framed(ask(1, "")))
	framedAnswer(t, c)
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// Conformance 231.
func TestCertificateFollowsItsFiles(t *testing.T) {
	f := newFiles(t)
	certificate, key := f.write(t, 1, time.Now().Add(time.Hour))
	log, logger := newLog()
	tune := echoing()
	tune.limits.reread = 0
	s, _ := startTLS(t, Options{Log: logger, TLS: &TLSOptions{Certificate: certificate, Key: key}}, tune)
	line := func(want string) {
		t.Helper()
		if got := <-log; !strings.Contains(got, want) {
			t.Errorf("logged %q, want %q", got, want)
		}
	}
	line("certificate loaded")
	if got := serial(t, s); got != 1 {
		t.Fatalf("certificate %d, want 1", got)
	}
	f.write(t, 2, time.Now().Add(2*time.Hour))
	if got := serial(t, s); got != 2 {
		t.Errorf("certificate %d after the files have changed, want 2", got)
	}
	line("certificate loaded")

	for what, damage := range map[string]func(){
		"do not exist":      func() { os.Remove(certificate) },
		"not a certificate": func() { put(t, certificate, []byte("hello")) },
		"not a file":        func() { os.Remove(key); _ = os.Mkdir(key, 0o700) },
		"another key": func() {
			_, other := newFiles(t).write(t, 9, time.Now())
			data, _ := os.ReadFile(other)
			put(t, key, data)
		},
	} {
		damage()
		for range 3 {
			if got := serial(t, s); got != 2 {
				t.Errorf("%s: certificate %d, want 2", what, got)
			}
		}
		line("certificate not taken, the one before stays")
		if got := s.Problems(time.Now()); len(got) != 1 || !strings.HasPrefix(got[0], "listen.tls: the certificate is served as it was before: ") {
			t.Errorf("%s: problems %q", what, got)
		}
		os.RemoveAll(key)
		f.write(t, 2, time.Now().Add(2*time.Hour))
		if got := s.Problems(time.Now()); len(got) != 0 {
			t.Errorf("%s, mended: problems %q", what, got)
		}
		line("certificate loaded")
	}
	if len(log) != 0 {
		t.Errorf("%d lines more, first %s", len(log), <-log)
	}
}

func TestExpiredCertificateIsServedWithAnAlarm(t *testing.T) {
	expires := time.Now().Add(-time.Minute).Truncate(time.Second)
	certificate, key := newFiles(t).write(t, 7, expires)
	s, _ := startTLS(t, Options{TLS: &TLSOptions{Certificate: certificate, Key: key}}, echoing())
	if got := serial(t, s); got != 7 {
		t.Errorf("certificate %d, want 7", got)
	}
	want := "listen.tls: the certificate in " + certificate + " has expired on " + expires.UTC().Format(time.RFC3339)
	if got := s.Problems(time.Now()); len(got) != 1 || !strings.HasPrefix(got[0], want) {
		t.Errorf("problems %q, want %q", got, want)
	}
	if got := s.Problems(expires); len(got) != 0 {
		t.Errorf("problems before it expires: %q", got)
	}
	if got := s.Counters().TLS.Expires; !got.Equal(expires) {
		t.Errorf("expires %v, want %v", got, expires)
	}
}

// A reload of the configuration may name other files, and doesn't wait until they are due.
func TestCertificateFromOtherFiles(t *testing.T) {
	certificate, key := newFiles(t).write(t, 1, time.Now().Add(time.Hour))
	tune := echoing()
	tune.limits.reread = time.Hour
	s, _ := startTLS(t, Options{TLS: &TLSOptions{Certificate: certificate, Key: key}}, tune)
	other, otherKey := newFiles(t).write(t, 2, time.Now().Add(time.Hour))
	if err := s.UseCertificate(other, otherKey); err != nil || serial(t, s) != 2 {
		t.Errorf("certificate %d, %v; want 2", serial(t, s), err)
	}
	if err := s.UseCertificate(certificate, otherKey); err == nil || serial(t, s) != 2 {
		t.Errorf("certificate %d, %v; want 2 and an error", serial(t, s), err)
	}
	plain, _ := start(t, Options{}, echoing())
	if err := plain.UseCertificate(certificate, otherKey); err != nil || plain.Problems(time.Now()) != nil {
		t.Errorf("without TLS: %v", err)
	}
}

// Files that don't change are looked at once in reread, however many handshakes there are.
func TestCertificateIsLookedAtNowAndThen(t *testing.T) {
	f := newFiles(t)
	certificate, key := f.write(t, 1, time.Now().Add(time.Hour))
	tune := echoing()
	tune.limits.reread = time.Hour
	s, _ := startTLS(t, Options{TLS: &TLSOptions{Certificate: certificate, Key: key}}, tune)
	serial(t, s)
	f.write(t, 2, time.Now().Add(time.Hour))
	for range 3 {
		if got := serial(t, s); got != 1 {
			t.Errorf("certificate %d, want 1 as the files are not due", got)
		}
	}
}

// A session that was begun under the old certificate can go on, and who begins anew sees the new one.
func TestSessionsOutliveACertificate(t *testing.T) {
	f := newFiles(t)
	certificate, key := f.write(t, 1, time.Now().Add(time.Hour))
	tune := echoing()
	tune.limits.reread = 0
	s, _ := startTLS(t, Options{TLS: &TLSOptions{Certificate: certificate, Key: key}}, tune)
	config := trusting()
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for i := range 2 {
		c := dialTLS(t, s, config)
		send(t, c, framed(ask(1, "")))
		framedAnswer(t, c)
		if c.ConnectionState().DidResume != (i > 0) {
			t.Errorf("connection %d resumed: %v", i, c.ConnectionState().DidResume)
		}
		f.write(t, 2, time.Now().Add(time.Hour))
	}
	if got := serial(t, s); got != 2 {
		t.Errorf("certificate %d, want 2", got)
	}
}
