package hints

import (
	"strings"

	"github.com/headstart-proxy/headstart/internal/document"
)

// Limits of the values for one page: a header that is sent with every response
// should fit the first packet, and what is hinted competes with what is not.
const (
	MaxValues = 8
	MaxBytes  = 1 << 10
)

// Preload returns the Link value (HTML Standard, section 4.6.7.19 "preload") for a
// stylesheet or an async script, if its request can be told for sure.
func Preload(item document.Item) (value string, ok bool) {
	var as, source string
	switch {
	case item.Has(document.Nonce):
		return "", false // a policy would want it in the value, too
	case item.Name == "link" && item.Has(document.Styles):
		as, source = "style", "href"
	case item.Name == "script" && item.Has(document.Async):
		as, source = "script", "src"
	default:
		return "", false
	}
	url := ""
	for _, a := range item.Attributes() {
		switch key := a.Key; {
		case key == source:
			url = strings.Trim(a.Val, " \t\n\r\f")
		case key == "rel" && strings.EqualFold(strings.TrimSpace(a.Val), "stylesheet"),
			key == "media" && (a.Val == "all" || a.Val == "screen"),
			key == "type" && (a.Val == "text/css" || a.Val == "text/javascript"),
			key == "async", key == "id", key == "class", strings.HasPrefix(key, "data-"):
			// None of these changes the request.
		default:
			return "", false
		}
	}
	if !plain(url) {
		return "", false
	}
	return "<" + url + ">; rel=preload; as=" + as, true
}

// plain reports whether a URL means the same in an attribute of any page and in a
// header: printable ASCII but for what ends a URI reference in a Link value (RFC
// 8288 section 3), and a path or an http(s) URL.
func plain(url string) bool {
	for _, c := range []byte(url) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("<>\"\\^`{}|", c) >= 0 {
			return false
		}
	}
	return url != "" && (strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://") ||
		!strings.Contains(strings.SplitN(url, "/", 2)[0], ":"))
}

// List returns the values for items, in order, within the limits, each once.
// hinted are Link values that are sent already. There are none if the items hold a
// base element, or a referrer policy stricter than the default, which a header
// does not heed.
func List(items []document.Item, hinted []string) (values []string) {
	size := 0
	for _, item := range items {
		if item.Name == "base" || item.Slot == "meta referrer" && !laxReferrer(item) {
			return nil
		}
		value, ok := Preload(item)
		if !ok || len(values) == MaxValues || size+len(value) > MaxBytes {
			continue
		}
		url, _, _ := strings.Cut(value, ">")
		if contains(values, url) || contains(hinted, url) {
			continue
		}
		values = append(values, value)
		size += len(value)
	}
	return values
}

// laxReferrer reports whether a referrer policy tells others no less than the
// default does (Referrer Policy, section 3).
func laxReferrer(item document.Item) bool {
	switch strings.ToLower(strings.TrimSpace(item.Attribute("content"))) {
	case "strict-origin-when-cross-origin", "origin-when-cross-origin", "no-referrer-when-downgrade", "unsafe-url", "default", "always":
		return true
	}
	return false
}

func contains(values []string, url string) bool {
	for _, value := range values {
		if strings.Contains(value, url+">") {
			return true
		}
	}
	return false
}
