// Package testbrowser drives a headless Chromium in tests: it loads pages, and tells
// what became of them. Whatever goes wrong fails the test.
package testbrowser

import (
	"context"
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

// Start starts a browser that ends with the test. It trusts every certificate, and
// finds the hosts at 127.0.0.1. Without Chromium the test is skipped, or fails if
// HEADSTART_NO_SKIP is set. what says what is not tested then.
func Start(t *testing.T, what string, hosts ...string) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		const reason = "chromium is not installed (Debian: apt-get install chromium)"
		if os.Getenv("HEADSTART_NO_SKIP") != "" {
			t.Fatal(reason)
		}
		t.Skipf("SKIPPED: %s in a real browser: %s", what, reason)
	}
	rules := make([]string, len(hosts))
	for i, host := range hosts {
		rules[i] = "MAP " + host + " 127.0.0.1"
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(testdir.New(t, "chromium")), // written to while it ends
		chromedp.NoSandbox,                               // CI runs as root
		chromedp.IgnoreCertErrors,
		chromedp.Flag("host-resolver-rules", strings.Join(rules, ",")),
		chromedp.Flag("disable-quic", true), // needs a certificate that is trusted
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
	)
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting chromium: %v", err)
	}
	return ctx
}
