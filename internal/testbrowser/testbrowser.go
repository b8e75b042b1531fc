// Package testbrowser drives a headless Chromium in tests: it loads pages, and tells
// what became of them. Whatever goes wrong fails the test.
package testbrowser

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/chromium"
	"github.com/headstart-proxy/headstart/internal/testdir"
)

// patience bounds every wait. A test that runs into it has failed; none waits for it
// to pass.
const patience = 20 * time.Second

// Start starts a browser that ends with the test. Without options it trusts every
// certificate, and knows no hosts but those of the machine. Without Chromium the test
// is skipped, or fails if HEADSTART_NO_SKIP is set. what says what is not tested then.
func Start(t *testing.T, what string, options ...chromium.Option) context.Context {
	t.Helper()
	Need(t, what)
	browser, stop, err := chromium.Start(context.Background(), testdir.New(t, "chromium"), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return browser
}

// Need skips the test without Chromium, or fails it if HEADSTART_NO_SKIP is set, as
// Start does. It is for tests of what starts a browser by itself.
func Need(t *testing.T, what string) {
	t.Helper()
	if _, err := chromium.Find(); err != nil {
		if os.Getenv("HEADSTART_NO_SKIP") != "" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED: %s in a real browser: %v", what, err)
	}
}
