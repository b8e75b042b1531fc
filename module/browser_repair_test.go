package module_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/testbrowser"
	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// browserAssets are what the pages load: stylesheets that are told apart by what
// #box looks like, and the names under which scripts tell that they ran.
var browserAssets = map[string]string{
	"/a.css":     "#box { color: rgb(1, 0, 0); background: rgb(1, 0, 0) }",
	"/b.css":     "#box { color: rgb(0, 2, 0) }",
	"/c.css":     "#box { color: rgb(0, 0, 3); background: rgb(0, 0, 3) }",
	"/d.css":     "#box { color: rgb(4, 4, 4); width: 44px }",
	"/first.js":  "first",
	"/second.js": "second",
	"/third.js":  "third",
	"/async.js":  "async",
}

// The parts of a page. {style} and {inline} stand for an inline style and an
// inline script where the policy allows them, and for nothing elsewhere.
const (
	browserTitle   = "<title>A page</title>"
	browserMeta    = `<meta name="description" content="first">`
	browserLink    = `<link rel="canonical" href="/first">`
	browserSheetA  = `<link rel="stylesheet" href="/a.css">`
	browserSheetB  = `<link rel="stylesheet" href="/b.css">`
	browserStyle   = `<style{nonce}>#box { width: 50px }</style>`
	browserScripts = `<script{nonce} src="/first.js"></script><script{nonce} src="/second.js" defer></script>`
	browserInline  = `<script{nonce}>(window.ran = window.ran || []).push("inline")</script>`
	browserBody    = `<body class="x"><h1 id="box">What is new</h1><p>x &amp; y</p>{inline}</body></html>` + "\n"

	browserPage = doctype + `<html lang="en"><head><meta charset="utf-8">` + browserTitle + browserMeta + browserLink +
		browserSheetA + "{style}" + browserSheetB + browserScripts + "</head>" + browserBody
	elsewherePage = doctype + "<title>Elsewhere</title><p id=box>moved"
	otherPage     = doctype + `<html><head><title>Other</title></head><body>other page</body></html>`
)

// A browserPolicy is what a page may do, as the backend says.
type browserPolicy struct {
	name   string
	header []string
	inline bool // scripts and styles may be inline, with a nonce if there is one
}

var browserPolicies = []browserPolicy{
	{"no policy", nil, true},
	{"no inline scripts", []string{"Content-Security-Policy", "default-src 'self'"}, false},
	{"inline scripts", []string{"Content-Security-Policy", "script-src 'self' 'unsafe-inline'"}, true},
	{"nonces", []string{"Content-Security-Policy", "default-src 'self'; script-src 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'"}, true},
	{"a report-only policy", []string{"Content-Security-Policy-Report-Only", "default-src 'self'"}, false},
	{"two policies", []string{"Content-Security-Policy", "default-src 'self'", "Content-Security-Policy", "script-src-elem 'self' https:; img-src 'none'"}, false},
}

// page returns browserPage, or another, under the policy, changed.
func (p browserPolicy) page(page string, oldAndNew ...string) served {
	page = strings.NewReplacer(oldAndNew...).Replace(page)
	style, inline := "", ""
	if p.inline {
		style, inline = browserStyle, browserInline
	}
	return served{header: p.header, body: strings.NewReplacer("{style}", style, "{inline}", inline).Replace(page)}
}

// without returns the page without some of its parts.
func without(page string, parts ...string) string {
	for _, part := range parts {
		page = strings.Replace(page, part, "", 1)
	}
	return page
}

// withHeader adds header fields to a page.
func (p served) withHeader(namesAndValues ...string) served {
	p.header = slices.Concat(p.header, namesAndValues)
	return p
}

// withStatus gives a page another status.
func (p served) withStatus(status int) served {
	p.status = status
	return p
}

// Pages of which only a part can come early, and pages that come as they did.
func browserMerges() []browserCase {
	plain := browserPolicies[0]
	const csrf = `<meta name="csrf-token" content="{visit}">`
	deferring := without(browserPage, `<script{nonce} src="/first.js"></script>`)
	withToken := strings.Replace(deferring, browserTitle, csrf+browserTitle, 1)
	withAsync := strings.Replace(browserPage, browserSheetA, `<script{nonce} src="/async.js" async></script>`+browserSheetA, 1)
	ninth := func(page string) []testorigin.Step {
		return plain.page(page, "{visit}", "9").steps()
	}
	merged := func(name, page string) browserCase {
		return browserCase{name: name, learned: plain.page(page), answer: ninth(page), outcome: "merged"}
	}
	cases := []browserCase{
		merged("a title of its own", strings.Replace(browserPage, "A page", "Page {visit}", 1)),
		merged("a token", withToken),
		merged("an async script", withAsync),
		merged("a language of its own", strings.Replace(browserPage, `lang="en"`, `lang="{visit}" class="x"`, 1)),
		merged("all of them", strings.NewReplacer("A page", "Page {visit}", `lang="en"`, `data-n="{visit}"`).Replace(strings.Replace(withAsync, browserLink, csrf, 1))),
	}
	for _, policy := range browserPolicies {
		outcome := "exact"
		if policy.name == "nonces" {
			outcome = "merged" // they are other bytes each time
		}
		cases = append(cases, browserCase{
			name: "the page itself under " + policy.name, learned: policy.page(browserPage), answer: policy.page(browserPage).steps(), outcome: outcome,
		})
	}
	return cases
}

// Each kind of difference under each kind of policy.
func browserRepairs() (cases []browserCase) {
	bodyScripts := without(browserPage, browserScripts, "</body>") + browserScripts // nothing has seen <html>
	changes := []struct {
		name, page string
		oldAndNew  []string
		outcome    string
	}{
		{"another title", browserPage, []string{"A page", "B page"}, "repaired"},
		{"another description", browserPage, []string{`"first"`, `"second"`}, "repaired"},
		{"no canonical link", browserPage, []string{browserLink, ""}, "repaired"},
		{"no inline style", browserPage, []string{"{style}", ""}, "repaired"},
		{"a stylesheet less", browserPage, []string{browserSheetA, ""}, "repaired"},
		{"another stylesheet", browserPage, []string{"/a.css", "/c.css"}, "repaired"},
		{"two other stylesheets", browserPage, []string{"/a.css", "/d.css", "/b.css", "/c.css"}, "repaired"},
		{"another title, description and stylesheet", browserPage, []string{"A page", "B page", browserMeta, "", "/a.css", "/c.css"}, "repaired"},
		{"another language", bodyScripts, []string{`lang="en"`, `lang="de" class="late"`}, "repaired"},
		{"another script", browserPage, []string{"/first.js", "/third.js"}, "reloaded"},
	}
	for _, policy := range browserPolicies {
		for _, change := range changes {
			if change.name == "no inline style" && !policy.inline {
				continue
			}
			cases = append(cases, browserCase{
				name:    change.name + " under " + policy.name,
				learned: policy.page(change.page),
				answer:  policy.page(change.page, change.oldAndNew...).steps(),
				outcome: change.outcome,
				either:  policy.name != "no policy" && policy.name != "nonces",
			})
		}
	}

	// Whoever can put markup into a page cannot use the text of the script.
	nonce := browserPolicies[3]
	copied, _, _ := strings.Cut(string(recovery.Redirect(recovery.Permission{Script: true}, "/elsewhere", nil)), "<noscript>")
	copied = strings.Replace(copied, "<script", `<script id="injected"`, 1)
	injected := strings.Replace(browserPage, "<h1", copied+"<h1", 1)
	return append(cases,
		browserCase{
			name: "an injected script", learned: nonce.page(injected),
			answer: nonce.page(injected).steps(), outcome: "merged",
		},
		browserCase{
			name: "an injected script behind a repair", learned: nonce.page(browserPage),
			answer: nonce.page(injected, "A page", "B page").steps(), outcome: "repaired",
		},
	)
}

// The rows of the table of surprises.
func browserSurprises() (cases []browserCase) {
	plain := browserPolicies[0]
	page := plain.page(browserPage)
	add := func(c browserCase) {
		c.learned = page
		cases = append(cases, c)
	}
	for _, c := range []browserCase{
		{name: "another document", answer: served{body: otherPage}.steps()},
		{name: "a cookie", answer: page.withHeader("Set-Cookie", "a=b").steps(), cookie: "a=b"},
		{name: "401", answer: served{body: otherPage}.withStatus(http.StatusUnauthorized).withHeader("Www-Authenticate", "Bearer").steps()},
		{name: "plain text", answer: page.withHeader("Content-Type", "text/plain; charset=utf-8").steps()},
		{name: "another protective header", answer: page.withHeader("X-Frame-Options", "DENY").steps()},
		{name: "404 without the scripts", answer: served{body: otherPage}.withStatus(http.StatusNotFound).steps()},
	} {
		c.outcome = "reloaded"
		add(c)
		c.name, c.atOnce = c.name+", at once", true
		add(c)
	}

	for _, policy := range browserPolicies {
		cases = append(cases, browserCase{
			name: "a redirect under " + policy.name, learned: policy.page(browserPage),
			answer: redirectTo("/elsewhere", policy.header...), outcome: "redirected", place: "/elsewhere#part",
		})
	}
	add(browserCase{name: "a redirect with a fragment", answer: redirectTo("/elsewhere#own"), outcome: "redirected", place: "/elsewhere#own"})

	const notIndexed = `<meta content="noindex" name="robots">`
	// What was sent of the page stays, but for what can be taken back.
	const shown = doctype + `<html><head><meta charset="utf-8">` + browserScripts + noIndexed
	oops := strings.NewReplacer("A page", "Oops", "What is new", "own page").Replace(browserPage)
	errorPage := func(text string) string {
		return strings.Replace(without(browserPage, "</head>"+browserBody), browserScripts, browserScripts+noIndexed+text, 1)
	}
	gone := []testorigin.Step{testorigin.TakeOver(), testorigin.Close()}
	for _, c := range []browserCase{
		{name: "500 with another page", answer: errorDoc(500, otherPage), want: shown + "<title>Other</title></head><body>other page</body></html>"},
		{name: "500 with a page that begins alike", answer: plain.page(oops).withStatus(500).steps(), extra: []string{notIndexed}},
		{name: "404 with the same scripts", answer: plain.page(strings.Replace(browserPage, "What is new", "not found", 1)).withStatus(404).steps(), extra: []string{notIndexed}},
		{name: "the backend is gone", answer: gone, requests: -1, want: plain.page(errorPage("<title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1>" +
			"<p>The page could not be loaded. Please try again later.</p></body></html>\n")).body},
		{name: "handle_errors", site: "errors", answer: gone, requests: -1, want: plain.page(errorPage("<title>502 Bad Gateway</title></head><body>" +
			"<pre>site &amp; error 502</pre></body></html>\n")).body},
	} {
		c.outcome = "failed"
		add(c)
	}
	return append(cases, handicapped(page)...)
}

// handicaps are what a browser may lack.
var handicaps = map[string][]chromedp.Action[chromedp.Void]{
	"cookies": {testbrowser.Emulate(emulation.SetDocumentCookieDisabled, emulation.SetDocumentCookieDisabledParams{Disabled: true})},
	"scripts": {testbrowser.Emulate(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})},
}

// A browser without cookies or scripts gets there, too, and does not go round in
// circles.
func handicapped(page served) (cases []browserCase) {
	document := served{body: otherPage}.steps()
	cookie := page.withHeader("Set-Cookie", "a=b").steps()
	title := served{body: strings.Replace(page.body, "A page", "B page", 1)}.steps()
	for _, c := range []browserCase{
		{handicap: "cookies", name: "another document", answer: document, outcome: "reloaded", requests: 2},
		{handicap: "cookies", name: "a cookie", answer: cookie, outcome: "reloaded", requests: 2},
		{handicap: "cookies", name: "a redirect", answer: redirectTo("/elsewhere"), outcome: "redirected", place: "/elsewhere#part"},
		{handicap: "cookies", name: "another title", answer: title, outcome: "repaired"},
		{handicap: "scripts", name: "another document", answer: document, outcome: "reloaded", requests: 2, whole: true},
		{handicap: "scripts", name: "a cookie", answer: cookie, outcome: "reloaded", requests: 2, whole: true, cookie: "a=b"},
		{handicap: "scripts", name: "a redirect", answer: redirectTo("/elsewhere"), outcome: "redirected", place: "/elsewhere", whole: true},
		{handicap: "scripts", name: "another title", answer: title, outcome: "repaired", loads: 2, requests: 2, whole: true},
		{handicap: "scripts", name: "a title of its own", answer: title, outcome: "merged", whole: true},
	} {
		c.name = fmt.Sprintf("%s without %s", c.name, c.handicap)
		c.learned = page
		if c.outcome == "merged" {
			c.learned.body = strings.Replace(page.body, "A page", "Page {visit}", 1)
		}
		cases = append(cases, c)
	}
	return cases
}
