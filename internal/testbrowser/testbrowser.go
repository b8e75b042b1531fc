// Package testbrowser drives a headless Chromium in tests: it loads pages, and tells
// what became of them. Whatever goes wrong fails the test.
package testbrowser

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/headstart-proxy/headstart/internal/testdir"
)

// patience bounds every wait. A test that runs into it has failed; none waits for it
// to pass.
const patience = 20 * time.Second

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
			hash := sha256.Sum256(c.RawSubjectPublicKeyInfo)
			s.keys = append(s.keys, base64.StdEncoding.EncodeToString(hash[:]))
		}
	}
}

// Start starts a browser that ends with the test. Without options it trusts every
// certificate, and knows no hosts but those of the machine. Without Chromium the test
// is skipped, or fails if HEADSTART_NO_SKIP is set. what says what is not tested then.
func Start(t *testing.T, what string, options ...Option) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		const reason = "chromium is not installed (Debian: apt-get install chromium)"
		if os.Getenv("HEADSTART_NO_SKIP") != "" {
			t.Fatal(reason)
		}
		t.Skipf("SKIPPED: %s in a real browser: %s", what, reason)
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
		chromedp.UserDataDir(testdir.New(t, "chromium")), // written to while it ends
		chromedp.NoSandbox,                               // CI runs as root
		trust,
		chromedp.Flag("host-resolver-rules", strings.Join(s.hosts, ",")),
		chromedp.Flag("disable-quic", true), // needs a certificate that is trusted
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
	)
	ctx, stop := chromedp.NewExecAllocator(context.Background(), flags...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting chromium: %v", err)
	}
	return ctx
}
