package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/headstart-proxy/headstart/internal/domtest"
	"github.com/headstart-proxy/headstart/internal/recovery"
)

// Headers that have to be the backend's: of a response that was passed
// on, and of one that was joined to an opening.
var (
	passedHeaders = []string{
		"Cache-Control", "Content-Security-Policy", "Content-Type", "Location", "Referrer-Policy",
		"Retry-After", "Set-Cookie", "Www-Authenticate", "X-Account", "X-Frame-Options", "X-Request-Id",
	}
	joinedHeaders = []string{"Location", "Referrer-Policy", "Set-Cookie", "Www-Authenticate", "X-Account", "X-Frame-Options"}
)

// judge says what is wrong with a response, "" if nothing.
func (e *evidence) judge() (what, detail string) {
	if e.got.left && e.got.status == 0 {
		return "", ""
	}
	if !e.verdict.committed() {
		return e.judgePassed()
	}
	if e.got.status != 0 && e.got.status != http.StatusOK {
		return faultPage, fmt.Sprintf("committed, with status %d", e.got.status)
	}
	if e.got.left {
		return "", ""
	}
	check := outcomes[e.verdict.Outcome]
	if check == nil {
		return faultPage, fmt.Sprintf("unknown outcome %q", e.verdict.Outcome)
	}
	return check(e)
}

// judgePassed judges a response that was not committed: it is the backend's, as the
// plain proxy would have passed it on.
func (e *evidence) judgePassed() (what, detail string) {
	got, want := e.got, e.answer
	switch {
	case e.refused && got.status == http.StatusBadGateway:
		// The backend may know of the request all the same: a connection that it
		// takes for idle and closes may have one on it already.
		return "", ""
	case want != nil && want.silent && got.status == http.StatusBadGateway:
		return "", ""
	case want == nil || want.silent:
		return faultFailure, fmt.Sprintf("status %d, error %v; the backend was there: %v", got.status, got.err, !e.refused)
	case want.cut && got.status == 0: // on HTTP/3 a reset overtakes what was sent (RFC 9000 section 3.2)
		return "", ""
	case got.status == 0:
		return faultFailure, fmt.Sprint(got.err)
	case got.status != want.status:
		return faultPage, fmt.Sprintf("status %d", got.status)
	}
	for _, name := range passedHeaders {
		if g, w := got.header[name], want.header[name]; !slices.Equal(g, w) {
			return faultPage, fmt.Sprintf("%s is %q, the backend's %q", name, g, w)
		}
	}
	if e.request.method == http.MethodHead {
		return "", ""
	}
	switch {
	case !bytes.HasPrefix(want.body, got.body):
		return faultPage, "other bytes"
	case got.left:
	case want.cut && got.err == nil:
		return faultEnd, "the backend broke off, and the response ended as if it were whole"
	case want.cut:
	case got.err != nil:
		return faultFailure, fmt.Sprintf("after %d of %d bytes: %v", len(got.body), len(want.body), got.err)
	case len(got.body) != len(want.body):
		return faultEnd, fmt.Sprintf("%d of %d bytes", len(got.body), len(want.body))
	}
	return "", ""
}

// outcomes says what a response to a committed request must be, by the outcome that
// Headstart claims, if the visitor did not leave by itself.
var outcomes = map[string]func(*evidence) (what, detail string){
	"exact":      (*evidence).judgeJoined,
	"merged":     (*evidence).judgeJoined,
	"repaired":   (*evidence).judgeJoined,
	"reloaded":   (*evidence).judgeLeading,
	"redirected": (*evidence).judgeLeading,
	"failed":     (*evidence).judgeFailed,
	"aborted":    (*evidence).judgeAborted,
	"canceled": func(e *evidence) (string, string) {
		return faultFailure, fmt.Sprintf("the visitor had not left; error %v", e.got.err)
	},
}

func (e *evidence) judgeJoined() (what, detail string) {
	got, want := e.got, e.answer
	switch {
	case want == nil || want.silent || want.cut || want.status != http.StatusOK:
		return faultPage, "there was no page to join"
	case got.err != nil:
		return faultFailure, fmt.Sprintf("after %d bytes: %v", len(got.body), got.err)
	case e.request.crawler && e.verdict.Outcome == "repaired":
		return faultPage, "a crawler got a page that has to repair itself"
	}
	for _, name := range joinedHeaders {
		if g, w := got.header[name], want.header[name]; !slices.Equal(g, w) {
			return faultPage, fmt.Sprintf("%s is %q, the backend's %q", name, g, w)
		}
	}
	const policy = "Content-Security-Policy"
	g, w := got.header.Get(policy), want.header.Get(policy)
	if !samePolicy(g, w) {
		return faultPage, fmt.Sprintf("the policy is %q, the backend's %q", g, w)
	}
	page := got.body
	ours, theirs := noncesOf(g), noncesOf(w)
	for i := range min(len(ours), len(theirs)) {
		page = bytes.ReplaceAll(page, []byte(ours[i]), []byte(theirs[i]))
	}
	if err := domtest.Check(want.body, page, e.verdict.Outcome, recovery.Prefix); err != nil {
		return faultPage, err.Error()
	}
	return "", ""
}

// judgeLeading judges a page that leads away from itself. Whether the visitor then
// gets the backend's page is the next request's matter.
func (e *evidence) judgeLeading() (what, detail string) {
	got, want := e.got, e.answer
	switch {
	case e.request.crawler:
		return faultPage, "a crawler was led away"
	case got.leads == nil:
		return faultPage, fmt.Sprintf("no recovery script that leads away; error %v", got.err)
	case got.err == nil:
		return faultEnd, "a page that leads away ended as if it were whole"
	case e.verdict.Outcome == "reloaded" && got.leads.url != "":
		return faultPage, "a reload leads to " + got.leads.url
	case e.verdict.Outcome == "redirected":
		if want == nil || want.header.Get("Location") == "" || e.resolve(got.leads.url) != e.resolve(want.header.Get("Location")) {
			return faultPage, "leads to " + got.leads.url
		}
	}
	return "", ""
}

func (e *evidence) resolve(reference string) string {
	page := url.URL{Scheme: "https", Host: e.request.host, Path: e.request.path}
	u, err := page.Parse(reference)
	if err != nil {
		return err.Error()
	}
	return u.RequestURI()
}

func (e *evidence) judgeFailed() (what, detail string) {
	got, want := e.got, e.answer
	switch {
	case e.request.crawler:
		return faultPage, "a crawler got an error page with status 200"
	case want == nil && !e.refused:
		return faultFailure, "the backend was not asked"
	case want != nil && !want.silent && want.status < http.StatusBadRequest && !e.refused:
		return faultFailure, "the backend had answered"
	case got.err != nil:
		return faultEnd, fmt.Sprintf("an error page was not ended: %v", got.err)
	case !bytes.Contains(got.body, recovery.NoIndex()):
		return faultPage, "an error page may be indexed"
	case !bytes.HasSuffix(bytes.TrimSpace(got.body), []byte("</html>")):
		return faultEnd, "an error page is no complete document"
	}
	return "", ""
}

func (e *evidence) judgeAborted() (what, detail string) {
	got, want := e.got, e.answer
	switch {
	case got.err == nil:
		return faultEnd, "an aborted response ended as if it were whole"
	case want == nil || want.silent || want.cut:
		return "", ""
	case e.request.crawler: // at any surprise, a deploy among them; its retry gets the page
		return "", ""
	}
	return faultFailure, fmt.Sprintf("after %d bytes: %v", len(got.body), got.err)
}

var nonce = regexp.MustCompile(` 'nonce-([^']+)'`)

func noncesOf(policy string) []string {
	var nonces []string
	for _, match := range nonce.FindAllStringSubmatch(policy, -1) {
		if !slices.Contains(nonces, match[1]) {
			nonces = append(nonces, match[1])
		}
	}
	return nonces
}

// samePolicy compares policies but for their nonces. Where the backend's has none,
// there may be a directive more, which lets the recovery script run.
func samePolicy(got, want string) bool {
	bare := nonce.ReplaceAllString(got, "")
	if !nonce.MatchString(want) && nonce.MatchString(got) {
		directives := strings.Split(bare, ";")
		bare = strings.Join(slices.DeleteFunc(directives, func(d string) bool {
			return strings.HasPrefix(strings.TrimSpace(d), "script-src-elem ")
		}), ";")
	}
	return strings.TrimRight(bare, "; ") == nonce.ReplaceAllString(want, "")
}

var mark = regexp.MustCompile(privateMark + `(\d+)-`)

// strangers returns the users, other than one, of whom there is something in a
// response.
func strangers(l *loaded, user int) []string {
	var users []string
	search := func(text []byte) {
		for _, match := range mark.FindAllSubmatch(text, -1) {
			if n := string(match[1]); n != strconv.Itoa(user) {
				users = append(users, n)
			}
		}
	}
	search(l.body)
	for _, values := range l.header {
		search([]byte(strings.Join(values, "\n")))
	}
	return users
}
