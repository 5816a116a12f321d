package page

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
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

// certify writes a certificate that vouches for itself, and its key, as NAME.pem and NAME.key.
func certify(t testing.TB, dir, name string, serial int64) {
	t.Helper()
	certifyUntil(t, dir, name, name, serial, time.Now().Add(100*24*time.Hour))
}

// certifyUntil does it for a name, in FILE.pem and FILE.key, until then.
func certifyUntil(t testing.TB, dir, file, name string, serial int64, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: until.Add(-200 * 24 * time.Hour), NotAfter: until,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, file+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	write(t, dir, file+".pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

// TestTLS asks over HTTP/1.1 and HTTP/2 for two names, each with its own certificate, renews one, and comes by HTTP.
func TestTLS(t *testing.T) {
	t.Parallel()
	h := &host{t: t, dir: t.TempDir()}
	for _, name := range []string{"www.example.com", "www.example.net"} {
		certify(t, h.dir, name, 1)
	}
	write(t, h.dir, "page.yaml", `listen: {http: ["127.0.0.1:0"], https: ["127.0.0.1:0"], admin: "off"}
state: state
redirect: true
hsts: max-age=600
certificates: [{certificate: www.example.com.pem, key: www.example.com.key}, {certificate: www.example.net.pem, key: www.example.net.key}]
hosts: [{names: [www.example.com, www.example.net]}]
`)
	h.run(h.command("page", "--config", "page.yaml"))
	ask := func(name, trust string, more ...string) (reply, error) {
		return tryCurl(t, append(more, "--cacert", filepath.Join(h.dir, trust+".pem"), "--connect-to", "::"+h.https, "https://"+name+"/")...)
	}
	for _, name := range []string{"www.example.com", "www.example.net"} {
		for flag, proto := range map[string]string{"--http1.1": "HTTP/1.1", "--http2": "HTTP/2"} {
			r, err := ask(name, name, flag)
			if err != nil || r.proto != proto || r.status != "503" || r.header.Get("Strict-Transport-Security") != "max-age=600" || r.header.Get("Retry-After") == "" {
				t.Errorf("%s %s: %v %+v", name, flag, err, r)
			}
		}
	}
	if _, err := ask("www.example.com", "www.example.net"); err == nil {
		t.Error("one name's certificate is shown for another")
	}
	if _, err := ask("www.example.com", "www.example.com", "--tls-max", "1.1"); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	r := curl(t, "-H", "Host: www.example.com", "http://"+h.http+"/a?b=c")
	_, port, _ := strings.Cut(h.https, ":")
	if r.status != "307" || r.header.Get("Location") != "https://www.example.com:"+port+"/a?b=c" || r.header.Get("Strict-Transport-Security") != "" {
		t.Errorf("by HTTP: %+v", r)
	}

	old, err := os.ReadFile(filepath.Join(h.dir, "www.example.com.pem"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, h.dir, "old.pem", string(old))
	certify(t, h.dir, "www.example.com", 2)
	eventually(t, "the renewed certificate is shown", func() bool {
		_, err := ask("www.example.com", "www.example.com")
		return err == nil
	})
	if _, err := ask("www.example.com", "old"); err == nil {
		t.Error("the old certificate is still shown")
	}
}
