package module_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// lessonHint is what a 103 response says of a lesson's page.
const lessonHint = "</lesson.css>; rel=preload; as=style"

// hintOf returns the Link value of the one 103 response of a visit, "" if there is
// none.
func hintOf(t *testing.T, x lessonVisit) string {
	t.Helper()
	if len(x.Interim) == 0 {
		return ""
	}
	i := x.Interim[0]
	if len(x.Interim) > 1 || i.Status != http.StatusEarlyHints || len(i.Header) != 1 || len(i.Header["Link"]) != 1 {
		t.Fatalf("interim responses: %v", x.Interim)
	}
	return i.Header.Get("Link")
}

// Anonymous visitors whose first visit sets a cookie get hints, on protocols where
// 103 is safe; their final response is as without.
func TestHints(t *testing.T) {
	origin := startOrigin(t)
	l := startLesson(t, origin, `
http://:<site>, https://example.test:<site_tls> {
	log
	header Strict-Transport-Security max-age=1
	header +X-Deferred one {
		defer
	}
	encode
	headstart {
		min_wait 0
	}
	reverse_proxy `+origin.Addr()+`
}
`)
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		cookies := lessonHTML(lessonPage, "Set-Cookie", "first=visit", "X-Frame-Options", "DENY")
		l.serve(path, cookies)
		for range lessonVisits {
			if x := l.visit(t, v, "site", path); hintOf(t, x) != "" {
				t.Error("hints of a page that is not learned")
			}
		}
		want, level := lessonHint, "hints"
		if v.protocol == "h1" {
			want, level = "", "none"
		}
		check := func(what, want, level string, dress ...lessonDress) lessonVisit {
			t.Helper()
			x := l.visit(t, v, "site", path, dress...)
			if got := hintOf(t, x); got != want || x.headstart("level") != level {
				t.Errorf("%s: hints %q at level %v, want %q", what, got, x.headstart("level"), want)
			}
			return x
		}
		x := check("a first visit", want, level)
		if x.headstart("reason") != "sets_cookie" || x.Status != http.StatusOK || x.body != lessonPage || x.Header.Get("Set-Cookie") != "first=visit" {
			t.Errorf("status %d, header %v, %q", x.Status, x.Header, x.body)
		}
		if x.Header["Link"] != nil || !slices.Equal(x.Header["X-Deferred"], []string{"one"}) || len(x.Header["Strict-Transport-Security"]) != 1 {
			t.Errorf("the 103 response shows in the final one: %v", x.Header)
		}
		returning := with("Cookie", "first=visit")
		check("a visitor of whom nothing is known", want, level, returning)
		check("a crawler", "", "none", with("User-Agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"))
		check("a program", "", "none", func(r *http.Request) { r.Header.Del("Sec-Fetch-Mode") })
		check("another query", "", "none", func(r *http.Request) { r.URL.RawQuery = "a=b" })

		// The backend's own comes too late.
		l.origin.Handle(path, append([]testorigin.Step{testorigin.Informational(http.StatusEarlyHints, "Link", "</other.css>; rel=preload; as=style")}, cookies...)...)
		if want != "" {
			check("a backend with hints", want, level)
		}

		// Whom the page is refused learns nothing of it.
		for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusFound} {
			l.serve(path, []testorigin.Step{testorigin.Header(status, "Location", "/login"), testorigin.Write("no")})
			l.visit(t, v, "site", path)
			check("after a refusal", "", "none")
			l.serve(path, cookies)
			check("right after a refusal", "", "none")
			check("a cookie again", want, level)
		}
	})
}

// With `flush hints` nothing is committed.
func TestFlushHints(t *testing.T) {
	l := keysSite(t, "flush hints")
	v := newVisitor(t, "h2")
	l.serve("/page", lessonHTML(lessonPage))
	for range lessonVisits {
		l.visit(t, v, "site", "/page")
	}
	if x := l.visit(t, v, "site", "/page"); hintOf(t, x) != lessonHint || x.headstart("level") != "hints" || x.headstart("reason") != "hints_only" {
		t.Errorf("%v", x.log.field("headstart"))
	}
}

// A handler outside that keeps responses in memory does so after a 103, too.
func TestHintsBehindTemplates(t *testing.T) {
	origin := startOrigin(t)
	l := startLesson(t, origin, `
https://example.test:<site_tls> {
	log
	templates
	headstart {
		min_wait 0
		flush hints
	}
	reverse_proxy `+origin.Addr()+`
}
`)
	v := newVisitor(t, "h2")
	l.serve("/page", lessonHTML(lessonPage))
	for i := range 2 * lessonVisits {
		x := l.visit(t, v, "site", "/page")
		if (hintOf(t, x) != "") != (i >= lessonVisits) || x.body != lessonPage || x.Header.Get("Content-Length") == "" {
			t.Errorf("visit %d: %v, %v: %q", i, x.Interim, x.Header, x.body)
		}
	}
}
