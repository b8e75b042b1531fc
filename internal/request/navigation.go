package request

import (
	"net/http"
	"strings"
)

// conditional are the request headers that make a request conditional (RFC 9110
// section 13.1). A 304 or 412 cannot follow a 200 that was sent already.
var conditional = []string{
	"If-Match",
	"If-None-Match",
	"If-Modified-Since",
	"If-Unmodified-Since",
}

// crawlers are the User-Agent words of the crawlers that count as navigations
// without fetch metadata.
var crawlers = []string{
	"Googlebot",
	"Bingbot",
	"bingbot",
	"GPTBot",
	"OAI-SearchBot",
	"ClaudeBot",
	"PerplexityBot",
	"Applebot",
	"DuckDuckBot",
	"YandexBot",
	"Baiduspider",
}

// IsCrawler reports whether a User-Agent names a listed crawler.
func IsCrawler(userAgent string) bool {
	for _, word := range crawlers {
		if strings.Contains(userAgent, word) {
			return true
		}
	}
	return false
}

// navigation says why r is not a document navigation that may be answered
// early, or "" if it is one.
func navigation(r *http.Request) Reason {
	h := r.Header
	switch {
	case r.Method != http.MethodGet:
		return Method
	case !r.ProtoAtLeast(1, 1), hasAny(h, "Upgrade"):
		return Protocol
	case hasBody(r):
		return Body
	case hasAny(h, "Range", "If-Range"):
		return Range
	case hasAny(h, conditional...):
		return Conditional
	case hasAny(h, "Authorization"):
		return Authorization
	case hasAny(h, "Sec-Purpose", "Purpose", "Service-Worker-Navigation-Preload", "Caddy-Push"):
		return Prefetch
	case noCache(h):
		return HardReload
	case !isDocument(h):
		return NotNavigation
	case !acceptsHTML(h):
		return NotHTML
	}
	return ""
}

// hasBody reports whether r comes with a body, as far as its header tells. On
// HTTP/3 quic-go does not know; there the handler looks on whether one is read.
func hasBody(r *http.Request) bool {
	return r.ContentLength > 0 || len(r.TransferEncoding) > 0 || r.ContentLength < 0 && r.ProtoMajor < 3
}

// hasAny reports whether one of the headers is there, even if empty.
func hasAny(h http.Header, names ...string) bool {
	for _, name := range names {
		if _, ok := h[name]; ok {
			return true
		}
	}
	return false
}

// acceptsHTML reports whether Accept names text/html. Some crawlers send */* or
// nothing, and mean HTML all the same.
func acceptsHTML(h http.Header) bool {
	accept := h.Get("Accept")
	if strings.Contains(accept, "text/html") {
		return true
	}
	return IsCrawler(h.Get("User-Agent")) && (accept == "" || strings.Contains(accept, "*/*"))
}

// isDocument reports whether the fetch metadata (W3C Fetch Metadata Request
// Headers, section 2) name a document navigation. Browsers leave the metadata
// out on plain http; there Upgrade-Insecure-Requests takes its place.
func isDocument(h http.Header) bool {
	if hasAny(h, "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-Site") {
		return h.Get("Sec-Fetch-Mode") == "navigate" && h.Get("Sec-Fetch-Dest") == "document"
	}
	return h.Get("Upgrade-Insecure-Requests") == "1" || IsCrawler(h.Get("User-Agent"))
}

// noCache reports whether the visitor asked for an answer from the origin, as
// browsers do on a hard reload.
func noCache(h http.Header) bool {
	if hasAny(h, "Pragma") {
		return true
	}
	for _, value := range h["Cache-Control"] {
		value = strings.ToLower(value)
		if strings.Contains(value, "no-cache") || strings.Contains(value, "no-store") {
			return true
		}
	}
	return false
}
