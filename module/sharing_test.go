package module_test

import (
	"cmp"
	"net/http"
	"strings"
	"testing"
)

// A reader is somebody who asks for a page.
type reader struct {
	protocol   string // h1 if empty
	site, path string
	dress      lessonDress
}

// TestOpeningsAreNotShared lets one reader's page be learned. Another, who
// differs in one thing only, must get the page as if it were new.
func TestOpeningsAreNotShared(t *testing.T) {
	const twoBlocks = "handle @second {\nOTHER\n}\nhandle {\nAPP\n}"
	tests := []struct {
		name          string
		site          string // directives
		first, second reader
		classes       []lessonDress // who teaches the first reader's page; the reader if empty
		other         bool          // the second reader's page is another
	}{
		{
			name: "two handle blocks by header", site: "@second header User-Agent *Second*\n" + twoBlocks,
			second: reader{dress: with("User-Agent", "Mozilla/5.0 (Second)")}, other: true,
		},
		{
			name: "two handle blocks by an expression", site: "@second `header({'Accept-Language': 'de*'})`\n" + twoBlocks,
			second: reader{dress: with("Accept-Language", "de")}, other: true,
		},
		{
			name: "two handle blocks by address", site: "@second client_ip 10.2.0.0/16\n" + twoBlocks,
			first: reader{dress: from("10.1.2.3")}, second: reader{dress: from("10.2.2.3")}, other: true,
		},
		{
			name: "two routes", site: "@second header User-Agent *Second*\nroute {\nroute @second {\nOTHER\n}\nroute {\nAPP\n}\n}",
			second: reader{dress: with("User-Agent", "Mozilla/5.0 (Second)")}, other: true,
		},
		{
			name: "a handle block in a handle block", site: "@second header User-Agent *Second*\nhandle {\n" + twoBlocks + "\n}",
			second: reader{dress: with("User-Agent", "Mozilla/5.0 (Second)")}, other: true,
		},
		{
			name: "paths that are rewritten to one", site: "uri strip_prefix /one\nuri strip_prefix /two\nAPP",
			first: reader{path: "/one/page"}, second: reader{path: "/two/page"},
		},
		{
			name: "one path that is rewritten to two", site: "@second header User-Agent *Second*\nrewrite @second /second\nAPP",
			second: reader{dress: with("User-Agent", "Mozilla/5.0 (Second)")},
		},
		{name: "http and https", site: "APP", second: reader{protocol: "h2"}},
		{name: "two sites", site: "APP", second: reader{site: "twin"}},
		{
			name: "two hosts", site: "APP",
			second: reader{dress: func(r *http.Request) { r.Host = "www.example.test" }},
		},
		{
			name: "the LAN and the world", site: "APP",
			first: reader{dress: from("10.1.2.3")}, second: reader{dress: from("192.0.2.7")},
			classes: []lessonDress{from("10.1.2.3"), both(from("10.2.2.3"), with("User-Agent", "Mozilla/5.0 (Another)")), from("10.3.2.3")},
		},
		{
			name: "the world and the LAN", site: "APP",
			first: reader{dress: publicVisitors[0]}, second: reader{dress: from("10.1.2.3")}, classes: publicVisitors,
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			origin, other := startOrigin(t), startOrigin(t)
			const otherPage = "<!doctype html><title>Another page</title>"
			other.Handle("*", lessonHTML(otherPage)...)
			site := strings.NewReplacer(
				"APP", "headstart {\nmin_wait 0\n}\nreverse_proxy "+origin.Addr(),
				"OTHER", "headstart {\nmin_wait 0\n}\nreverse_proxy "+other.Addr(),
			).Replace(tc.site)
			l := startLesson(t, origin, "\nhttp://:<site>, https://example.test:<site_tls> {\nlog\n"+site+"\n}\n"+
				"\nhttp://:<twin> {\nlog\n"+site+"\n}\n", lessonProxies)
			for _, path := range []string{"/", "/page", "/second"} {
				l.serve(path, lessonHTML(lessonPage))
			}

			classes := tc.classes
			if len(classes) == 0 {
				classes = lessonClass(tc.first.dressed())
			}
			for _, d := range classes {
				tc.first.read(t, l, d)
			}
			if x := tc.first.read(t, l, tc.first.dressed()); x.headstart("level") != "shell" {
				t.Fatalf("the first reader's page was not learned: %v", x.log.field("headstart"))
			}
			page := lessonPage
			if tc.other {
				page = otherPage
			}
			x := tc.second.read(t, l, tc.second.dressed())
			if x.Status != http.StatusOK || x.body != page || x.headstart("level") != "none" || x.headstart("reason") != "not_learned" {
				t.Errorf("the second reader got %q, with %v", x.body, x.log.field("headstart"))
			}
			if x := tc.first.read(t, l, tc.first.dressed()); x.headstart("outcome") != "exact" {
				t.Errorf("the first reader's page is gone: %v", x.log.field("headstart"))
			}
		})
	}
}

func (r reader) dressed() lessonDress {
	if r.dress == nil {
		return undressed
	}
	return r.dress
}

func (r reader) read(t *testing.T, l *lesson, dress lessonDress) lessonVisit {
	t.Helper()
	return l.visit(t, newVisitor(t, cmp.Or(r.protocol, "h1")), cmp.Or(r.site, "site"), cmp.Or(r.path, "/"), dress)
}

func both(a, b lessonDress) lessonDress {
	return func(r *http.Request) {
		a(r)
		b(r)
	}
}
