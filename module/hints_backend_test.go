package module_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// otherHint is what a backend says by itself.
const otherHint = "</other.css>; rel=preload; as=style"

// behind103 is an answer behind a 103 of the backend.
func behind103(answer []testorigin.Step, links ...string) []testorigin.Step {
	namesAndValues := make([]string, 0, 2*len(links))
	for _, link := range links {
		namesAndValues = append(namesAndValues, "Link", link)
	}
	return append([]testorigin.Step{testorigin.Informational(http.StatusEarlyHints, namesAndValues...)}, answer...)
}

// The backend's own 103 passes as long as there is none of ours; behind ours it is
// swallowed, and what it asks for is hinted with the rest.
func TestBackends103(t *testing.T) {
	eachProtocol(t, func(t *testing.T, v *visitor) {
		l := wireSites(t, "")
		const path = "/"
		comparable := func(interim []interim) []interim { // but for the port in Alt-Svc, which Caddy lets ride along
			for i, r := range interim {
				interim[i].Header = comparableHeader(r.Header)
			}
			return interim
		}
		l.serve(path, behind103(wireCookies(lessonPage), otherHint))
		want := comparable(l.visit(t, v, "bare", path).Interim)
		if len(want) != 1 || want[0].Status != http.StatusEarlyHints {
			t.Fatalf("without Headstart: %v", want)
		}
		for range lessonVisits {
			if diff := cmp.Diff(want, comparable(l.visit(t, v, "auto", path).Interim)); diff != "" {
				t.Errorf("while the page is not learned (-without Headstart +with):\n%s", diff)
			}
		}
		if v.protocol != "h1" {
			want = hinting(lessonHint, otherHint)
		}
		for _, own := range []string{otherHint, "</newer.css>; rel=preload; as=style", otherHint} {
			l.serve(path, behind103(wireCookies(lessonPage), own))
			if v.protocol == "h1" { // none of ours is sent
				want = comparable(l.visit(t, v, "bare", path).Interim)
			}
			if diff := cmp.Diff(want, comparable(l.visit(t, v, "auto", path, with("Cookie", "a=b")).Interim)); diff != "" {
				t.Errorf("once the page is learned, with %s (-want +got):\n%s", own, diff)
			}
			if own != otherHint && v.protocol != "h1" { // dropped at once, see TestUnaskedIsDropped
				want = hinting(lessonHint)
			}
		}

		// After a commit it is too late for one.
		l.learn(t, v, "auto", "/committed", behind103(lessonHTML(lessonPage), otherHint))
		x := l.visit(t, v, "auto", "/committed")
		var interim []interim
		if v.protocol != "h1" {
			interim = hinting(lessonHint, otherHint)
		}
		header := wireHeader(v.protocol, http.Header{"Cache-Control": {"private, no-cache"}, "Server": {"Caddy"}, "Link": {otherHint}})
		if diff := cmp.Diff(preamble{interim, http.StatusOK, header}, preambleOf(x.reply)); diff != "" {
			t.Errorf("committed (-want +got):\n%s", diff)
		}
	})
}

// What a backend's Link values become in a 103 response, from wherever they come. Those
// that a browser could not use before the document is here are not sent, nor is anything
// that breaks out of a value.
func TestBackendsLinks(t *testing.T) {
	const style = "; rel=preload; as=style"
	tests := []struct {
		name, in string
		want     []string
	}{
		{"as it is", "</a.css>" + style, []string{"</a.css>" + style}},
		{"two in one field", "</a.css>" + style + ", </b.js>; rel=modulepreload", []string{"</a.css>" + style, "</b.js>; rel=modulepreload"}},
		{"all that may be there", `</a.css>; rel="preload"; as="style"; type="text/css"; integrity="sha256-x="; fetchpriority=high; crossorigin`, []string{
			`</a.css>; rel=preload; as=style; crossorigin; type="text/css"; fetchpriority=high; integrity="sha256-x="`,
		}},
		{"nopush", "</a.css>" + style + "; nopush", []string{"</a.css>" + style}},
		{"a nonce", "</a.css>" + style + "; nonce=bm9uY2U1", []string{"</a.css>" + style}},
		{"media", "</a.css>" + style + `; media="(min-width: 1px)"`, nil},
		{"imagesrcset", `</a.png>; rel=preload; as=image; imagesrcset="/b.png 2x"; imagesizes=50vw`, nil},
		{"referrerpolicy", "</a.css>" + style + "; referrerpolicy=no-referrer", nil},
		{"of another page", "</a.css>" + style + `; anchor="/other"`, nil},
		{"a font that would be fetched twice", "</a.woff2>; rel=preload; as=font", nil},
		{"speculation", "</next>; rel=prefetch, </next>; rel=prerender, <//x.example>; rel=dns-prefetch", nil},

		{"a comma in a target", "</a,b.css>" + style, []string{"</a,b.css>" + style}},
		{"a semicolon in a target", "</a;b.css>" + style, []string{"</a;b.css>" + style}},
		{"a quote in a target", `</a".css>` + style, nil},
		{"a space in a target", "</a b.css>" + style, nil},
		{"a < in a target", "</a<b.css>" + style, nil},
		{"a backslash in a target", `</a\b.css>` + style, nil},
		{"a control character in a target", "</a\x01.css>" + style, nil},
		{"a tab in a target", "</a\t.css>" + style, nil},
		{"no ASCII in a target", "</ä.css>" + style, nil},
		{"a control character in a parameter", "</a.css>" + style + "; type=\"text/css\x02\"", nil},
		{"no ASCII in a parameter", "</a.css>" + style + `; integrity="ä"`, nil},
		{"a value in a string", `</a.css>; rel=preload; as=style; type="x, </evil.js>; rel=preload; as=script"`, nil},
		{"a string that is left by an escape", `</a.css>; rel=preload; as=style; type="x\", </evil.js>; rel=preload; as=script; type=\"y"`, nil},
		{"a string without an end", `</a.css>` + style + `; type="x, </evil.js>; rel=preload; as=script`, nil},
		{"a target without an end", "</a.css>" + style + ", </evil.js; rel=preload; as=script", []string{"</a.css>" + style}},
		{"a script's URL", "<javascript:alert(1)>" + style, nil},
		{"data", "<data:text/css,x>" + style, nil},
		{"a page on http", "<http://x.example/a.css>" + style, nil},
		{"two lines", "</a.css>" + style + "\r\nSet-Cookie: a=b", nil},
	}
	page := "<!doctype html><title>A page without anything</title><p>x</p>"
	l := keysSite(t, "", "@inner path /inner/*\n\troute @inner {\n\t\theadstart {\n\t\t\tmin_wait 0\n\t\t}\n\t\theadstart_test_inner\n\t}")
	v := newVisitor(t, "h2")
	for _, by := range []struct {
		name   string
		answer func(link string) []testorigin.Step
	}{
		{"header", func(link string) []testorigin.Step { return wireCookies(page, "Link", link) }},
		{"103", func(link string) []testorigin.Step { return behind103(wireCookies(page), link) }},
		{"inner", func(link string) []testorigin.Step { // a handler of Caddy's, which nothing of HTTP is in front of
			setInner(t, func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				w.Header().Set("Set-Cookie", "first=visit")
				w.Header().Set("Link", link)
				_, err := w.Write([]byte(page))
				return err
			})
			return nil
		}},
	} {
		t.Run(by.name, func(t *testing.T) {
			for _, test := range tests {
				if by.name != "inner" && strings.ContainsAny(test.in, "\x01\x02") {
					continue // reverse_proxy does not take it
				}
				path := "/" + by.name + "/" + slug(test.name)
				l.learn(t, v, "site", path, by.answer(test.in))
				l.serve(path, wireCookies(page)) // what comes now is ours
				x := l.visit(t, v, "site", path)
				var want []interim
				if test.want != nil {
					want = hinting(test.want...)
				}
				if diff := cmp.Diff(want, x.Interim); diff != "" || x.Status != http.StatusOK {
					t.Errorf("%s: status %d (-want +got):\n%s", test.name, x.Status, diff)
				}
			}
		})
	}
}

// What a backend says in a 103 is written anew in the header of a committed response,
// too.
func TestBackendsLinksInCommit(t *testing.T) {
	l := keysSite(t, "")
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		l.learn(t, v, "site", path, behind103(lessonHTML(lessonPage),
			`</a".css>; rel=preload; as=style`, `</b.css>; rel="preload";as=style;nopush`, `</c.js>; rel=preload; as=script; type="x, </evil.js>; rel=preload; as=script"`,
			`</d.css>; rel=preload; as=style; media="(min-width: 1px)"`))
		x := l.visit(t, v, "site", path)
		want := []string{"</b.css>; rel=preload; as=style", `</d.css>; rel=preload; as=style; media="(min-width: 1px)"`}
		if diff := cmp.Diff(want, x.Header["Link"]); diff != "" || x.headstart("level") != "shell" {
			t.Errorf("level %v (-want +got):\n%s", x.headstart("level"), diff)
		}
	})
}

// What is said of a page only once is not hinted.
func TestLinksOfOneResponse(t *testing.T) {
	l := keysSite(t, "")
	v := newVisitor(t, "h2")
	for range lessonVisits - 1 {
		l.serve("/", behind103(wireCookies(lessonPage), otherHint))
		l.visit(t, v, "site", "/")
	}
	l.serve("/", wireCookies(lessonPage))
	l.visit(t, v, "site", "/")
	if diff := cmp.Diff(hinting(lessonHint), l.visit(t, v, "site", "/").Interim); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
