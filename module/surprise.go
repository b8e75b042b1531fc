package module

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/headstart-proxy/headstart/internal/document"
	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/request"
)

// outcome is how a committed response ended. It is a metric label.
type outcome string

const (
	exact      outcome = "exact"      // the backend's bytes, but for padding
	merged     outcome = "merged"     // the backend's document, some items in another order
	repaired   outcome = "repaired"   // the same, after the page has corrected itself
	reloaded   outcome = "reloaded"   // the page loads itself again
	redirected outcome = "redirected" // the page goes where the backend said
	failed     outcome = "failed"     // an error page, as a complete document
	aborted    outcome = "aborted"    // cut, so that nobody keeps it
	canceled   outcome = "canceled"   // the visitor has left
)

// action is what a row of the table does.
type action uint8

const (
	join      action = iota // splice the body
	joinError               // splice the body of an error page, else reload
	ownError                // pass on the backend's error page
	showError               // show the site's error page, or a short one
	reload
	redirect
	leave // nobody is there
)

// reply is a backend's answer to a committed request, as the table sees it.
type reply struct {
	status  int
	header  http.Header
	left    bool   // the visitor has left
	differs string // the protective header that is not as committed, or ""
	adds    string // of a failure: the one that it has in addition, or of another type
	stricter,
	goesTo bool // a Location that a script may go to
}

// table says what becomes of an answer; the first row that matches decides.
var table = []struct {
	name    string
	matches func(reply) bool
	action  action
}{
	{"the visitor has left", func(r reply) bool { return r.left && r.status == statusClientClosed }, leave},
	{"overload or error, with a page that protects as committed", func(r reply) bool {
		return r.isFailure() && r.adds == "" && !r.has("Set-Cookie", "Content-Encoding")
	}, ownError},
	{"overload or error", reply.isFailure, showError},
	{"an answer about more than this page", func(r reply) bool {
		return r.has("Set-Cookie", "Clear-Site-Data", "Refresh", "Content-Disposition")
	}, reload},
	{"a status that asks something of the browser", func(r reply) bool {
		switch r.status {
		case http.StatusUnauthorized, http.StatusMisdirectedRequest, http.StatusTooEarly,
			http.StatusNoContent, http.StatusResetContent, http.StatusPartialContent, http.StatusNotModified:
			return true
		}
		return r.status < 200
	}, reload},
	// A redirect has another type and fewer headers than a page as a rule. What
	// it protects is judged where it leads.
	{"a redirect to elsewhere", func(r reply) bool { return r.isRedirect() && r.goesTo }, redirect},
	{"another redirect", reply.isRedirect, reload},
	{"a page that protects differently, or of another type", func(r reply) bool {
		return r.differs != "" || r.has("Content-Encoding") || r.stricter
	}, reload},
	{"a client error with a page", func(r reply) bool { return r.status >= 400 }, joinError},
	{"a page", func(r reply) bool { return r.status == http.StatusOK }, join},
	{"any other answer", func(reply) bool { return true }, reload},
}

func (r reply) isFailure() bool {
	return r.status == http.StatusTooManyRequests || r.status >= 500
}

func (r reply) isRedirect() bool {
	return r.status >= 300 && r.status < 400
}

func (r reply) has(names ...string) bool {
	for _, name := range names {
		if _, ok := r.header[name]; ok {
			return true
		}
	}
	return false
}

// act looks up what becomes of the response, and does it.
func (j *joiner) act(status int) {
	x := j.x
	r := reply{
		status:   status,
		header:   j.header,
		left:     x.left(),
		differs:  x.plan.Headers.Differs(j.neutral, x.rules.Ignored),
		stricter: opening.StrictnessOf(j.header) > x.plan.Strictness,
	}
	if r.isFailure() {
		r.adds = j.adds()
	}
	location := ""
	if r.isRedirect() {
		location, r.goesTo = recovery.Target(x.pageURL(), j.header.Get("Location"))
	}
	for _, row := range table {
		if !row.matches(r) {
			continue
		}
		j.x.surprise = row.name
		switch row.action {
		case join:
			j.x.surprise = ""
			j.state = splicing
		case joinError, ownError:
			j.joinError(row.action)
		case showError:
			j.showError(status, nil)
		case reload:
			j.reload()
		case redirect:
			j.redirect(location)
		case leave:
			x.outcome = canceled
			j.state = dropping
		}
		return
	}
}

// adds returns the protective header that the response has in addition to those
// committed, Content-Type if it is HTML of another charset or no HTML, or "".
func (j *joiner) adds() string {
	committedType, committedCharset := opening.ContentType(j.commitment.header.Get("Content-Type"))
	mediaType, charset := opening.ContentType(j.header.Get("Content-Type"))
	if mediaType != committedType || charset != "" && charset != committedCharset {
		return "Content-Type"
	}
	return j.x.plan.Headers.Adds(j.neutral, j.x.rules.Ignored)
}

// differ handles a difference that cannot be joined.
func (j *joiner) differ() {
	j.retap()
	if j.x.surprise == "" {
		j.x.surprise = "another document"
	}
	if stands := j.splicer.Stands(); stands > 0 && j.x.status == http.StatusOK && j.x.visit.Audience != request.Crawler {
		// The head was right, and so is as much of the body: that is what counts. The
		// reload gets no more, so the page cannot loop.
		j.x.surprise = "another body"
		j.surprised = j.x.page.Differed(j.x.visit, j.x.expected, stands, j.x.rules, j.x.h.now())
		j.bodyOnly = j.surprised
	}
	j.reload()
}

// joinError lets the backend's own error page follow what was sent.
func (j *joiner) joinError(how action) {
	if j.abandonCrawler() {
		return
	}
	j.demote()
	j.failing = how
	j.state = splicing
	j.splicer.Insert("meta", recovery.NoIndex())
	if how == ownError {
		j.splicer.Lenient()
	}
}

// reload leads the visitor back to this page, which then is the backend's own.
func (j *joiner) reload() {
	if j.abandonCrawler() {
		return
	}
	j.demote()
	j.x.outcome = reloaded
	ticket := j.park()
	j.lead(recovery.Reload(j.early.permission, j.x.r.TLS != nil, ticket, j.pageRef()))
}

// redirect leads the visitor to where the backend said.
func (j *joiner) redirect(target string) {
	if j.abandonCrawler() {
		return
	}
	j.demote()
	j.x.outcome = redirected
	var page *url.URL
	if j.sentBase() {
		page = j.x.pageURL()
	}
	j.lead(recovery.Redirect(j.early.permission, target, page))
}

// sentBase reports whether relative URLs in markup lead elsewhere.
func (j *joiner) sentBase() bool {
	sent := j.x.expected.Head(j.x.plan.Early.Sent)
	if bytes.Contains(bytes.ToLower(j.x.expected.Body(j.x.plan.Early.Sent)), []byte("<base")) {
		return true // or a text that says so
	}
	return slices.ContainsFunc(sent, func(i document.Item) bool { return i.Name == "base" })
}

// pageRef returns where the page is, for markup: without host if it can be, since
// a proxy in front may know the site under another one.
func (j *joiner) pageRef() string {
	page := j.x.pageURL()
	if path := page.RequestURI(); !j.sentBase() && !strings.HasPrefix(path, "//") {
		return path
	}
	return page.String()
}

// lead writes recovery markup and flushes it. What the inner handlers write from
// now on is parked, or dropped; close aborts the response.
func (j *joiner) lead(markup []byte) {
	j.state = dropping
	if j.parked != nil {
		j.state = parking
	}
	if j.wait() != nil || j.emit(markup) != nil {
		j.x.outcome = canceled
		j.x.cancel() // nobody comes to collect
		return
	}
	_ = j.flush() // an error shows in the abort that follows anyhow
	j.leading, j.patience = context.WithTimeout(j.x.r.Context(), j.x.h.linger)
	if j.parked == nil && j.early.permission.Script {
		context.AfterFunc(j.leading, j.x.cancel)
	}
}

// abandonCrawler cuts a crawler's response at a surprise: it runs no script, and
// its retry gets the true status. It reports whether it did.
func (j *joiner) abandonCrawler() bool {
	if j.x.visit.Audience != request.Crawler {
		return false
	}
	j.demote()
	j.x.outcome = aborted
	j.state = dropping
	j.x.cancel()
	return true
}
