package module_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// teachSite lets browsers visit as many URLs of a site as it takes to know what its pages
// share, each once.
func (l *lesson) teachSite(t *testing.T, v *visitor, section string, dresses ...lessonDress) {
	t.Helper()
	if len(dresses) == 0 {
		dresses = lessonClass(undressed)
	}
	for i, dress := range dresses {
		path := section + strconv.Itoa(i)
		l.serve(path, lessonHTML(strings.Replace(wirePage, "<title>", "<title>"+path+" ", 1)))
		if x := l.visit(t, v, "site", path, dress); hintOf(t, x) != "" {
			t.Fatalf("%s is hinted: %v", path, x.Interim)
		}
	}
}

// hinted checks the Link values of a visit; want is one, "" for none.
func (l *lesson) hinted(t *testing.T, v *visitor, site, path string, want []interim, dress ...lessonDress) lessonVisit {
	t.Helper()
	x := l.visit(t, v, site, path, dress...)
	if got, want := fmt.Sprint(x.Interim), fmt.Sprint(want); got != want {
		t.Errorf("%s: interim responses %s, want %s: %v", path, got, want, x.log.field("headstart"))
	}
	return x
}

// siteHints is what the pages of teachSite share.
var siteHints = hinting(lessonHint, lateHint)

// A URL that nobody knows gets what the pages of its host share. One that answered with
// anything but a page gets nothing until it does.
func TestUnknownURLs(t *testing.T) {
	l := keysSite(t, "")
	for _, protocol := range []string{"h2", "h3"} {
		v := newVisitor(t, protocol)
		section := "/" + protocol + "/"
		if protocol == "h2" {
			l.teachSite(t, v, section)
		}
		for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusFound, http.StatusPermanentRedirect} {
			path := section + "answers/" + strconv.Itoa(status)
			refusal := []testorigin.Step{testorigin.Header(status, "Location", "/login", "Content-Type", "text/html; charset=utf-8"), testorigin.Write("no")}
			l.serve(path, refusal)
			if x := l.hinted(t, v, "site", path, siteHints); x.Status != status || x.body != "no" || x.headstart("level") != "hints" {
				t.Errorf("status %d, %q, %v", x.Status, x.body, x.log.field("headstart"))
			}
			l.hinted(t, v, "site", path, nil)
			l.hinted(t, v, "site", path+"/x", siteHints) // others are not meant
			l.serve(path, lessonHTML(wirePage))
			l.hinted(t, v, "site", path, nil)
			l.hinted(t, v, "site", path, siteHints)
		}
		path := section + "fails"
		l.serve(path, []testorigin.Step{testorigin.Header(http.StatusServiceUnavailable), testorigin.Write("no")})
		for range 2 { // that says nothing of the page
			l.hinted(t, v, "site", path, siteHints)
		}
	}
}

// Pages that share too little are not all of a site.
func TestUnknownURLsNeedDistinctOnes(t *testing.T) {
	l := keysSite(t, "")
	v := newVisitor(t, "h2")
	l.learn(t, v, "site", "/one", wireCookies(wirePage))
	l.hinted(t, v, "site", "/unknown/1", nil)
	l.learn(t, v, "site", "/two", lessonHTML(lessonPage))
	l.hinted(t, v, "site", "/unknown/2", nil)
	l.learn(t, v, "site", "/three", wireCookies(wirePage))
	l.hinted(t, v, "site", "/unknown/3", hinting(lessonHint)) // they have nothing else in common
}

// What is known of one host, of the office, or of one backend is not hinted elsewhere.
func TestUnknownURLsElsewhere(t *testing.T) {
	first, second := startOrigin(t), startOrigin(t)
	site := func(name, directives string) string {
		return "\nhttp://:<" + name + "> {\n\tlog\n\theadstart {\n\t\tmin_wait 0\n\t\tearly_hints on\n\t}\n\t" + directives + "\n}\n"
	}
	l := startLesson(t, first, site("site", "@staff header User-Agent *Staff*\n\treverse_proxy @staff "+second.Addr()+"\n\treverse_proxy "+first.Addr())+
		site("twin", "reverse_proxy "+first.Addr()), lessonProxies)
	v := newVisitor(t, "h1")
	office, world := from("10.1.2.3"), publicVisitors[0]
	l.teachSite(t, v, "/", lessonClass(office)...)
	l.hinted(t, v, "site", "/a", siteHints, office)
	for name, elsewhere := range map[string]struct {
		site  string
		dress lessonDress
	}{
		"another host": {"site", both(office, func(r *http.Request) { r.Host = "www." + host })},
		"another site": {"twin", office},
		"the world":    {"site", world},
		"another way":  {"site", both(office, with("User-Agent", "Mozilla/5.0 (Staff)"))},
	} {
		t.Run(name, func(t *testing.T) {
			l.hinted(t, v, elsewhere.site, "/"+slug(name), nil, elsewhere.dress)
		})
	}
	l.hinted(t, v, "site", "/b", siteHints, office)

	// The world needs visitors from several networks.
	l.teachSite(t, v, "/same/", lessonClass(world)...)
	l.hinted(t, v, "site", "/c", nil, world)
	l.teachSite(t, v, "/several/", publicVisitors...)
	l.hinted(t, v, "site", "/d", siteHints, world)
}

// Of pages that share a key, one is committed only if it has answered itself. Others are
// hinted.
func TestSharedKey(t *testing.T) {
	l := keysSite(t, "key {http.request.uri.path.0}")
	v := newVisitor(t, "h2")
	page := func(path string) []testorigin.Step {
		return lessonHTML(strings.Replace(lessonPage, "</body>", "<p>"+path+"</p></body>", 1))
	}
	is := func(path, level, hint string) {
		t.Helper()
		if x := l.visit(t, v, "site", path); x.headstart("level") != level || hintOf(t, x) != hint {
			t.Errorf("%s: hints %v, %v; want %q at level %s", path, x.Interim, x.log.field("headstart"), hint, level)
		}
	}
	for i := range lessonVisits {
		path := "/blog/" + strconv.Itoa(i)
		l.serve(path, page(path))
		is(path, "none", "")
	}
	l.serve("/blog/3", page("/blog/3"))
	is("/blog/3", "hints", lessonHint)
	for _, path := range []string{"/blog/0", "/blog/1", "/blog/2", "/blog/3"} {
		is(path, "shell", lessonHint)
	}

	gone := []testorigin.Step{testorigin.Header(http.StatusNotFound, "Content-Type", "text/html; charset=utf-8"), testorigin.Write("no")}
	l.serve("/blog/4", gone)
	is("/blog/4", "hints", lessonHint)
	is("/blog/4", "none", "")
	is("/blog/3", "shell", lessonHint)

	l.serve("/blog/2", gone)
	is("/blog/2", "shell", lessonHint) // it was a page before
	is("/blog/2", "none", "")
	for _, path := range []string{"/blog/0", "/blog/1", "/blog/3"} {
		is(path, "shell", lessonHint)
	}
	l.serve("/blog/2", page("/blog/2"))
	is("/blog/2", "none", "")
	is("/blog/2", "shell", lessonHint)
}
