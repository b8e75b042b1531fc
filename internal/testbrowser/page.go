package testbrowser

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/page"
)

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
	return b.AwaitPage(t, recovery)
}

// AwaitPage returns when a page that has begun to come stands, see Load.
func (b *Tab) AwaitPage(t *testing.T, recovery string) Page {
	t.Helper()
	type state struct {
		Standing bool   `json:"standing"`
		HTML     string `json:"html"`
	}
	s := AwaitState(t, b, fmt.Sprintf(domScript, recovery), func(s state) bool { return s.Standing })
	b.Settle(t)
	errors, loads := b.Seen()
	return Page{s.HTML, errors, loads}
}

// Submit submits a form, which a selector tells, and returns when the page behind it
// has come.
func (b *Tab) Submit(t *testing.T, form string) {
	t.Helper()
	b.Leave(t, fmt.Sprintf(`document.querySelector(%q).requestSubmit()`, form))
	b.AwaitLeft(t)
	b.AwaitPage(t, "\x00") // no script begins so
}

// Leave runs a script that leads to another page, and does not wait for it.
func (b *Tab) Leave(t *testing.T, script string) {
	t.Helper()
	b.forget()
	Evaluate[any](t, b, script+`, ""`)
}

// AwaitLeft returns when the page behind Leave has begun to come.
func (b *Tab) AwaitLeft(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	left := func() bool { _, loads := b.Seen(); return loads > 0 }
	if !wait(ctx, b.changed, left) {
		t.Fatal("no other page comes")
	}
}

// Navigate begins to load a page, and returns when the browser has the beginning of
// the response.
func (b *Tab) Navigate(t *testing.T, url string) {
	t.Helper()
	b.forget()
	if result := Command(t, b, page.Navigate, page.NavigateParams{URL: url}); result.ErrorText != "" {
		t.Fatalf("%s: %s", url, result.ErrorText)
	}
}
