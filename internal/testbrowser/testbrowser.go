// Package testbrowser drives a headless Chromium in tests: it loads pages, and tells
// what became of them. Whatever goes wrong fails the test.
package testbrowser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
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
		chromedp.UserDataDir(profile(t)),
		chromedp.NoSandbox, // CI runs as root
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

// profile returns a directory for the browser, which writes on while it ends; so
// t.TempDir, which fails if a file appears while it is being removed, is no use.
func profile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "headstart-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 100 {
			if err = os.RemoveAll(dir); err == nil {
				return
			}
		}
		t.Logf("left behind: %v", err)
	})
	return dir
}

// Tab is one tab, with cookies of its own.
type Tab struct {
	ctx     context.Context
	changed chan struct{} // holds a value if something happened since it was read

	mu     sync.Mutex // protects what follows
	errors []string   // errors, exceptions and violations since the last load began
	loads  int        // documents since then
}

// Open opens a tab that ends with the test.
func Open(t *testing.T, browser context.Context) *Tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(closeTab)
	b := &Tab{ctx: ctx, changed: make(chan struct{}, 1)}
	if err := chromedp.Do(ctx); err != nil { // without a timeout, which would be the tab's
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.take); err != nil {
		t.Fatal(err)
	}
	Command(t, b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		addEventListener("securitypolicyviolation", e =>
			console.error("violation", e.disposition, e.effectiveDirective, e.blockedURI))`})
	return b
}

// Command runs a command of the DevTools protocol in a tab.
func Command[P, R any](t *testing.T, b *Tab, c cdp.Command[P, R], params P) R {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, c, params)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// Evaluate runs JavaScript in the page, and waits for a promise.
func Evaluate[T any](t *testing.T, b *Tab, script string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return result
}

// Await returns when a condition, a JavaScript expression, holds in a page that is
// still coming.
func Await(t *testing.T, b *Tab, condition string) {
	t.Helper()
	Evaluate[string](t, b, fmt.Sprintf(`new Promise(done => {
		const look = () => { if (%s) { watch.disconnect(); done("") } };
		const watch = new MutationObserver(look);
		watch.observe(document, {subtree: true, childList: true, characterData: true});
		look();
	})`, condition))
}

// AwaitPaint returns when the page has painted anything (Paint Timing, section 2.2).
func AwaitPaint(t *testing.T, b *Tab) {
	t.Helper()
	Evaluate[string](t, b, `new Promise(done => new PerformanceObserver(all => {
		if (all.getEntriesByName("first-contentful-paint").length) done("")
	}).observe({type: "paint", buffered: true}))`)
}

// Page is what became of a navigation.
type Page struct {
	// DOM is the document as HTML; a nonce attribute in it has no value.
	DOM    string
	Errors []string // of the console and the policy, but for those of aborted loads
	Loads  int      // documents
}

const domScript = `({
	standing: document.readyState == "complete" && !document.querySelector("[data-headstart]") &&
		![...document.scripts].some(e => e.textContent.startsWith(%q)),
	html: document.documentElement.outerHTML.replace(/ nonce="[^"]*"/g, " nonce"),
})`

// Load loads a page and returns when it stands: it is complete, and holds no script
// that begins with recovery. committed is called when the browser has the beginning
// of the response.
func (b *Tab) Load(t *testing.T, url, recovery string, committed func()) Page {
	t.Helper()
	b.Navigate(t, url)
	committed()
	return b.stands(t, recovery)
}

// stands waits until the page stands.
func (b *Tab) stands(t *testing.T, recovery string) Page {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		state, err := chromedp.Run(ctx, chromedp.Evaluate[struct {
			Standing bool   `json:"standing"`
			HTML     string `json:"html"`
		}](fmt.Sprintf(domScript, recovery)))
		if err == nil && state.Standing {
			// Violations are reported by tasks of their own.
			Evaluate[string](t, b, `new Promise(done => requestIdleCallback(() => done("")))`)
			b.mu.Lock()
			defer b.mu.Unlock()
			return Page{state.HTML, slices.Clone(b.errors), b.loads}
		}
		// Evaluating fails while one document takes the place of another.
		select {
		case <-b.changed:
		case <-ctx.Done():
			t.Fatalf("the page does not stand: %s, %v", state.HTML, err)
		}
	}
}

// Submit submits a form, which a selector tells, and returns when the page behind it
// has come.
func (b *Tab) Submit(t *testing.T, form string) {
	t.Helper()
	b.Leave(t, fmt.Sprintf(`document.querySelector(%q).requestSubmit()`, form))
	b.AwaitLeft(t)
	b.stands(t, "\x00") // no script begins so
}

// Leave runs a script that leads to another page, and does not wait for it.
func (b *Tab) Leave(t *testing.T, script string) {
	t.Helper()
	b.mu.Lock()
	b.errors, b.loads = nil, 0
	b.mu.Unlock()
	Evaluate[any](t, b, script+`, ""`)
}

// AwaitLeft returns when the page behind Leave has begun to come.
func (b *Tab) AwaitLeft(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		b.mu.Lock()
		loads := b.loads
		b.mu.Unlock()
		if loads > 0 {
			return
		}
		select {
		case <-b.changed:
		case <-ctx.Done():
			t.Fatal("no other page comes")
		}
	}
}

// Navigate begins to load a page, and returns when the browser has the beginning of
// the response.
func (b *Tab) Navigate(t *testing.T, url string) {
	t.Helper()
	b.mu.Lock()
	b.errors, b.loads = nil, 0
	b.mu.Unlock()
	if result := Command(t, b, page.Navigate, page.NavigateParams{URL: url}); result.ErrorText != "" {
		t.Fatalf("%s: %s", url, result.ErrorText)
	}
}

// take takes an event of the browser.
func (b *Tab) take(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		b.errors = append(b.errors, "exception: "+text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			text := make([]string, 0, len(e.Args))
			for _, arg := range e.Args {
				text = append(text, string(arg.Value))
			}
			b.errors = append(b.errors, "console: "+strings.Join(text, " "))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			b.errors = append(b.errors, fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *page.EventFrameNavigated:
		b.loads++
	case *page.EventLoadEventFired, *page.EventFrameStoppedLoading:
	default:
		return
	}
	select {
	case b.changed <- struct{}{}:
	default:
	}
}
