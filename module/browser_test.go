package module_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// startBrowser starts a headless Chromium that finds every site of a test by its
// name. Without Chromium the test is skipped, or fails if HEADSTART_NO_SKIP is
// set.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		const reason = "chromium is not installed (Debian: apt-get install chromium)"
		if os.Getenv("HEADSTART_NO_SKIP") != "" {
			t.Fatal(reason)
		}
		t.Skip("SKIPPED: recoveries in a real browser: " + reason)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, // CI runs as root
		chromedp.IgnoreCertErrors,
		chromedp.Flag("host-resolver-rules", "MAP "+host+" 127.0.0.1"),
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

// teachHost teaches a page under a Host with a port, as browsers send it.
func (s *earlySite) teachHost(t *testing.T, v *visitor, path string, namesAndValues ...string) (url string) {
	t.Helper()
	s.origin.Handle(path, htmlPage(wholePage, namesAndValues...)...)
	url = v.url(t, s.c, "site", path)
	_, port, _ := strings.Cut(strings.TrimPrefix(url, "https"), "127.0.0.1")
	for range 3 {
		req := navigate(t, url)
		req.Host = host + port[:strings.IndexByte(port, '/')]
		v.send(t, req).rest(t)
	}
	return strings.Replace(url, "127.0.0.1", host, 1)
}

// A committed page corrects itself in front of the visitor.
func TestBrowserRecovers(t *testing.T) {
	browser := startBrowser(t)
	s := startEarly(t, "encode gzip")
	for _, asset := range []string{"/a.css", "/a.js"} {
		s.origin.Handle(asset, testorigin.Header(http.StatusOK), testorigin.Write(""))
	}
	s.origin.Handle("/elsewhere", errorDoc(http.StatusOK, doctype+"<title>Elsewhere</title><p>moved")...)
	const other = doctype + `<html><head><title>Other</title></head><body>other page</body></html>`
	policy := []string{"Content-Security-Policy", "default-src 'self'"}
	tests := []struct {
		name    string
		learned []string
		answer  []testorigin.Step
		outcome string
		want    string // title and location, the fragment included
	}{
		{"the page itself", nil, htmlPage(wholePage), "exact", "A page <path>#part"},
		{"another document", nil, htmlPage(other), "reloaded", "Other <path>#part"},
		{"another document under a policy", policy, htmlPage(other, policy...), "reloaded", "Other <path>#part"},
		{"a cookie", nil, htmlPage(wholePage, "Set-Cookie", "a=b"), "reloaded", "A page <path>#part"},
		{"not found", nil, errorDoc(http.StatusNotFound, other), "reloaded", "Other <path>#part"},
		{"a redirect", nil, redirectTo("/elsewhere"), "redirected", "Elsewhere /elsewhere#part"},
		{"a redirect under a policy", policy, redirectTo("/elsewhere"), "redirected", "Elsewhere /elsewhere#part"},
		{"a redirect with a fragment", nil, redirectTo("/elsewhere#own"), "redirected", "Elsewhere /elsewhere#own"},
		{"an error", nil, errorDoc(http.StatusInternalServerError, other), "failed", "Other <path>#part"},
	}
	for _, protocol := range []string{"h1", "h2"} {
		for i, test := range tests {
			t.Run(protocol+" "+test.name, func(t *testing.T) {
				path := fmt.Sprintf("/%s/%d", protocol, i)
				url := s.teachHost(t, newVisitor(t, protocol), path, test.learned...)
				s.origin.Handle(path, test.answer...)

				tab, closeTab := chromedp.NewContext(browser, chromedp.WithNewBrowserContext()) // no cookies of another test
				defer closeTab()
				if err := chromedp.Do(tab); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(tab, patience)
				defer cancel()
				// An error says that the first load was aborted, as it should be.
				_ = chromedp.Do(ctx, chromedp.Navigate(url+"#part"))
				want := strings.ReplaceAll(test.want, "<path>", path)
				got := ""
				for got != want && ctx.Err() == nil {
					got, _ = chromedp.Run(ctx, chromedp.Evaluate[string](
						`document.readyState == "complete" ? document.title + " " + location.pathname + location.hash : ""`))
				}
				if got != want {
					t.Errorf("the browser shows %q, want %q", got, want)
				}
				visits := 4
				if test.outcome == "reloaded" {
					visits = 5 // the second load may be logged before the first
				}
				var outcomes []any
				for _, entry := range s.c.logs.access(t, visits, path) {
					if outcome := entry.field("headstart", "outcome"); outcome != nil {
						outcomes = append(outcomes, outcome)
					}
				}
				if len(outcomes) != 1 || outcomes[0] != test.outcome {
					t.Errorf("outcomes %v, want %s", outcomes, test.outcome)
				}
			})
		}
	}
}
