package module_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// limitedSite is a site with options of headstart.
func limitedSite(t *testing.T, outer, options string) *earlySite {
	t.Helper()
	return startSite(t, shell, outer, options, "", "")
}

// What the operator or the page itself takes out of the shell does not come early,
// and all in front of it does.
func TestShellLimits(t *testing.T) {
	whole := bodyHead + bodyNav + `<main><h1>News</h1><p id="price">1</p></main><footer>y</footer>`
	onlyHead := bodyHead
	before := func(mark string) string { // the white space in front of it is not at a point
		text, _, _ := strings.Cut(whole, mark)
		return strings.TrimRight(text, "\n")
	}
	tests := []struct {
		name, options string
		page          string
		early         string
	}{
		{"none", "", whole, whole},
		{"an element", "stop_at main", whole, before("<main>")},
		{"an element of another case", "stop_at main", strings.Replace(whole, "<main>", "<MAIN>", 1), before("<main>")},
		{"an id", `stop_at "#price"`, whole, before(`<p id="price">`)},
		{"an id that is not there", `stop_at "#other"`, whole, whole},
		{"two", `stop_at "#price" footer`, whole, before(`<p id="price">`)},
		{"the first of the page", "stop_at header", whole, before("<header>")},
		{"a comment in the body", "", strings.Replace(whole, "<main>", "<!--headstart:stop--><main>", 1), before("<main>")},
		{"a comment in the head", "", strings.Replace(whole, `<script defer`, "<!--headstart:stop--><script defer", 1), before("<script defer")},
		{"another comment", "", strings.Replace(whole, "<main>", "<!--headstart:go--><main>", 1), strings.Replace(whole, "<main>", "<!--headstart:go--><main>", 1)},
		{"the head", "flush head", whole, onlyHead},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := limitedSite(t, "", test.options)
			page := test.page + bodyEnd
			eachProtocol(t, func(t *testing.T, v *visitor) {
				path := "/" + v.protocol
				s.learn(t, v, path, func(int) string { return page }, 0)
				r, gate := s.held(t, v, path, test.early, htmlPage(page))
				gate.Open()
				s.joins(t, r, path, test.early, page, "exact")
			})
		})
	}
}

// The opening is no longer than max_opening, and ends at a point.
func TestShellMaxOpening(t *testing.T) {
	const limit = 2 << 10
	s := limitedSite(t, "", "max_opening 2KiB")
	page := bodyHead + bodyNav + "<main>" + strings.Repeat("<p>x</p>", 1000) + "</main>" + bodyEnd
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		s.learn(t, v, path, func(int) string { return page }, 0)
		gate := testorigin.NewGate()
		s.origin.Handle(path, append([]testorigin.Step{testorigin.Wait(gate)}, htmlPage(page)...)...)
		r := s.visit(t, v, path)
		await(t, "the request at the backend", gate.Arrived())
		r.readUntil(t, "<p>x</p>")
		gate.Open()
		body, end := r.rest(t)
		if unpad(body) != page || end != cleanEnd {
			t.Errorf("%s, %d bytes", end, len(body))
		}
		entries := s.c.logs.own(t, 1, path)
		if flushed, _ := entries[len(entries)-1]["flushed"].(float64); flushed <= limit/2 || flushed > limit {
			t.Errorf("%v bytes came early, want at most %d", flushed, limit)
		}
	})
}

// What the backend says in its header limits what is learned, and goes no further,
// whatever becomes of the response.
func TestShellWishes(t *testing.T) {
	page := bodyHead + bodyNav + bodyMain + bodyEnd
	tests := []struct {
		wish  string
		early string // "" if nothing comes early
	}{
		{"no-shell", bodyHead},
		{"No-Shell", bodyHead},
		{"x, no-shell", bodyHead},
		{"no-store", ""},
		{"no-shell, NO-STORE", ""},
		{"x", bodyHead + bodyNav + bodyMain},
	}
	for _, outer := range []string{"", "encode gzip"} {
		s := limitedSite(t, outer, "")
		eachProtocol(t, func(t *testing.T, v *visitor) {
			for i, test := range tests {
				t.Run(outer+" "+test.wish, func(t *testing.T) {
					path := fmt.Sprintf("/%s/%d", v.protocol, i)
					silent := func(r *reply, what string) {
						t.Helper()
						if got := r.Header["Headstart"]; got != nil {
							t.Errorf("%s: the visitor sees %q", what, got)
						}
					}
					answer := htmlPage(page, "Headstart", test.wish)
					s.origin.Handle(path, answer...)
					for range teachers {
						r := s.visit(t, v, path)
						r.rest(t)
						silent(r, "while learning")
					}
					if test.early == "" {
						r := s.visit(t, v, path)
						if body, end := r.rest(t); body != page || end != cleanEnd {
							t.Errorf("%s, %q", end, unpad(body))
						}
						silent(r, "not committed")
					} else {
						r, gate := s.held(t, v, path, test.early, answer)
						gate.Open()
						s.joins(t, r, path, test.early, page, "exact")
						silent(r, "committed")

						marker := s.parkedBehind(t, v, path, test.early, append([]string{"Set-Cookie", "a=b"}, "Headstart", test.wish), page)
						r = s.visit(t, v, path, "Cookie", marker)
						if body, end := r.rest(t); body != page || end != cleanEnd || r.Header.Get("Set-Cookie") != "a=b" {
							t.Errorf("the reload gets %s, %v, %q", end, r.Header, body)
						}
						silent(r, "collected")
					}
					s.origin.Handle(path, answer...)
					for what, change := range map[string]func(*http.Request){
						"POST": func(r *http.Request) { r.Method = http.MethodPost },
						"an image": func(r *http.Request) {
							r.Header.Set("Sec-Fetch-Dest", "image")
							r.Header.Set("Sec-Fetch-Mode", "no-cors")
						},
						"a tool": func(r *http.Request) { r.Header = http.Header{"User-Agent": {"curl/8"}} },
					} {
						req := navigate(t, v.url(t, s.c, "site", path))
						change(req)
						r := v.send(t, req)
						if body, end := r.rest(t); body != page || end != cleanEnd {
							t.Errorf("%s: %s, %q", what, end, body)
						}
						silent(r, what)
					}
				})
			}
		})
	}
}

// parkedBehind lets a page that came early have an answer that is parked.
func (s *earlySite) parkedBehind(t *testing.T, v *visitor, path, early string, header []string, page string) (marker string) {
	t.Helper()
	r, gate := s.held(t, v, path, early, htmlPage(page, header...))
	gate.Open()
	marker = r.marker(t)
	r.resp.Body.Close()
	s.logged(t, teachers+2, path)
	return marker
}
