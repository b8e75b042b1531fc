package module_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// What was hinted and not asked for is not hinted again to visitors of that kind until a
// page asks for it. Others are told as before.
func TestUnaskedIsDropped(t *testing.T) {
	returning := with("Cookie", "a=b")
	l := keysSite(t, "flush hints")
	for _, protocol := range []string{"h2", "h3"} {
		v := newVisitor(t, protocol)
		path := "/" + protocol
		all := lessonHTML(wirePage)
		l.learn(t, v, "site", path, all)
		l.hinted(t, v, "site", path, siteHints, returning)

		l.serve(path, lessonHTML(strings.Replace(wirePage, lessonMark, "/mine.css", 1)))
		l.hinted(t, v, "site", path, siteHints, returning)
		l.hinted(t, v, "site", path, hinting(lateHint), returning)
		l.serve(path, all)
		l.hinted(t, v, "site", path, siteHints) // anonymous
		l.hinted(t, v, "site", path, hinting(lateHint), returning)
		l.hinted(t, v, "site", path, siteHints, returning)

		l.serve(path, lessonHTML("<!doctype html><title>Nothing</title></head><body><p>x</p></body></html>"))
		l.hinted(t, v, "site", path, siteHints, returning)
		l.hinted(t, v, "site", path, nil, returning)
		l.serve(path, lessonHTML(lessonPage))
		l.hinted(t, v, "site", path, nil, returning)
		l.hinted(t, v, "site", path, hinting(lessonHint), returning)

		// What is no page says nothing of it. Of one whose head cannot be read nothing is
		// known, so nothing is hinted.
		l.serve(path, []testorigin.Step{testorigin.Header(http.StatusInternalServerError), testorigin.Write("no")})
		l.hinted(t, v, "site", path, hinting(lessonHint), returning)
		l.serve(path, lessonHTML("<!doctype html><title>Half a"))
		l.hinted(t, v, "site", path, hinting(lessonHint), returning)
		l.hinted(t, v, "site", path, nil, returning)
	}
}

// The same in front of a commit, and in the header of it.
func TestUnaskedOfCommitIsDropped(t *testing.T) {
	returning := with("Cookie", "a=b")
	l := keysSite(t, "")
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		hints := func(links ...string) []interim {
			if v.protocol == "h1" || len(links) == 0 {
				return nil
			}
			return hinting(links...)
		}
		is := func(what string, interim []interim, links []string, dress ...lessonDress) {
			t.Helper()
			x := l.visit(t, v, "site", path, dress...)
			if !committed(x.headstart("level")) {
				t.Fatalf("%s: %v", what, x.log.field("headstart"))
			}
			if diff := cmp.Diff(interim, x.Interim); diff != "" {
				t.Errorf("%s: interim responses (-want +got):\n%s", what, diff)
			}
			if diff := cmp.Diff(links, x.Header["Link"]); diff != "" {
				t.Errorf("%s: Link (-want +got):\n%s", what, diff)
			}
		}
		l.learn(t, v, "site", path, lessonHTML(wirePage))
		l.learn(t, v, "site", path, lessonHTML(wirePage), lessonClass(returning)...)
		is("a page that asks for all", hints(lessonHint, lateHint), []string{lateHint}, returning)

		l.serve(path, lessonHTML(lessonPage))
		is("a page that does not", hints(lessonHint, lateHint), []string{lateHint}, returning)
		is("a page that still does not", hints(lessonHint), nil, returning)
		is("an anonymous visitor", hints(lessonHint, lateHint), []string{lateHint})
		l.serve(path, lessonHTML(wirePage))
		is("a page that asks again", hints(lessonHint), nil, returning)
		is("a page behind that", hints(lessonHint, lateHint), []string{lateHint}, returning)

		// A stylesheet that was sent early and is not in the page is taken out of it again.
		l.serve(path, lessonHTML(strings.Replace(wirePage, lessonMark, "/mine.css", 1)))
		if x := l.visit(t, v, "site", path, returning); x.headstart("outcome") != "repaired" {
			t.Errorf("another stylesheet: %v", x.log.field("headstart"))
		}
		x := l.visit(t, v, "site", path, returning)
		if diff := cmp.Diff(hints(lateHint), x.Interim); diff != "" {
			t.Errorf("behind another stylesheet (-want +got):\n%s%v", diff, x.log.field("headstart"))
		}
		l.serve(path, lessonHTML(wirePage))
		l.visit(t, v, "site", path, returning)
		x = l.visit(t, v, "site", path, returning)
		if diff := cmp.Diff(hints(lessonHint, lateHint), x.Interim); diff != "" {
			t.Errorf("behind the first again (-want +got):\n%s%v", diff, x.log.field("headstart"))
		}
	})
}

// fetch lets a browser fetch what a page asks for.
func (l *lesson) fetch(t *testing.T, v *visitor, path string, answer ...testorigin.Step) {
	t.Helper()
	bare, _, _ := strings.Cut(path, "?")
	l.origin.Handle(bare, answer...)
	req := newRequest(t, http.MethodGet, v.url(t, l.caddyServer, "site", path), nil)
	req.Header = http.Header{
		"Accept": {"*/*"}, "Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"style"}, "Sec-Fetch-Site": {"same-origin"},
		"User-Agent": browserHeader["User-Agent"],
	}
	if _, end := v.send(t, req).rest(t); end != cleanEnd {
		t.Fatalf("%s: %s", path, end)
	}
	l.seen[bare]++
	l.logs.access(t, l.seen[bare], bare)
}

// A download that a browser has to ask for again when the page comes is not worth a 103:
// it would be fetched twice. In the header of the page itself it is of use: the page and
// the hint are one then.
func TestDownloadsThatCannotBeUsed(t *testing.T) {
	css := func(namesAndValues ...string) []testorigin.Step {
		return []testorigin.Step{testorigin.Header(http.StatusOK, append([]string{"Content-Type", "text/css"}, namesAndValues...)...), testorigin.Write("a{}")}
	}
	js := func(namesAndValues ...string) []testorigin.Step {
		return []testorigin.Step{testorigin.Header(http.StatusOK, append([]string{"Content-Type", "text/javascript"}, namesAndValues...)...), testorigin.Write("1")}
	}
	usable := []string{"Cache-Control", "max-age=60"}
	l := keysSite(t, "")
	v := newVisitor(t, "h2")
	l.learn(t, v, "site", "/hinted", wireCookies(wirePage))
	l.learn(t, v, "site", "/committed", lessonHTML(wirePage))
	for _, test := range []struct {
		name   string
		header []string
		useful bool
	}{
		{"no-store", []string{"Cache-Control", "no-store"}, false},
		{"no-cache", []string{"Cache-Control", "max-age=60, no-cache"}, false},
		{"max-age=0", []string{"Cache-Control", "max-age=0"}, false},
		{"an age near max-age", []string{"Cache-Control", "max-age=60", "Age", "55"}, false},
		{"a time that is over", []string{"Expires", "Thu, 01 Jan 1970 00:00:00 GMT"}, false},
		{"nothing", nil, false},
		{"a validator only", []string{"Etag", `"x"`}, false},
		{"Vary", []string{"Cache-Control", "max-age=60", "Vary", "Origin"}, false},
		{"public", []string{"Cache-Control", "public, max-age=60"}, true},
		{"private", []string{"Cache-Control", "private, max-age=60"}, true},
		{"a date of long ago", []string{"Last-Modified", "Thu, 01 Jan 2015 00:00:00 GMT"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			l.fetch(t, v, "/lesson.css", css(usable...)...)
			l.fetch(t, v, "/late.js", js(usable...)...)
			l.hinted(t, v, "site", "/hinted", siteHints)

			l.fetch(t, v, "/lesson.css", css(test.header...)...)
			want := siteHints
			if !test.useful {
				want = hinting(lateHint)
			}
			l.hinted(t, v, "site", "/hinted", want)
			l.fetch(t, v, "/late.js", js(test.header...)...)
			if !test.useful {
				want = nil
			}
			l.hinted(t, v, "site", "/hinted", want)
			x := l.hinted(t, v, "site", "/committed", want)
			if diff := cmp.Diff([]string{lateHint}, x.Header["Link"]); diff != "" || x.headstart("level") != "shell" {
				t.Errorf("level %v (-want +got):\n%s", x.headstart("level"), diff)
			}

			l.fetch(t, v, "/lesson.css", css(usable...)...)
			l.fetch(t, v, "/late.js", js(usable...)...)
			l.hinted(t, v, "site", "/hinted", siteHints)
		})
	}
}

// What is not found, not fetched by GET, or no such file says nothing of a download.
func TestDownloadsThatSayNothing(t *testing.T) {
	l := keysSite(t, "")
	v := newVisitor(t, "h2")
	l.learn(t, v, "site", "/", wireCookies(wirePage))
	for _, answer := range [][]testorigin.Step{
		{testorigin.Header(http.StatusNotFound, "Content-Type", "text/css", "Cache-Control", "no-store"), testorigin.Write("no")},
		{testorigin.Header(http.StatusBadGateway, "Content-Type", "text/css", "Cache-Control", "no-store"), testorigin.Write("no")},
		{testorigin.Header(http.StatusNotModified)},
	} {
		l.fetch(t, v, "/lesson.css", answer...)
		l.hinted(t, v, "site", "/", siteHints)
	}
	// With another query it is another file.
	l.fetch(t, v, "/lesson.css?v=2", testorigin.Header(http.StatusOK, "Content-Type", "text/css", "Cache-Control", "no-store"), testorigin.Write("a{}"))
	l.hinted(t, v, "site", "/", siteHints)
}
