package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
)

// An answer is what the backend answered to one request: what its visitor has to
// end up with. It is complete before its first byte is written, and not changed.
type answer struct {
	status int
	header http.Header
	body   []byte // as the visitor decodes it
	plan   string // the row of mishaps, "" in the normal course of things

	silent bool // the connection is closed instead of an answer
	cut    bool // the connection is closed in the middle of the body
}

// The hosts, by what is special about each.
const (
	hostPlain  = "plain.test"  // nothing
	hostCoded  = "coded.test"  // Caddy compresses
	hostStrict = "strict.test" // Caddy compresses, the pages have a policy with nonces
	hostZipped = "zipped.test" // the backend compresses
)

var hosts = [...]string{hostPlain, hostCoded, hostStrict, hostZipped}

// mishaps are what a backend answers instead of its page now and then, as often as
// their weight says.
var mishaps = []struct {
	name   string
	weight int
	happen func(*answer, *view)
}{
	{"404", 3, func(a *answer, v *view) { a.fail(http.StatusNotFound, v) }},
	{"404 in the site's own frame", 3, func(a *answer, v *view) { a.status, a.body = http.StatusNotFound, v.render() }},
	{"500", 3, func(a *answer, v *view) { a.fail(http.StatusInternalServerError, v) }},
	{"503", 3, func(a *answer, v *view) {
		a.fail(http.StatusServiceUnavailable, v)
		a.header.Set("Retry-After", "1")
	}},
	{"429 in plain text", 1, func(a *answer, _ *view) {
		a.status, a.body = http.StatusTooManyRequests, []byte("slow down\n")
		a.header.Set("Content-Type", "text/plain; charset=utf-8")
	}},
	{"401", 1, func(a *answer, v *view) {
		a.fail(http.StatusUnauthorized, v)
		a.header.Set("WWW-Authenticate", "Basic realm=soak")
	}},
	{"redirect", 4, func(a *answer, v *view) { a.redirect(fmt.Sprintf("/p/%d", (v.number+1)%pagesPerHost)) }},
	{"redirect to itself", 1, func(a *answer, v *view) {
		a.redirect(fmt.Sprintf("/p/%d", v.number))
		a.header.Set("Set-Cookie", "seen=1; Path=/")
	}},
	{"sets a cookie", 4, func(a *answer, v *view) {
		a.header.Set("Set-Cookie", fmt.Sprintf("flash=%016x; Path=/; HttpOnly", v.random.Uint64()))
	}},
	{"no-store", 1, func(a *answer, _ *view) { a.header.Set("Cache-Control", "no-store") }},
	{"protects differently", 1, func(a *answer, _ *view) { a.header.Set("X-Frame-Options", "SAMEORIGIN") }},
	{"another document", 3, func(a *answer, v *view) { v.other, a.body = true, nil }},
	{"another document, too large to be parked", 1, func(a *answer, v *view) { v.other, v.bodyBytes, a.body = true, 5<<18, nil }},
	{"no content", 1, func(a *answer, _ *view) {
		a.status, a.body = http.StatusNoContent, []byte{}
		a.header.Del("Content-Type")
	}},
	{"silent", 3, func(a *answer, _ *view) { a.silent = true }},
	{"cut", 3, func(a *answer, _ *view) { a.cut = true }},
}

// newAnswer makes up the answer to a request for a page. mishap is whether
// something is to go wrong.
func newAnswer(r *http.Request, v view, mishap bool) *answer {
	a := &answer{status: http.StatusOK, header: http.Header{
		"Content-Type":    {"text/html; charset=utf-8"},
		"Referrer-Policy": {"strict-origin-when-cross-origin"},
		"X-Frame-Options": {"DENY"},
		"X-Request-Id":    {strconv.FormatUint(v.random.Uint64(), 16)},
	}}
	if v.cacheControl != "" {
		a.header.Set("Cache-Control", v.cacheControl)
	}
	if v.host == hostStrict {
		v.nonce = newNonce(v.random)
		a.header.Set("Content-Security-Policy", "default-src 'self'; script-src 'self' 'nonce-"+v.nonce+"'; style-src 'self' 'nonce-"+v.nonce+"'; object-src 'none'")
	}
	if v.mark != "" && v.accountHeader {
		a.header.Set("X-Account", v.mark)
	}
	if v.firstCookie && r.Header.Get("Cookie") == "" {
		a.header.Set("Set-Cookie", "visit=1; Path=/; SameSite=Lax")
	}
	if v.languages {
		a.header.Set("Vary", "Accept-Language")
		v.lang, _, _ = strings.Cut(r.Header.Get("Accept-Language"), ",")
	}
	if v.preloads {
		a.header.Set("Link", "<"+asset("app", v.deploy, ".css")+">; rel=preload; as=style")
	}
	if v.policy && v.nonce == "" {
		a.header.Set("Content-Security-Policy", "default-src 'self'; script-src 'self' https://cdn.example")
	}
	switch {
	case r.Method == http.MethodPost:
		a.body = fmt.Appendf(nil, "<!doctype html><title>Thanks</title><p>%016x %s\n", v.random.Uint64(), v.mark)
	case v.moved:
		a.redirect(r.Header.Get("X-Forwarded-Proto") + "://" + r.Host + "/p/0")
	case v.missing:
		a.fail(http.StatusNotFound, &v)
	case mishap:
		a.mishap(&v)
	}
	if a.body == nil {
		a.body = v.render()
	}
	return a
}

func (a *answer) mishap(v *view) {
	total := 0
	for _, m := range mishaps {
		total += m.weight
	}
	at := v.random.IntN(total)
	for _, m := range mishaps {
		if at -= m.weight; at < 0 {
			a.plan = m.name
			m.happen(a, v)
			return
		}
	}
}

func (a *answer) fail(status int, v *view) {
	a.status, a.body = status, errorDocument(status, v.mark)
}

func (a *answer) redirect(location string) {
	a.status, a.body = http.StatusFound, []byte("Found\n")
	a.header.Set("Location", location)
	a.header.Set("Content-Type", "text/plain; charset=utf-8")
}

// userOf returns the number of the user who is signed in, 0 if nobody is.
func userOf(r *http.Request) int {
	cookie, err := r.Cookie("session")
	if err != nil {
		return 0
	}
	user, _ := strconv.Atoi(strings.TrimPrefix(cookie.Value, "u"))
	return user
}

// randomOf makes the source of all that is random in one answer, so that a seed
// says what the backend does.
func randomOf(seed, id uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, id)) } //nolint:gosec // nothing here is secret
