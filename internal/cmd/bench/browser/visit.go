package browser

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Patience bounds every wait for the browser.
const Patience = 30 * time.Second

//go:embed measure.js
var measureScript string

// A tab is a tab with an empty cache, no cookies and no connections, for one visit.
type tab struct {
	ctx   context.Context
	loads chan struct{} // gets a value when a document has loaded

	mu     sync.Mutex
	told   string // LevelHeader of the last document
	status int64  // of the last document
}

// visit clicks on a link to a URL, and returns what the browser tells of the page when
// it has loaded and rests.
func visit(browser context.Context, from *linkPage, url string, kind linkKind) (raw, error) {
	ctx, closeTab := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	defer closeTab()
	if err := chromedp.Do(ctx); err != nil { // without a timeout, which would be the tab's
		return raw{}, fmt.Errorf("opening a tab: %w", err)
	}
	t := &tab{ctx: ctx, loads: make(chan struct{}, 4)}
	if err := chromedp.Listen(ctx, t.take); err != nil {
		return raw{}, fmt.Errorf("opening a tab: %w", err)
	}
	from.lead(url)
	if err := t.start(from.origin, kind); err != nil {
		return raw{}, fmt.Errorf("showing the page with the link: %w", err)
	}
	r, err := t.follow(from)
	if err != nil {
		return raw{}, fmt.Errorf("following the link to %s: %w", url, err)
	}
	return r, nil
}

// start shows the page with the link.
func (t *tab) start(url string, kind linkKind) error {
	_, err := Call(t.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: kind.width, Height: kind.height, DeviceScaleFactor: kind.density, Mobile: kind.mobile,
	})
	if err != nil {
		return err
	}
	if result, err := Call(t.ctx, page.Navigate, page.NavigateParams{URL: url}); err != nil {
		return err
	} else if result.ErrorText != "" {
		return errors.New(result.ErrorText)
	}
	if err := t.awaitLoad(); err != nil {
		return err
	}
	_, err = Call(t.ctx, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: kind.slowdown})
	return err
}

// follow clicks on the link, and measures the page behind it.
func (t *tab) follow(from *linkPage) (raw, error) {
	if _, err := Call(t.ctx, runtime.Evaluate, runtime.EvaluateParams{
		Expression: `document.querySelector("a").click()`, UserGesture: new(true),
	}); err != nil {
		return raw{}, err
	}
	if err := t.awaitLoad(); err != nil {
		return raw{}, err
	}
	ctx, cancel := context.WithTimeout(t.ctx, Patience)
	defer cancel()
	r, err := chromedp.Run(ctx, chromedp.Evaluate[raw](measureScript, chromedp.EvalAwaitPromise))
	if err != nil {
		return raw{}, fmt.Errorf("reading its figures: %w", err)
	}
	if r.Old, err = from.await(ctx); err != nil {
		return raw{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.status != http.StatusOK {
		return raw{}, fmt.Errorf("the status is %d", t.status)
	}
	r.Told = t.told
	return r, nil
}

// awaitLoad returns when a document has loaded.
func (t *tab) awaitLoad() error {
	select {
	case <-t.loads:
		return nil
	case <-t.ctx.Done():
		return context.Cause(t.ctx)
	case <-time.After(Patience):
		return fmt.Errorf("it has not loaded after %v", Patience)
	}
}

// take takes an event of the tab.
func (t *tab) take(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			t.told, t.status = Told(e.Response.Headers), e.Response.Status
		}
	case *page.EventLoadEventFired:
		select {
		case t.loads <- struct{}{}:
		default: // more than anybody waits for
		}
	}
}

// Told returns the [LevelHeader] of a response, "" if it has none.
func Told(headers network.Headers) string {
	for name, value := range headers {
		if strings.EqualFold(name, LevelHeader) {
			return fmt.Sprint(value)
		}
	}
	return ""
}

// Call runs a command of the DevTools protocol in a tab.
func Call[P, R any](tab context.Context, c cdp.Command[P, R], params P) (R, error) {
	ctx, cancel := context.WithTimeout(tab, Patience)
	defer cancel()
	return chromedp.Call(ctx, c, params)
}
