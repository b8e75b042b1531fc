package recovery

import (
	"html"
	"net/http"
	"strconv"
)

// ErrorPage returns the end of a document whose head was sent before its backend
// failed with status. body is the site's own error text, or nil for a short
// standard one; it is escaped.
func ErrorPage(status int, body []byte) []byte {
	title := strconv.Itoa(status)
	if text := http.StatusText(status); text != "" {
		title += " " + text
	}
	page := noindex + "<title>" + title + "</title></head><body>"
	if body == nil {
		page += "<h1>" + title + "</h1><p>The page could not be loaded. Please try again later.</p>"
	} else {
		page += "<pre>" + html.EscapeString(string(body)) + "</pre>"
	}
	return []byte(page + "</body></html>\n")
}
