package module_test

import (
	"fmt"
	"net/http"
	"strings"
)

// pwned is a clean request by which the backend knows the attacker.
var pwned = says("Accept-Language", marker)

// threePages are URLs that share a key.
var threePages = []string{"/page/1", "/page/2", "/page/3"}

// attacksByKey are pages that an operator's key, or two handlers, could take for
// the same.
var attacksByKey = []attack{
	{name: "another URL under a shared key", options: "key {http.request.uri.path.0}", paths: threePages, send: pages("/page/pwned-%d")},
	{name: "a known URL under a shared key", options: "key {http.request.uri.path.0}", paths: threePages, send: pwned},
	{name: "URLs not found under a shared key", options: "key {http.request.uri.path.0}", paths: threePages, send: pages("/page/pwned-%d"), never: true, answer: answersStatus(http.StatusNotFound)},
	{name: "a secret URL under a shared key", options: "key {http.request.uri.path.0}", paths: threePages, send: target("/page/pwned"), never: true, answer: answersStatus(http.StatusForbidden)},
	{name: "a URL that signs in under a shared key", options: "key {http.request.uri.path.0}", paths: threePages, send: target("/page/pwned"), never: true, answer: answersStatus(http.StatusFound, "Location", "/login")},
	{name: "any URL under one key", options: "key all", paths: threePages, send: pages("/pwned-%d")},
	{name: "a key whose parts are shifted", options: "key {http.request.uri.path.0}{http.request.uri.path.1}", paths: []string{"/page/x/1", "/page/x/2", "/page/x/3"}, send: pages("/pagex?pwned=%d"), shut: true},
	{name: "a key whose parts are shifted, by a path", options: "key {http.request.uri.path.0}{http.request.uri.path.1}", paths: []string{"/page/x/1", "/page/x/2", "/page/x/3"}, send: pages("/pagex//pwned-%d")},
	{
		name: "a key with a header in it", options: "key {http.request.uri.path.0}{http.request.header.Accept-Language}", paths: threePages,
		send: []lessonDress{both(target("/pag/pwned")[0], with("Accept-Language", "een-GB,en;q=0.9"))},
	},
	{name: "a key with a zero in it", options: "key {http.request.uri.path.0}", paths: threePages, crowd: true, send: pages("/page%%00template%%00/pwned-%d")},
	{
		name: "two handle blocks", crowd: true, send: pwned,
		site: "@bad header Accept-Language pwned\nhandle @bad {\nAPP\n}\nhandle {\nAPP\n}",
	},
	{
		name: "two backends behind one Headstart", crowd: true, send: pwned,
		site: "@bad header Accept-Language pwned\nroute {\nHEADSTART\nhandle @bad {\nreverse_proxy BACKEND\n}\nhandle {\nreverse_proxy BACKEND\n}\n}",
	},
	{
		name: "two paths rewritten to one", crowd: true, send: target("/pwned"), reads: found("X-Asked", "/pwned"),
		site: "rewrite /pwned /page\nHEADSTART\nreverse_proxy BACKEND {\nheader_up X-Asked {http.request.orig_uri.path}\n}",
	},
	{
		name: "a path rewritten behind Headstart", crowd: true, send: target("/pwned"), reads: func(r *http.Request) string {
			if r.URL.Path == "/other" {
				return marker
			}
			return ""
		}, site: "route {\nHEADSTART\nrewrite /pwned /other\nreverse_proxy BACKEND\n}",
	},
}

// pages are requests for many targets.
func pages(format string) []lessonDress {
	list := make([]lessonDress, attackFlood)
	for i := range list {
		list[i] = target(fmt.Sprintf(format, i))[0]
	}
	return list
}

// attacksByAnswer make the backend answer in a way that takes the gain away from a
// page, if others were answered so.
var attacksByAnswer = []attack{
	{name: "a flood of 400", send: pwned, answer: answersStatus(http.StatusBadRequest)},
	{name: "a flood of 401", send: pwned, answer: answersStatus(http.StatusUnauthorized, "WWW-Authenticate", "Basic")},
	{name: "a flood of 403", send: pwned, answer: answersStatus(http.StatusForbidden)},
	{name: "a flood of 404", send: pwned, answer: answersStatus(http.StatusNotFound)},
	{name: "a flood of 410", send: pwned, answer: answersStatus(http.StatusGone)},
	{name: "a flood of 429", send: pwned, answer: answersStatus(http.StatusTooManyRequests)},
	{name: "a flood of 500", send: pwned, answer: answersStatus(http.StatusInternalServerError)},
	{name: "a flood of 503", send: pwned, answer: answersStatus(http.StatusServiceUnavailable)},
	{name: "a flood of 204", send: pwned, answer: forAttacker(func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(http.StatusNoContent) })},
	{name: "a flood of redirects", send: pwned, answer: answersStatus(http.StatusFound, "Location", "//pwned.test/")},
	{name: "a flood of redirects to itself", send: pwned, answer: answersStatus(http.StatusFound, "Location", "/page")},
	{name: "a flood of lost connections", send: pwned, answer: lostConnection, forgive: 1},
	{name: "a flood of cut pages", send: pwned, answer: cutPage, forgive: 1},
	{name: "a flood of fast answers", send: pwned, slow: true, answer: withHeaders()},
	{name: "a flood of Set-Cookie", send: pwned, answer: withHeaders("Set-Cookie", "a=pwned")},
	{name: "a flood of Clear-Site-Data", send: pwned, answer: withHeaders("Clear-Site-Data", `"*"`)},
	{name: "a flood of Refresh", send: pwned, answer: withHeaders("Refresh", "0;url=//pwned.test")},
	{name: "a flood of downloads", send: pwned, answer: withHeaders("Content-Disposition", "attachment; filename=pwned")},
	{name: "a flood of no-store", send: pwned, answer: withHeaders("Cache-Control", "no-store")},
	{name: "a flood of private", send: pwned, answer: withHeaders("Cache-Control", "private")},
	{name: "a flood of no-store with learn_private", options: "learn_private", send: pwned, answer: withHeaders("Cache-Control", "private, no-store")},
	{name: "a flood of no-transform", send: pwned, answer: withHeaders("Cache-Control", "no-transform")},
	{name: "a flood of Vary: *", send: pwned, answer: withHeaders("Vary", "*")},
	{name: "a flood of Vary: User-Agent", send: pwned, answer: withHeaders("Vary", "User-Agent")},
	{name: "a flood of Vary: Accept-Language", send: pwned, answer: withHeaders("Vary", "Accept-Language")},
	{name: "a flood of one Vary", send: pwned, answer: withHeaders("Vary", "X-Pwned")},
	{name: "a flood of many Varies", send: pwned, answer: varyFlood()},
	{name: "another type", send: pwned, answer: withHeaders("Content-Type", "text/plain")},
	{name: "another charset", send: pwned, answer: withHeaders("Content-Type", "text/html; charset=windows-1252")},
	{name: "an unreadable charset", send: pwned, answer: withHeaders("Content-Type", "text/html; charset=utf-16")},
	{name: "a compressed page", send: pwned, answer: forAttacker(compressed)},
	{name: "a trailer", send: pwned, answer: withHeaders("Trailer", "X-Pwned")},
	{name: "another policy", send: pwned, answer: withHeaders("Content-Security-Policy", "script-src 'none'; report-uri //pwned.test")},
	{name: "a sandbox", send: pwned, answer: withHeaders("Content-Security-Policy", "sandbox")},
	{name: "another frame policy", send: pwned, answer: withHeaders("X-Frame-Options", "ALLOW-FROM pwned.test")},
	{name: "another transport policy", send: pwned, answer: withHeaders("Strict-Transport-Security", "max-age=0")},
	{name: "another origin allowed", send: pwned, answer: withHeaders("Access-Control-Allow-Origin", "https://pwned.test")},
	{name: "a Link", send: pwned, answer: withHeaders("Link", "<//pwned.test/a.js>; rel=preload; as=script")},
	{name: "a CDN's cache control", send: pwned, answer: withHeaders("Surrogate-Control", "max-age=99", "Cdn-Cache-Control", "public, max-age=99")},
	{name: "Early Hints", send: pwned, answer: earlyHints},
	{name: "a nonce that repeats", send: pwned, answer: nonced},

	// Other audiences than those who teach.
	{name: "cookies, against visitors with cookies", send: sends("Cookie", "theme=pwned"), others: aCookie},
	{name: "theme=dark, against visitors with cookies", send: sends("Cookie", "theme=dark"), others: aCookie, reads: func(r *http.Request) string {
		if strings.Contains(r.Header.Get("Cookie"), "theme=dark") {
			return marker
		}
		return ""
	}},
	{name: "404 for a cookie, against visitors with cookies", send: sends("Cookie", "theme=pwned"), others: aCookie, answer: answersStatus(http.StatusNotFound)},
	{name: "Set-Cookie for a cookie, against visitors with cookies", send: sends("Cookie", "theme=pwned"), others: aCookie, answer: withHeaders("Set-Cookie", "a=b")},
	{name: "a forged crawler, against crawlers", send: []lessonDress{both(asGooglebot, with("Accept-Language", marker))}, others: crawlers},
	{name: "a forged crawler that gets 404, against crawlers", send: []lessonDress{both(asGooglebot, with("Accept-Language", marker))}, others: crawlers, answer: answersStatus(http.StatusNotFound)},
	{name: "an address of one network, against all audiences", reads: byAttacker, others: aCookie},
}

var (
	aCookie  = []lessonDress{with("Cookie", "id=1"), with("Cookie", "id=2"), with("Cookie", "id=3")}
	crawlers = []lessonDress{asGooglebot, asGooglebot, with("User-Agent", "Mozilla/5.0 (compatible; bingbot/2.0)")}
)

// attacksByPage make the backend write another document.
var attacksByPage = []attack{
	{name: "a title", send: pwned, answer: withPage(replaced("<title>nothing", "<title>pwned"))},
	{name: "a meta tag", send: pwned, answer: withPage(replaced(`content="nothing"`, `content="pwned"`))},
	{name: "a stylesheet", send: pwned, answer: withPage(replaced(`"/nothing.css"`, `"//pwned.test/a.css"`))},
	{name: "an inline script", send: pwned, answer: withPage(replaced(`said = "nothing"`, `said = "pwned"`))},
	{name: "a stylesheet more", send: pwned, answer: withPage(replaced("<title>", `<link rel="stylesheet" href="/pwned.css"><title>`))},
	{name: "a stylesheet less", send: pwned, answer: withPage(replaced(`<link rel="stylesheet" href="/nothing.css">`, ""))},
	{name: "a script less", send: pwned, answer: withPage(replaced(`<script>var said = "nothing"</script>`, ""))},
	{name: "the last stylesheet less", send: pwned, answer: withPage(replaced(attackMark, ""))},
	{name: "a csrf token", send: pwned, answer: withPage(replaced("<title>", `<meta name="csrf-token" content="pwned"><title>`))},
	{name: "an async script", send: pwned, answer: withPage(replaced("<title>", `<script async src="/pwned.js"></script><title>`))},
	{name: "a base", send: pwned, answer: withPage(markup(`<base href="//pwned.test/">`))},
	{name: "a policy in the page", send: pwned, answer: withPage(markup(`<meta http-equiv="Content-Security-Policy" content="script-src 'none'">`))},
	{name: "a refresh in the page", send: pwned, answer: withPage(markup(`<meta http-equiv="refresh" content="0;url=//pwned.test">`))},
	{name: "a charset in the page", send: pwned, answer: withPage(replaced(`charset="utf-8"`, `charset="utf-7"`))},
	{name: "an import map", send: pwned, answer: withPage(markup(`<script type="importmap">{"imports":{"a":"//pwned.test/"}}</script>`))},
	{name: "a comment that does not end", send: pwned, answer: withPage(markup("<!-- pwned"))},
	{name: "a script that does not end", send: pwned, answer: withPage(markup("<script><!--<script>pwned"))},
	{name: "plaintext", send: pwned, answer: withPage(markup("<plaintext>pwned"))},
	{name: "a template", send: pwned, answer: withPage(markup("<template><template>pwned</template>"))},
	{name: "a noscript", send: pwned, answer: withPage(markup(`<noscript><link rel="stylesheet" href="/pwned.css"></noscript>`))},
	{name: "a body too early", send: pwned, answer: withPage(markup("<p>pwned"))},
	{name: "a byte order mark", send: pwned, answer: withPage(replaced("<!doctype html>", "\ufeff<!doctype html>"))},
	{name: "no doctype", send: pwned, answer: withPage(replaced("<!doctype html>", ""))},
	{name: "another language", send: pwned, answer: withPage(replaced(`lang="en"`, `lang="pwned"`))},
	{name: "a handler on html", send: pwned, answer: withPage(replaced(`<html `, `<html onclick="pwned()" `))},
	{name: "zeros", send: pwned, answer: withPage(markup("\x00\x00pwned"))},
	{name: "no head", send: pwned, answer: withPage(func(said string) string { return said })},
	{name: "no page", send: pwned, answer: withPage(func(string) string { return "" })},
	{name: "a page cut in its head", send: pwned, answer: withPage(func(string) string { return attackPage("")[:100] })},
	{name: "a head of 1 MiB", flood: 5, send: pwned, answer: withPage(markup("<style>" + strings.Repeat("pwned{} ", 1<<17) + "</style>"))},
	{name: "a head of 1 MiB elsewhere", flood: 5, crowd: true, send: pages("/pwned-%d"), answer: withPage(markup("<style>" + strings.Repeat("pwned{} ", 1<<17) + "</style>"))},
	{name: "a head of 20,000 tags", flood: 5, send: pwned, answer: withPage(markup(strings.Repeat("<meta name=a content=pwned>", 20_000)))},
	{name: "URLs that could end a Link", send: pwned, answer: storedLinks, stored: true},
}

// replaced is the honest page with something else in it.
func replaced(before, after string) func(string) string {
	return func(string) string { return strings.Replace(attackPage(""), before, after, 1) }
}

// markup is the honest page with some more at the beginning of its head.
func markup(text string) func(string) string {
	return func(string) string { return attackDocument("", text) }
}
