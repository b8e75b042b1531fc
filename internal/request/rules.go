package request

import "net/http"

// rules are all demands on a request, each with what would get in without it: the
// screen that a reviewer has to read. Inspect applies them from top to bottom. What
// the words in them mean exactly is in navigation.go, clean.go and values.go; what
// an operator may add with trust_header, and never may, in trust.go.
var rules = ruleset{
	// What is no navigation to a page passes through; the first row that holds gives
	// the reason.
	shapes: []shape{
		{"method", Method, func(r *http.Request) bool { return r.Method != http.MethodGet }, "a 200 ahead of what changes something"},
		{"version", Protocol, func(r *http.Request) bool { return !r.ProtoAtLeast(1, 1) }, "a cut page that looks whole: HTTP/1.0 ends a body by closing"},
		{"upgrade", Protocol, has("Upgrade"), "a page where a websocket's 101 is due"},
		{"body", Body, hasBody, "a page ahead of what a form does; a body left unread, taken for the next request"},
		{"range", Range, has("Range", "If-Range"), "a whole page where a part is due, put together wrong in a cache"},
		{"condition", Conditional, has("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"), "a 200 where 304 or 412 is due (RFC 9110 section 13.1)"},
		{"credentials", Authorization, has("Authorization"), "a page for one, learned for all; a 200 where 401 is due"},
		{"speculation", Prefetch, has("Sec-Purpose", "Purpose", "Service-Worker-Navigation-Preload", "Caddy-Push"), "a page that corrects itself where nobody looks, or in a worker's cache"},
		{"hard reload", HardReload, noCache, "a visitor who cannot ask for the plain truth"},
		{"destination", NotNavigation, notDocument, "recovery markup for a frame, a script or a program, which cannot follow it"},
		{"media type", NotHTML, notHTML, "HTML for who wants JSON; a page negotiated by Accept, learned as another"},
	},
	// Of a navigation. What bars a commit bars learning too.
	circumstances: []circumstance{
		{"signed in outside", bars, func(_ *http.Request, f Facts, _ *Options) bool { return f.User != "" }, "what an outer handler lets one user see"},
		{"client certificate", bars, certified, "what a certificate's owner may see"},
		{"early data", bars, earlyData, "a replayed request that counts as a visit (RFC 8470)"},
		{"target form", bars, notOriginForm, "absolute-form: a second host, which the backend may prefer to the one in the key"},
		{"host form", bars, oddHost, "another spelling of the host, which reaches the site and is copied into its links"},
		{"query", bars, openQuery, "what the backend echoes or selects by a parameter"},
		{"ignored query", barsLearning, hasQuery, "?utm_content= and the like in everybody's page: the classic unkeyed poison"},
		{"cookies", barsLearning, func(r *http.Request, _ Facts, _ *Options) bool { return hasAny(r.Header, "Cookie") }, "a visitor's name, basket or session in everybody's page"},
		{"referer", bars, oddReferer, "what an attacker's page carries in its address into one that echoes Referer"},
		{"foreign referer", barsLearning, foreignReferer, "a greeting for the visitors of one site, learned for all"},
	},
	// Of the values of each header below.
	values: []valueRule{
		{"once", func(values []string) bool { return len(values) != 1 }, "a second value, which the backend may prefer to the one that was checked"},
		{"512 bytes", func(values []string) bool { return len(values) > 0 && len(values[0]) > maxValue }, "room for what the other rules did not think of"},
	},
	// What browsers and crawlers send on a first visit, and Caddy's `tracing`. A request
	// with any other header is not clean: it could shape the page, and the key lacks it.
	headers: map[string]header{
		"Accept":                    {plain, "markup or a template, where it is echoed"},
		"Accept-Encoding":           {plain, "the same"},
		"Accept-Language":           {plain, "the same; where it shapes the page, Vary puts it into the key"},
		"Alt-Used":                  {only(lower + digits + ".:[]-"), "the same; a host of another form"},
		"Cache-Control":             {oneOf("max-age=0"), "directives that a cache or backend behind us takes as orders"},
		"Connection":                {oneOf("keep-alive", "close"), "`Connection: Cookie`, which strips a header that was looked at (RFC 9110 section 7.6.1)"},
		"Cookie":                    {nil, "has a row above"},
		"Dnt":                       {oneOf("0", "1"), "any text"},
		"From":                      {oneOf("googlebot(at)googlebot.com", "bingbot(at)microsoft.com", "gptbot(at)openai.com", "support@search.yandex.ru"), "any text"},
		"Priority":                  {only(lower + digits + "=, "), "markup or a template"},
		"Referer":                   {nil, "has two rows above"},
		"Sec-Ch-Ua":                 {brands, "markup or a template"},
		"Sec-Ch-Ua-Mobile":          {oneOf("?0", "?1"), "any text"},
		"Sec-Ch-Ua-Platform":        {brands, "markup or a template"},
		"Sec-Fetch-Dest":            {oneOf("document"), "any text, by a second spelling"},
		"Sec-Fetch-Mode":            {oneOf("navigate"), "the same"},
		"Sec-Fetch-Site":            {oneOf("none", "same-origin", "same-site", "cross-site"), "any text"},
		"Sec-Fetch-User":            {oneOf("?1"), "any text"},
		"Sec-Gpc":                   {oneOf("0", "1"), "any text"},
		"Te":                        {oneOf("trailers"), "transfer codings, and what a proxy behind us makes of them"},
		"Traceparent":               {only(digits + "abcdef-"), "markup, where an error page shows it"},
		"Upgrade-Insecure-Requests": {oneOf("1"), "any text"},
		"User-Agent":                {plain, "markup or a template; where it shapes the page, Vary says so, and nothing is sent early"},
		"X-Openai-Host-Hash":        {only(digits), "any text"},
	},
	// What a proxy in front adds: believed from Caddy's trusted proxies only. The
	// key has all of it but the address.
	proxied: map[string]header{
		"X-Forwarded-For":   {only(digits + "abcdefABCDEF.:, "), "markup, where a page shows the address"},
		"X-Forwarded-Host":  {only(lower + digits + ".:-"), "markup in links, beside many keys for one page"},
		"X-Forwarded-Proto": {oneOf("http", "https"), "the same"},
	},
	// What a CDN in front adds, if trust_header names it: believed from Caddy's trusted
	// proxies only. The key has these; the values of all other names are unkeyed.
	named: map[string]header{
		"Cf-Visitor":       {oneOf(`{"scheme":"http"}`, `{"scheme":"https"}`), "any JSON: two fixed texts carry nothing, whoever wrote them"},
		"X-Forwarded-Port": {only(digits), "markup in links"},
	},
	other: header{plain, "markup or a template, should the CDN let a visitor's own header through"},
}
