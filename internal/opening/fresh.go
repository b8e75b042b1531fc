package opening

import (
	"net/http"
	"slices"
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
	maxAge, hasMaxAge := find(h["Cache-Control"], "max-age")
	switch {
	case status != http.StatusOK && status != http.StatusNotModified:
		return false, false
	case forbids(h, "no-store"), forbids(h, "no-cache"), !variesPlainly(h):
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

// variesPlainly reports whether a response depends only on what a browser sends alike
// when a 103 response starts the download. That is not so with Origin, which Chromium
// leaves out then.
func variesPlainly(h http.Header) bool {
	return !slices.ContainsFunc(VaryNames(h), func(name string) bool {
		return name != "Accept-Language" && name != "User-Agent"
	})
}
