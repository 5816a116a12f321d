package e2e

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// authority signs the certificates of the origins.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the test's authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{certificate, key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
}

// issue returns a certificate for name that is valid until end.
func (a *authority) issue(t *testing.T, name string, end time.Time) tls.Certificate {
	t.Helper()
	begin := time.Now().Add(-time.Hour)
	if begin.After(end) {
		begin = end.Add(-time.Hour)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: begin, NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}
}

// origin is an HTTPS server that can be told to misbehave.
type origin struct {
	t     *testing.T
	at    string
	certs map[string]tls.Certificate // by behaviour; "" for all others

	mu       sync.Mutex
	how      string
	listener net.Listener
	conns    map[net.Conn]bool
}

// newOrigin listens at address and is good.
func newOrigin(t *testing.T, address string, certs map[string]tls.Certificate) *origin {
	t.Helper()
	o := &origin{t: t, at: address, certs: certs, conns: map[net.Conn]bool{}}
	o.behave("good")
	t.Cleanup(func() { o.behave("stopped") })
	return o
}

// behave changes the origin's behaviour, and cuts what is under way.
func (o *origin) behave(how string) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.how = how
	for c := range o.conns {
		c.Close()
	}
	switch {
	case how == "stopped" && o.listener != nil:
		o.listener.Close()
		o.listener = nil
	case how != "stopped" && o.listener == nil:
		l, err := net.Listen("tcp", o.at)
		if err != nil {
			o.t.Fatal(err)
		}
		o.listener = l
		go o.accept(l)
	}
}

func (o *origin) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		o.mu.Lock()
		how := o.how
		o.conns[c] = true
		o.mu.Unlock()
		go func() {
			o.serve(c, how)
			o.mu.Lock()
			delete(o.conns, c)
			o.mu.Unlock()
			c.Close()
		}()
	}
}

// serve answers one connection.
func (o *origin) serve(c net.Conn, how string) {
	switch how {
	case "hang": // accepts, and says nothing
		_, _ = c.Read(make([]byte, 1<<16))
		_, _ = c.Read(make([]byte, 1<<16))
		return
	case "reset":
		_ = c.(*net.TCPConn).SetLinger(0)
		return
	}
	certificate, ok := o.certs[how]
	if !ok {
		certificate = o.certs[""]
	}
	stream := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}})
	request := bufio.NewReader(stream)
	for {
		line, err := request.ReadString('\n')
		if err != nil {
			return
		}
		if strings.TrimSpace(line) == "" {
			break
		}
	}
	answers := map[string]string{
		"503":      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nok",
		"redirect": "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
		"no ok":    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine",
		"endless":  "HTTP/1.1 200 OK\r\n\r\n",
		"empty":    "",
	}
	answer, bad := answers[how]
	if !bad {
		answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	}
	_, err := stream.Write([]byte(answer))
	for how == "endless" && err == nil {
		_, err = stream.Write([]byte(strings.Repeat("no end ", 1000)))
	}
	_ = stream.Close()
}
