package testbrowser

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Tab is one tab, with cookies of its own.
type Tab struct {
	ctx     context.Context
	changed chan struct{} // holds a value if something happened since it was read
	ended   chan struct{} // holds a value if a request has ended since then
	expired chan struct{} // holds a value if the time of Advance has passed since then

	mu       sync.Mutex // protects what follows
	errors   []string   // errors, exceptions and violations since the last load began
	warnings []string   // of the browser, since then
	loads    int        // documents since then
	traffic  traffic    // since then
}

// Open opens a tab that ends with until: t itself, or a test that it is a part of. The
// emulation comes before any page.
func Open(t, until *testing.T, browser context.Context, emulation ...chromedp.Action[chromedp.Void]) *Tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	until.Cleanup(closeTab)
	b := &Tab{ctx: ctx, changed: make(chan struct{}, 1), ended: make(chan struct{}, 1), expired: make(chan struct{}, 1)}
	if err := chromedp.Do(ctx); err != nil { // without a timeout, which would be the tab's
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.take); err != nil {
		t.Fatal(err)
	}
	// Violations of a policy that only reports are no errors by themselves.
	Command(t, b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		addEventListener("securitypolicyviolation", e =>
			console.error("violation", e.disposition, e.effectiveDirective, e.blockedURI))`})
	if err := chromedp.Do(ctx, emulation...); err != nil {
		t.Fatal(err)
	}
	return b
}

// Emulate is a command of the DevTools protocol as Open takes it.
func Emulate[P any](command cdp.Command[P, cdp.Empty], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, command, params)
		return chromedp.Void{}, err
	}
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

// AwaitState runs JavaScript each time that something has happened, until what it
// returns is as wanted, and returns that.
func AwaitState[T any](t *testing.T, b *Tab, script string, wanted func(T) bool) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	var state T
	var err error // evaluating fails while one document takes the place of another
	if !wait(ctx, b.changed, func() bool {
		state, err = chromedp.Run(ctx, chromedp.Evaluate[T](script))
		return err == nil && wanted(state)
	}) {
		t.Fatalf("the page does not get there: %+v, %v", state, err)
	}
	return state
}

// wait looks whether something holds, each time that there is news, until it does or
// the context ends.
func wait(ctx context.Context, news <-chan struct{}, holds func() bool) bool {
	for !holds() {
		select {
		case <-news:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// Settle returns when the page has nothing to do: violations are reported by tasks of
// their own. A page that may not run scripts never says so.
func (b *Tab) Settle(t *testing.T) {
	t.Helper()
	Evaluate[string](t, b, `new Promise(done => requestIdleCallback(() => done("")))`)
}

// Advance puts the clock of the page forward, and runs the timers that are due then.
// Real time has no part in what the page does from now on.
func (b *Tab) Advance(t *testing.T, by time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	Command(t, b, emulation.SetVirtualTimePolicy, emulation.SetVirtualTimePolicyParams{
		Policy: emulation.VirtualTimePolicyAdvance, Budget: new(float64(by.Milliseconds())),
	})
	select {
	case <-b.expired:
	case <-ctx.Done():
		t.Fatal("the clock of the page does not go on")
	}
}

// Seen returns errors, exceptions and violations since the last load began, and how
// many documents there were.
func (b *Tab) Seen() (errors []string, loads int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.errors), b.loads
}

// Warnings returns what the browser has warned of since the last load began, such as a
// preload that fits no request of the page. What scripts call a warning is none.
func (b *Tab) Warnings() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.warnings)
}

// forget forgets what was seen, before another page begins to load.
func (b *Tab) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.errors, b.warnings, b.loads, b.traffic = nil, nil, 0, nil
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
		text := fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		switch e.Entry.Level {
		case log.EntryLevelError:
			b.errors = append(b.errors, text)
		case log.EntryLevelWarning:
			b.warnings = append(b.warnings, text)
		default:
		}
	case *page.EventFrameNavigated:
		b.loads++
	case *emulation.EventVirtualTimeBudgetExpired:
		tell(b.expired)
		return
	case *page.EventLoadEventFired, *page.EventFrameStoppedLoading:
	default:
		if b.traffic.take(event) {
			tell(b.ended)
		}
		return
	}
	tell(b.changed)
}

// tell puts a value into a channel that has none.
func tell(news chan<- struct{}) {
	select {
	case news <- struct{}{}:
	default:
	}
}
