package hints

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// minFresh is how long a download must be fresh to be of use: a browser keeps what a 103
// response has started in its HTTP cache, and the page asks for it when it comes.
const minFresh = 10 * time.Second

// Reusable reports whether a browser that has a response in its cache uses it for the
// page that asks for it somewhat later (RFC 9111 section 4.2). If not, it would fetch it
// twice, the second time after the first. known is false if the response does not say.
func Reusable(status int, h http.Header, now time.Time) (reusable, known bool) {
	_, noStore := directive(h, "no-store")
	_, noCache := directive(h, "no-cache")
	maxAge, hasMaxAge := directive(h, "max-age")
	switch {
	case status != http.StatusOK && status != http.StatusNotModified:
		return false, false
	case noStore, noCache, !variesPlainly(h):
		return false, true
	case hasMaxAge:
		seconds, err := strconv.Atoi(strings.Trim(maxAge, `"`))
		age, _ := strconv.Atoi(h.Get("Age")) // none is 0
		return err == nil && seconds-age >= int(minFresh.Seconds()), true
	case h.Get("Expires") != "":
		expires, err := http.ParseTime(h.Get("Expires"))
		return err == nil && expires.Sub(dateOf(h, now)) >= minFresh, true
	case status == http.StatusNotModified:
		return false, false // what it leaves out is as it was
	}
	// Browsers take a tenth of the age, as RFC 9111 section 4.2.2 suggests.
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	return err == nil && dateOf(h, now).Sub(modified)/10 >= minFresh, true
}

func dateOf(h http.Header, now time.Time) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return date
	}
	return now
}

// directive returns the argument of a directive of Cache-Control, and whether it is there.
func directive(h http.Header, name string) (argument string, found bool) {
	for _, value := range h["Cache-Control"] {
		for part := range strings.SplitSeq(value, ",") {
			given, argument, _ := strings.Cut(part, "=")
			if strings.EqualFold(strings.TrimSpace(given), name) {
				return strings.TrimSpace(argument), true
			}
		}
	}
	return "", false
}

// variesPlainly reports whether a response depends only on what a browser sends alike
// when a 103 response starts the download. That is not so with Origin, which Chromium
// leaves out then.
func variesPlainly(h http.Header) bool {
	for _, value := range h["Vary"] {
		for name := range strings.SplitSeq(value, ",") {
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "", "accept-encoding", "accept-language", "cookie", "user-agent":
			default:
				return false
			}
		}
	}
	return true
}
