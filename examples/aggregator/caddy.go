package main

import (
	"bytes"
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"text/template"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // reverse_proxy, encode, tls and the rest

	_ "github.com/headstart-proxy/headstart" // the handler and its directive
)

const (
	certificateTimeout  = 10 * time.Second
	certificateInterval = 20 * time.Millisecond
)

//go:embed Caddyfile.tmpl
var caddyfileTemplate string

// frontEnds is what the Caddyfile template needs to know.
type frontEnds struct {
	Ports   ports
	Storage string // directory for keys and certificates
	MinWait time.Duration
}

// caddyfile returns the configuration of both front ends.
func (f frontEnds) caddyfile() ([]byte, error) {
	tmpl, err := template.New("Caddyfile").Parse(caddyfileTemplate)
	if err != nil {
		return nil, fmt.Errorf("parsing the Caddyfile template: %w", err)
	}
	var text bytes.Buffer
	if err := tmpl.Execute(&text, f); err != nil {
		return nil, fmt.Errorf("filling in the Caddyfile: %w", err)
	}
	return text.Bytes(), nil
}

// start runs Caddy in this process and waits until it has made its certificate.
// There can be only one.
func (f frontEnds) start() error {
	text, err := f.caddyfile()
	if err != nil {
		return err
	}
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(text, map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return fmt.Errorf("reading the Caddyfile: %w", err)
	}
	if err := caddy.Load(config, true); err != nil {
		return fmt.Errorf("starting Caddy: %w", err)
	}
	if err := awaitCertificate(f.Ports.PlainHTTPS); err != nil {
		return errors.Join(err, caddy.Stop())
	}
	return nil
}

// awaitCertificate waits until a TLS handshake with port succeeds. Caddy makes
// certificates in the background, and both front ends share the one for
// localhost. An interrupt has to wait, too: until then Caddy writes to the
// directory that the demo removes.
func awaitCertificate(port int) error {
	ctx, cancel := context.WithTimeout(context.Background(), certificateTimeout)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{
		ServerName:         "localhost",
		InsecureSkipVerify: true, //nolint:gosec // sends nothing, only asks whether there is a certificate
	}}
	retry := time.NewTicker(certificateInterval)
	defer retry.Stop()
	for {
		conn, err := dialer.DialContext(ctx, "tcp", address(port))
		if err == nil {
			return conn.Close()
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the certificate: %w", err)
		}
	}
}
