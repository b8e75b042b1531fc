package request

import (
	"net/http"
	"strings"
)

// has returns what reports whether a request has one of the headers, even if
// empty.
func has(names ...string) func(*http.Request) bool {
	return func(r *http.Request) bool { return hasAny(r.Header, names...) }
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

// first returns the first value of a header, by its canonical name: Get would make that
// out of it each time, which took a fifth of Inspect.
func first(h http.Header, name string) string {
	if values := h[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// hasBody reports whether r comes with a body, as far as its header tells. On
// HTTP/3 quic-go does not know; there the handler looks on whether one is read.
func hasBody(r *http.Request) bool {
	return r.ContentLength > 0 || len(r.TransferEncoding) > 0 || r.ContentLength < 0 && r.ProtoMajor < 3
}

// noCache reports whether the visitor asked for an answer from the origin, as
// browsers do on a hard reload.
func noCache(r *http.Request) bool {
	if hasAny(r.Header, "Pragma") {
		return true
	}
	for _, value := range r.Header["Cache-Control"] {
		value = strings.ToLower(value)
		if strings.Contains(value, "no-cache") || strings.Contains(value, "no-store") {
			return true
		}
	}
	return false
}

// notDocument reports whether the fetch metadata (W3C Fetch Metadata Request
// Headers, section 2) name something else than a document navigation. Browsers
// leave the metadata out on plain http; there Upgrade-Insecure-Requests takes its
// place.
func notDocument(r *http.Request) bool {
	h := r.Header
	if hasMetadata(h) {
		return first(h, "Sec-Fetch-Mode") != "navigate" || first(h, "Sec-Fetch-Dest") != "document"
	}
	return first(h, "Upgrade-Insecure-Requests") != "1" && !IsCrawler(first(h, "User-Agent"))
}

func hasMetadata(h http.Header) bool {
	return hasAny(h, "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-Site")
}

// notHTML reports whether Accept does not name text/html. Some crawlers send */*
// or nothing, and mean HTML all the same.
func notHTML(r *http.Request) bool {
	accept := first(r.Header, "Accept")
	if strings.Contains(accept, "text/html") {
		return false
	}
	return accept != "" && !strings.Contains(accept, "*/*") || !IsCrawler(first(r.Header, "User-Agent"))
}
