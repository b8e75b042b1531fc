package rig

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/quic-go/quic-go/http3"
)

// The protocols: HTTP/1.1 with or without TLS, HTTP/2, HTTP/3.
const (
	H1 = "h1"
	H2 = "h2"
	H3 = "h3"
)

// AnyCertificate trusts the certificate that a Caddy on loopback has made for a
// host.
func AnyCertificate(host string) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: host} //nolint:gosec // its own CA, on loopback
}

// NewTransport returns what speaks one protocol with a host, and what closes its
// idle connections; of HTTP/3, all. It does not ask for compression by itself.
func NewTransport(protocol, host string) (transport http.RoundTripper, closeIdle func()) {
	if protocol == H3 {
		t := &http3.Transport{TLSClientConfig: AnyCertificate(host), DisableCompression: true}
		return t, func() { _ = t.Close() }
	}
	t := &http.Transport{TLSClientConfig: AnyCertificate(host), DisableCompression: true, Protocols: new(http.Protocols)}
	t.Protocols.SetHTTP1(protocol == H1)
	t.Protocols.SetHTTP2(protocol == H2)
	return t, t.CloseIdleConnections
}

// FreePort finds a loopback port that is free for both TCP and UDP.
func FreePort() (string, error) {
	for range 20 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", fmt.Errorf("finding a free port: %w", err)
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		tcp.Close()
		if err != nil {
			continue // somebody has it for UDP
		}
		udp.Close()
		_, port, _ := net.SplitHostPort(tcp.Addr().String())
		return port, nil
	}
	return "", errors.New("finding a free port: none is free for both TCP and UDP")
}

// OnFreePorts finds ports by choose, and opens them by open. Somebody else may take one
// between the two, so both are tried three times. A child that has died is not asked again.
func OnFreePorts(choose, open func() error) error {
	for tries := 3; ; tries-- {
		if err := choose(); err != nil {
			return err
		}
		if err := open(); err == nil || tries == 1 || errors.Is(err, ErrDied) {
			return err
		}
	}
}

// AwaitCertificate returns when a host can speak TLS at an address: Caddy makes
// certificates in the background. It waits for [Patience] at most.
func AwaitCertificate(ctx context.Context, host, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	dialer := &tls.Dialer{Config: AnyCertificate(host)}
	for {
		conn, err := dialer.DialContext(ctx, "tcp", addr)
		if err == nil {
			return conn.Close()
		}
		if !Sleep(ctx, 20*time.Millisecond) {
			return fmt.Errorf("waiting for the certificate of %s: %w", host, err)
		}
	}
}

// Sleep reports whether it slept all of d before ctx ended.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
