package module_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// leadsTo reads recovery markup, and returns where its script goes to: a URL, or
// "" for a reload.
func (r *reply) leadsTo(t *testing.T) (url string) {
	t.Helper()
	text := r.readUntil(t, "</noscript>")
	var args struct{ URL, Cookie string }
	_, rest, ok := strings.Cut(text, `})(`)
	if !ok || json.NewDecoder(strings.NewReader(rest)).Decode(&args) != nil || (args.URL == "") == (args.Cookie == "") {
		t.Fatalf("no recovery script in %q", text)
	}
	return args.URL
}

// Two pages that send to each other: the visitor is led once from each, and gets
// the backend's own redirects from then on, which browsers count.
func TestRedirectsDoNotLoop(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, "encode gzip")
		eachProtocol(t, func(t *testing.T, v *visitor) {
			paths := []string{"/" + v.protocol + "/a", "/" + v.protocol + "/b"}
			for _, path := range paths {
				s.teach(t, v, path, wholePage)
			}
			for i, path := range paths {
				r, gate := s.early(t, v, path, redirectTo(paths[1-i]))
				s.origin.Handle(path, redirectTo(paths[1-i])...)
				gate.Open()
				if got := r.leadsTo(t); got != paths[1-i] {
					t.Errorf("%s leads to %q", path, got)
				}
				r.resp.Body.Close()
				s.logged(t, teachers+1, path)
			}
			for i, path := range paths { // and round again, without any cookie
				r := s.visit(t, v, path)
				if body, end := r.rest(t); r.Status != http.StatusFound || r.Header.Get("Location") != paths[1-i] || body != secret || end != cleanEnd {
					t.Errorf("%s the second time: %d, %v, %s, %q", path, r.Status, r.Header, end, body)
				}
				if log := s.logged(t, teachers+2, path); log.field("headstart", "level") != "none" {
					t.Errorf("%s the second time: %v", path, log["headstart"])
				}
			}
		})
	})
}

// Where redirects lead, from /dir/page.
func TestRedirectTargets(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, "")
		tests := []struct{ location, want string }{
			{"next", "/dir/<protocol>/next"},
			{"../next", "/dir/next"},
			{"/x#part", "/x#part"},
			{"?a=b&c", "/dir/<protocol>/page?a=b&c"},
			{"//b.example/x", "//b.example/x"},
			{"https://b.example/x#part", "https://b.example/x#part"},
			// The page itself is for a reload, which gets the backend's own redirect.
			{"page", ""},
			{"page#part", ""},
			{"#part", ""},
			{"", ""},
			{"/dir/<protocol>/page", ""},
			{"http<s>://" + host + "/dir/<protocol>/page", ""},
			{"//" + host + "/dir/<protocol>/page#part", ""},
		}
		eachProtocol(t, func(t *testing.T, v *visitor) {
			for i, test := range tests {
				t.Run(fmt.Sprintf("%d", i), func(t *testing.T) {
					fill := strings.NewReplacer("<protocol>", fmt.Sprint(v.protocol, i), "<s>", map[bool]string{true: "", false: "s"}[v.protocol == "h1"])
					path := fill.Replace("/dir/<protocol>/page")
					location, want := fill.Replace(test.location), fill.Replace(test.want)
					s.teach(t, v, path, wholePage)
					drain(t, s.origin)
					r, gate := s.early(t, v, path, redirectTo(location, htmlHeader(nil)...))
					s.origin.Handle(path, htmlPage(secondAnswer)...)
					gate.Open()
					if got := r.leadsTo(t); got != want {
						t.Fatalf("%q leads to %q, want %q", location, got, want)
					}
					marker := ""
					if want == "" {
						marker = r.marker(t)
					}
					r.resp.Body.Close()
					s.logged(t, teachers+1, path)
					if marker == "" {
						return
					}
					r = s.visit(t, v, path, "Cookie", marker)
					if body, end := r.rest(t); r.Status != http.StatusFound || r.Header.Get("Location") != location || body != secret || end != cleanEnd {
						t.Errorf("the reload gets %d, %v, %s, %q", r.Status, r.Header, end, body)
					}
					if n := len(drain(t, s.origin)); n != 1 {
						t.Errorf("the backend was asked %d times", n)
					}
				})
			}
		})
	})
}

// A `<base>` of the page does not change where its redirects lead: they are the
// response's, not the document's.
func TestRedirectUnderBase(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		const page = doctype + `<html><head><meta charset="utf-8"><base href="https://cdn.example/assets/">` +
			`<link rel="stylesheet" href="a.css">`
		s := startEarly(t, at, "")
		v := newVisitor(t, "h1")
		s.teach(t, v, "/dir/page", page+pageRest)
		gate := testorigin.NewGate()
		s.origin.Handle("/dir/page", append([]testorigin.Step{testorigin.Wait(gate)}, redirectTo("next")...)...)
		r := s.visit(t, v, "/dir/page")
		r.readUntil(t, `a.css">`)
		gate.Open()
		// The script resolves it by the location.
		if got := r.leadsTo(t); got != "/dir/next" || !strings.Contains(r.readUntil(t, "</noscript>"), "new URL(a.url,l)") {
			t.Errorf("leads to %q", got)
		}
		// A refresh is resolved by the document's base URL (HTML Standard, section
		// 4.2.5.3, shared declarative refresh steps), so it must be absolute.
		_, refresh, _ := strings.Cut(r.readUntil(t, "</noscript>"), `content="0;url=`)
		r.resp.Body.Close()
		if !strings.HasPrefix(refresh, "http://"+host+"/dir/next") {
			t.Errorf("without scripting the redirect leads to cdn.example: the refresh is to %.20q", refresh)
		}
	})
}

// What leads away from a page is kept by no cache, whatever the page itself
// allows: it must be private, to be asked for again, and incomplete (RFC 9111
// section 3.3).
func TestNoCacheKeepsRecoveries(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		public := []string{"Cache-Control", "public, max-age=600, s-maxage=600", "Cdn-Cache-Control", "max-age=600", "Surrogate-Control", "max-age=600", "Expires", "Thu, 01 Jan 2099 00:00:00 GMT"}
		answers := map[string][]testorigin.Step{
			"cookie":   answers200(append(public, "Set-Cookie", "a=b")...),
			"document": htmlPage(flashPage, public...),
			"redirect": redirectTo("/elsewhere", public...),
			"policy":   answers200(append(public, "Content-Security-Policy", "default-src 'none'")...),
		}
		for _, outer := range []string{"", "encode gzip"} {
			s := startEarly(t, at, outer)
			eachProtocol(t, func(t *testing.T, v *visitor) {
				for name, answer := range answers {
					path := "/" + v.protocol + "/" + name
					s.teach(t, v, path, wholePage, public...)
					r, gate := s.early(t, v, path, answer)
					gate.Open()
					r.leadsTo(t)
					for _, header := range []string{"Expires", "Cdn-Cache-Control", "Surrogate-Control", "Etag", "Last-Modified", "Content-Length"} {
						if got := r.Header.Get(header); got != "" {
							t.Errorf("%s: %s is %q", name, header, got)
						}
					}
					if got := strings.Join(r.Header["Cache-Control"], " | "); got != "private, no-cache" {
						t.Errorf("%s: Cache-Control is %q", name, got)
					}
					r.stillOpen(t) // until the visitor leaves it, and then there is no end of it
					r.resp.Body.Close()
					if outcome := s.logged(t, teachers+1, path).field("headstart", "outcome"); outcome != "reloaded" && outcome != "redirected" {
						t.Errorf("%s: outcome %v", name, outcome)
					}
				}
			})
		}
	})
}
