package scale

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/request"
)

const (
	hostName = "news.example"
	handler  = "handler"
	// networks is from how many each page is learned, with one observation each, and
	// allNetworks how many visitors come from.
	networks    = 3
	allNetworks = 512
	// maxOpening is the default of the option max_opening, in bytes.
	maxOpening = 64 << 10
	// backendTime is when the backend's header comes; it is slow enough to be committed.
	backendTime = 300 * time.Millisecond
)

// rules are the defaults of the handler.
var rules = opening.Rules{
	LearnAfter: networks,
	Public:     true,
	Expire:     10 * time.Minute,
	MinWait:    30 * time.Millisecond,
	Shell:      true,
	Host:       hostName,
}

// start is when everything happens: nothing that is measured depends on time that
// passes.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// visit is what the handler says of a first visit by a browser of a network. The networks
// are those set apart for benchmarks (RFC 2544 appendix C.2.2).
func visit(network int) opening.Visit {
	address := netip.AddrFrom4([4]byte{198, 18 + byte(network>>8), byte(network), 1}) //nolint:gosec // below allNetworks
	return opening.Visit{
		Header: browserHeader,
		Voter:  opening.Voter{Network: request.Network(address), Agent: uint64(network), Browser: true}, //nolint:gosec // the same
		Learn:  true,
		Hints:  true,
	}
}

var browserHeader = http.Header{"User-Agent": {"Mozilla/5.0"}, "Accept": {"text/html"}, "Accept-Language": {"en"}}

// responseHeaders are those of every page.
var responseHeaders = opening.LearnHeaders(nil, http.Header{
	"Content-Type":           {"text/html; charset=utf-8"},
	"Cache-Control":          {"no-cache"},
	"X-Content-Type-Options": {"nosniff"},
	"Referrer-Policy":        {"same-origin"},
})

// anyClient is a client in scope public.
var anyClient = netip.AddrFrom4([4]byte{198, 18, 0, 1})

// path is where a page is.
func path(page int) string { return fmt.Sprintf("/2026/11/article-%d", page) }

// keyOf returns the key of a page, as the handler makes it from a request.
func keyOf(page int) request.Key {
	target := path(page)
	r := &http.Request{Host: hostName, URL: &url.URL{Path: target}, RequestURI: target}
	return request.NewKey(handler, "", r, request.Facts{Target: target, ClientIP: anyClient}, nil)
}

// headOfAll is what the pages of the site have in common.
const headOfAll = `<meta charset=utf-8>
<meta name=viewport content="width=device-width, initial-scale=1">
<link rel=preload href=/static/text.8e91b7.woff2 as=font type=font/woff2 crossorigin>
<link rel=stylesheet href=/static/core.3f0a9c51.css>
<link rel=stylesheet href=/static/layout.3f0a9c51.css>
<script src=/static/theme.b81e44d0.js></script>
<script src=/static/reader.b81e44d0.js defer></script>
<link rel=icon href=/favicon.ico>
`

// sections is how many navigations the site has. Bodies are kept in blocks, and where
// one ends depends on a number that every process draws: how much of the navigation a
// page keeps with its article is a matter of luck. With many of them it is an average.
const sections = 32

// navigations are what the pages of one section have in common.
var navigations = func() (list [sections]string) {
	for section := range list {
		var b strings.Builder
		b.WriteString("<header><a href=/>News</a></header>\n<nav>\n")
		for i := range 40 {
			fmt.Fprintf(&b, "<a class=topic href=/section-%d/topic-%d>Topic number %d</a>\n", section, i, i)
		}
		b.WriteString("</nav>\n")
		list[section] = b.String()
	}
	return list
}()

// ownHead and ownBody are what a page has for itself: a title, a description and an
// address, and an article that is short, so that a million fit into memory.
func ownHead(page int) string {
	return fmt.Sprintf("<title>Article %d: about one thing and another</title>\n"+
		"<meta name=description content=\"What there is to say of %d, in a sentence or two\">\n"+
		"<link rel=canonical href=https://%s%s>\n", page, page, hostName, path(page))
}

func ownBody(page int) string {
	return fmt.Sprintf("<main>\n<h1>Article %d</h1>\n<p>Number %d was there before the question had been read to its end, "+
		"which surprised the people who had measured it, and then those who had not.</p>\n"+
		"<p>Nothing had been changed but the order of things: what was known went first, what had to be found out came later.</p>\n</main>\n", page, page)
}

// article is the document of a page.
func article(page int) []byte {
	return []byte("<!doctype html>\n<html lang=en>\n<head>\n" + headOfAll + ownHead(page) + "</head>\n<body>\n" + navigations[page%sections] + ownBody(page) + "</body>\n</html>\n")
}

func ownBytes() int { return len(ownHead(0)) + len(ownBody(0)) }
