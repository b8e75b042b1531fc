package module_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/headstart-proxy/headstart/internal/recovery"
)

// A tab is one tab of the browser, with cookies of its own.
type tab struct {
	ctx     context.Context
	changed chan struct{} // holds a value if something happened since it was read

	mu     sync.Mutex // protects what follows
	errors []string   // errors, exceptions and violations since the last load began
	loads  int        // documents since then
}

// openTab opens a tab that ends with another test, which t is a part of. The
// emulation comes before any page.
func openTab(t, until *testing.T, browser context.Context, emulation ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	until.Cleanup(closeTab)
	b := &tab{ctx: ctx, changed: make(chan struct{}, 1)}
	if err := chromedp.Do(ctx); err != nil { // without a timeout, which would be the tab's
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.take); err != nil {
		t.Fatal(err)
	}
	// Violations of a policy that only reports are no errors by themselves.
	command(t, b, cdpage.AddScriptToEvaluateOnNewDocument, cdpage.AddScriptToEvaluateOnNewDocumentParams{Source: `
		addEventListener("securitypolicyviolation", e =>
			console.error("violation", e.disposition, e.effectiveDirective, e.blockedURI))`})
	if err := chromedp.Do(ctx, emulation...); err != nil {
		t.Fatal(err)
	}
	return b
}

// command runs a command in a tab.
func command[P, R any](t *testing.T, b *tab, c cdp.Command[P, R], params P) R {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, c, params)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// emulate is a command as an action.
func emulate[P any](command cdp.Command[P, cdp.Empty], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, command, params)
		return chromedp.Void{}, err
	}
}

// evaluate runs JavaScript in the page, and waits for a promise.
func evaluate[T any](t *testing.T, b *tab, script string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return result
}

// awaitIn returns when a condition holds in a page that is still coming.
func awaitIn(t *testing.T, b *tab, condition string) {
	t.Helper()
	evaluate[string](t, b, fmt.Sprintf(`new Promise(done => {
		const look = () => { if (%s) { watch.disconnect(); done("") } };
		const watch = new MutationObserver(look);
		watch.observe(document, {subtree: true, childList: true, characterData: true});
		look();
	})`, condition))
}

// take takes an event of the browser.
func (b *tab) take(event any) {
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
			var text []string
			for _, arg := range e.Args {
				text = append(text, string(arg.Value))
			}
			b.errors = append(b.errors, "console: "+strings.Join(text, " "))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			b.errors = append(b.errors, fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *cdpage.EventFrameNavigated:
		b.loads++
	case *cdpage.EventLoadEventFired, *cdpage.EventFrameStoppedLoading:
	default:
		return
	}
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// A dump is what a page is, as far as it has to be the same by whatever way it
// came. What has no order among the children of head is sorted. White space and
// comments in head are left out. Browsers hide nonceSources.
type dump struct {
	Standing bool   `json:"standing"` // the page is complete, and has nothing to recover
	Place    string `json:"place"`    // path and fragment
	HTML     string `json:"html"`     // doctype, mode and <html> tag
	Ordered  []string
	Others   []string
	Body     string
	Sheets   []string // in the order in which they apply
	Style    string   // of #box
	Ran      []string // scripts, as often as they ran
	Cookies  string   // but for Headstart's
}

const dumpScript = `(() => {
	const tag = e => "<" + e.localName + [...e.attributes].map(a =>
		a.name == "nonce" ? " nonce" : " " + a.name + "=" + JSON.stringify(a.value)).sort().join("") + ">";
	const ordered = e => e.matches("style, base, link[rel~=stylesheet], meta[http-equiv], script:not([async]):not([type*=json])");
	const d = document, head = d.head ? [...d.head.children] : [], ran = window.ran || [];
	const box = getComputedStyle(d.getElementById("box") || d.documentElement);
	return {
		standing: d.readyState == "complete" && !d.querySelector(%q) && !!d.body &&
			![...d.scripts].some(e => e.textContent.startsWith(%q) && !e.hasAttribute("data-headstart") && e.id != "injected"),
		place: location.pathname + location.hash,
		html: [d.doctype && d.doctype.name + d.doctype.publicId + d.doctype.systemId, d.compatMode, d.characterSet, tag(d.documentElement)].join(" "),
		Ordered: head.filter(ordered).map(e => tag(e) + e.textContent),
		Others: head.filter(e => !ordered(e)).map(e => tag(e) + e.textContent).sort(),
		Body: d.body ? d.body.outerHTML.replace(/ nonce="[^"]*"/g, " nonce") : "",
		Sheets: [...d.styleSheets].map(s => s.href ? new URL(s.href).pathname : "inline"),
		Style: [box.color, box.backgroundColor, box.width].join(" "),
		Ran: ran.filter(x => x != "async").concat(ran.filter(x => x == "async")), // has no order
		Cookies: d.cookie.split("; ").filter(c => !c.includes("headstart=")).sort().join("; "),
	};
})()`

// dumping returns the script that makes a dump. Without scripts, what would have
// moved elements stays.
func dumping(scripts bool) string {
	recovering := "[data-headstart]"
	if !scripts {
		recovering = ":not(script)[data-headstart]"
	}
	return fmt.Sprintf(dumpScript, recovering, recovery.Prefix)
}

// A landing is how a navigation ended.
type landing struct {
	dump
	errors []string
	loads  int
}

// load loads a page and returns when it stands at a place. committed is called
// when the browser has the beginning of the response. settle is whether scripts
// run, and errors may come late.
func (b *tab) load(t *testing.T, url, place string, settle bool, committed func()) landing {
	t.Helper()
	b.mu.Lock()
	b.errors, b.loads = nil, 0
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, cdpage.Navigate, cdpage.NavigateParams{URL: url})
	if err != nil || result.ErrorText != "" {
		t.Fatalf("nothing came early: %s, %v", result.ErrorText, err)
	}
	committed()
	script := dumping(settle)
	for {
		d, err := chromedp.Run(ctx, chromedp.Evaluate[dump](script))
		if err == nil && d.Standing && d.Place == place {
			if settle {
				// Violations are reported by tasks of their own.
				_, err = chromedp.Run(ctx, chromedp.Evaluate[string](`new Promise(done => requestIdleCallback(() => done("")))`, chromedp.EvalAwaitPromise))
				if err != nil {
					t.Fatal(err)
				}
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			return landing{d, normalized(b.errors), b.loads}
		}
		if !settle { // without scripts there is a link
			_, _ = chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector("a[data-headstart]")?.click(), ""`))
		}
		// Evaluating fails while one document takes the place of another.
		select {
		case <-b.changed:
		case <-ctx.Done():
			t.Fatalf("the page does not get to %s: %+v, %v", place, d, err)
		}
	}
}

var (
	authorities  = regexp.MustCompile(regexp.QuoteMeta(host) + `:\d+`)
	nonceSources = regexp.MustCompile(`'nonce-[^']*'`)
)

// normalized takes out of messages what differs between two sites.
func normalized(messages []string) []string {
	out := make([]string, 0, len(messages))
	for _, m := range messages {
		m = strings.ReplaceAll(authorities.ReplaceAllString(m, host), "https://", "http://")
		out = append(out, nonceSources.ReplaceAllString(m, "'nonce-'"))
	}
	return out
}

// surplus returns what is in got more often than in want.
func surplus(got, want []string) (more []string) {
	want = slices.Clone(want)
	for _, m := range got {
		if i := slices.Index(want, m); i >= 0 {
			want = slices.Delete(want, i, i+1)
		} else {
			more = append(more, m)
		}
	}
	return more
}
