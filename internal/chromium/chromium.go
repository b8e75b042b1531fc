// Package chromium starts a headless Chromium, for tests and for measurements.
package chromium

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/chromedp/chromedp"
)

// names are what Chromium and Chrome are called, in the order in which they are tried.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// ErrMissing says that there is no Chromium, and how to get it.
var ErrMissing = errors.New("chromium is not installed, or not in the PATH (Debian: apt-get install chromium)")

// Find returns where Chromium or Chrome is, or [ErrMissing].
func Find() (path string, err error) {
	for _, name := range names {
		if path, err = exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrMissing
}

// An Option says what Start does otherwise.
type Option func(*settings)

type settings struct {
	hosts []string // rules of --host-resolver-rules
	keys  []string // hashes of --ignore-certificate-errors-spki-list
}

// Host tells the browser where a host is. The name is that of all ports, or with one,
// as in "example.test:443"; the address keeps the port of the URL, as "127.0.0.1" does,
// or has another one, as in "127.0.0.1:8443", where something may stand in front of
// the site.
func Host(name, address string) Option {
	return func(s *settings) { s.hosts = append(s.hosts, "MAP "+name+" "+address) }
}

// Trust lets the browser trust the keys of these certificates, and no others, whatever
// name and issuer they have. Chromium caches nothing, and so keeps nothing of what a
// 103 response made it fetch, where it ignores errors of all certificates.
func Trust(certificates ...*x509.Certificate) Option {
	return func(s *settings) {
		for _, c := range certificates {
			s.keys = append(s.keys, KeyHash(c))
		}
	}
}

// KeyHash is the hash of a certificate's key as the flag
// --ignore-certificate-errors-spki-list takes it.
func KeyHash(c *x509.Certificate) string {
	hash := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(hash[:])
}

// Start starts a browser that keeps its files in dir, which it writes to while it ends.
// Without options it trusts every certificate, and knows no hosts but those of the
// machine. stop ends it and waits for its end; it is never nil.
func Start(ctx context.Context, dir string, options ...Option) (browser context.Context, stop context.CancelFunc, err error) {
	path, err := Find()
	if err != nil {
		return nil, func() {}, err
	}
	var s settings
	for _, option := range options {
		option(&s)
	}
	trust := chromedp.IgnoreCertErrors
	if len(s.keys) > 0 {
		trust = chromedp.Flag("ignore-certificate-errors-spki-list", strings.Join(s.keys, ","))
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(dir),
		chromedp.NoSandbox, // CI runs as root
		trust,
		chromedp.Flag("host-resolver-rules", strings.Join(s.hosts, ",")),
		chromedp.Flag("disable-quic", true), // needs a certificate that is trusted
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
	)
	allocator, stopAllocator := chromedp.NewExecAllocator(ctx, flags...)
	browser, stopBrowser := chromedp.NewContext(allocator)
	stop = func() {
		stopBrowser()
		stopAllocator()
	}
	if err := chromedp.Do(browser); err != nil {
		stop()
		return nil, func() {}, fmt.Errorf("starting chromium: %w", err)
	}
	return browser, stop, nil
}
