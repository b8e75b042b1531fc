package module_test

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
	"github.com/headstart-proxy/headstart/module"
)

// A page with a head of some length. No white space follows the doctype, so that
// padding can be told from it.
const (
	doctype  = "<!doctype html>"
	pageHead = doctype + `<html lang="en"><head><meta charset="utf-8">` +
		`<link rel="stylesheet" href="/a.css"><script src="/a.js" defer></script><title>A page</title>`
	pageRest  = "</head>\n<body><h1>What is new</h1><p>x &amp; y</p></body></html>\n"
	wholePage = pageHead + pageRest
)

// A level is one at which a response is committed, the value of flush.
type level string

const (
	head  level = "head"
	shell level = "shell" // the default
)

// eachLevel runs a subtest at each level.
func eachLevel(t *testing.T, test func(t *testing.T, at level)) {
	t.Helper()
	for _, at := range []level{head, shell} {
		t.Run(string(at), func(t *testing.T) { test(t, at) })
	}
}

// opening is what comes early of a wholePage.
func (at level) opening() string {
	if at == head {
		return pageHead
	}
	return strings.TrimSuffix(wholePage, shellRest)
}

// shellRest is what is left of a wholePage behind its shell.
const shellRest = "</body></html>\n"

// rest is what is left of a wholePage.
func (at level) rest() string { return strings.TrimPrefix(wholePage, at.opening()) }

// late is what a visitor got behind the opening of a wholePage.
func (at level) late(t *testing.T, body string) string {
	t.Helper()
	late, ok := strings.CutPrefix(unpad(body), at.opening())
	if !ok {
		t.Fatalf("the early bytes are gone: %q", unpad(body))
	}
	return late
}

// committed reports whether a level of the log is one of a commit.
func committed(logged any) bool { return logged == string(head) || logged == string(shell) }

// earlySite is a site with Headstart in front of an origin.
type earlySite struct {
	c      *caddyServer
	origin *testorigin.Origin
	level
}

// startEarly starts a site that commits at a level, for crawlers, too. The directives come before
// headstart's block or in front of the site; an empty string changes nothing.
func startEarly(t *testing.T, at level, directives string, afterSite ...string) *earlySite {
	t.Helper()
	t.Cleanup(module.SetMaxReloaded(math.MaxInt)) // these pages load again on purpose
	return startSite(t, at, directives, fmt.Sprintf("flush %s\ncrawlers %[1]s", at), "", strings.Join(afterSite, "\n"))
}

// startSite starts a site that commits at a level. outer stands in front of headstart,
// options are its lines, proxy is the block of reverse_proxy, and after stands behind;
// each may be empty.
func startSite(t *testing.T, at level, outer, options, proxy, after string) *earlySite {
	t.Helper()
	origin := startOrigin(t)
	return &earlySite{startCaddy(t, fmt.Sprintf(`
http://:<site>, https://example.test:<site_tls> {
	log
	%s
	headstart {
		min_wait 0
		%s
	}
	reverse_proxy %s %s
	%s
}
`, outer, options, origin.Addr(), proxy, after)), origin, at}
}

// htmlPage is the script of a backend that answers at once.
func htmlPage(body string, namesAndValues ...string) []testorigin.Step {
	return []testorigin.Step{testorigin.Header(http.StatusOK, htmlHeader(namesAndValues)...), testorigin.Write(body)}
}

func htmlHeader(namesAndValues []string) []string {
	return append([]string{"Content-Type", "text/html; charset=utf-8"}, namesAndValues...)
}

// visit sends one navigation.
func (s *earlySite) visit(t *testing.T, v *visitor, path string, namesAndValues ...string) *reply {
	t.Helper()
	req := navigate(t, v.url(t, s.c, "site", path))
	for i := 0; i < len(namesAndValues); i += 2 {
		req.Header.Set(namesAndValues[i], namesAndValues[i+1])
	}
	return v.send(t, req)
}

// teach lets visitors teach a page until it is committed.
func (s *earlySite) teach(t *testing.T, v *visitor, path, body string, namesAndValues ...string) {
	t.Helper()
	s.origin.Handle(path, htmlPage(body, namesAndValues...)...)
	for range 3 {
		r := s.visit(t, v, path)
		if text, end := r.rest(t); r.Status != http.StatusOK || unpad(text) != body || end != cleanEnd {
			t.Fatalf("while learning: %d, %s, %q", r.Status, end, unpad(text))
		}
	}
}

// early sends a navigation whose answer waits at a gate, and returns when the
// visitor has read the learned opening.
func (s *earlySite) early(t *testing.T, v *visitor, path string, answer []testorigin.Step, namesAndValues ...string) (*reply, *testorigin.Gate) {
	t.Helper()
	gate := testorigin.NewGate()
	s.origin.Handle(path, append([]testorigin.Step{testorigin.Wait(gate)}, answer...)...)
	r := s.visit(t, v, path, namesAndValues...)
	await(t, "the request at the backend", gate.Arrived())
	want := s.opening()
	if got := unpad(r.readUntil(t, want[len(want)-len("</title>"):])); got != want {
		t.Fatalf("early bytes are %q, want %q", got, want)
	}
	r.stillOpen(t)
	return r, gate
}

// unpad takes the padding out of a page.
func unpad(body string) string {
	if rest, ok := strings.CutPrefix(body, doctype); ok {
		return doctype + strings.TrimLeft(rest, "\n")
	}
	return body
}

// The visitor has status, headers and the whole learned opening before the backend
// answers, and in the end the backend's page, byte for byte.
func TestEarly(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		bodies := map[string][]testorigin.Step{
			"chunked":        htmlPage(wholePage),
			"content-length": htmlPage(wholePage, "Content-Length", strconv.Itoa(len(wholePage))),
			"bytewise":       {testorigin.Header(http.StatusOK, htmlHeader(nil)...), testorigin.Bytewise(wholePage)},
		}
		for _, outer := range []string{"", "encode zstd gzip"} {
			t.Run("outer "+outer, func(t *testing.T) {
				s := startEarly(t, at, outer)
				eachProtocol(t, func(t *testing.T, v *visitor) {
					s.teach(t, v, "/", wholePage)
					for _, coding := range []string{"identity", "gzip", "zstd"} {
						for name, body := range bodies {
							t.Run(coding+" "+name, func(t *testing.T) {
								r, gate := s.early(t, v, "/", body, "Accept-Encoding", coding)
								if r.Status != http.StatusOK || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
									t.Errorf("%d %v", r.Status, r.Header)
								}
								if got := r.Header.Get("Cache-Control"); got != "private, no-cache" {
									t.Errorf("Cache-Control is %q", got)
								}
								if got := r.Header.Get("Content-Encoding"); outer != "" && coding != "identity" && got != coding || outer == "" && got != "" {
									t.Errorf("Content-Encoding is %q", got)
								}
								gate.Open()
								body, end := r.rest(t)
								if got := unpad(body); got != wholePage || end != cleanEnd {
									t.Errorf("%s, %q", end, got)
								}
							})
						}
					}
				})
			})
		}
	})
}

// Wherever the backend's writes are cut.
func TestEarlySplitAtEveryByte(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, "")
		v := newVisitor(t, "h1")
		s.teach(t, v, "/", wholePage)
		for cut := range len(wholePage) {
			s.origin.Handle("/", testorigin.Header(http.StatusOK, htmlHeader(nil)...),
				testorigin.Write(wholePage[:cut]), testorigin.Write(wholePage[cut:]))
			body, end := s.visit(t, v, "/").rest(t)
			if got := unpad(body); got != wholePage || end != cleanEnd {
				t.Fatalf("cut at %d: %s, %q", cut, end, got)
			}
		}
		metrics := s.c.metrics(t)
		if n := metrics[`caddy_headstart_outcomes_total{audience="anonymous",outcome="exact"}`]; int(n) < len(wholePage) {
			t.Errorf("%v exact outcomes", n)
		}
	})
}

// What comes after the opening is not held back for more.
func TestStreamsOn(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, "encode gzip")
		next := map[level]string{head: "</head><body>", shell: "<p>"}[at]
		eachProtocol(t, func(t *testing.T, v *visitor) {
			s.teach(t, v, "/", wholePage)
			second := testorigin.NewGate()
			r, first := s.early(t, v, "/", []testorigin.Step{
				testorigin.Header(http.StatusOK, htmlHeader(nil)...),
				testorigin.Write(s.opening() + next + "one"), testorigin.Wait(second), testorigin.Write("two"),
			})
			first.Open()
			await(t, "the second part", second.Arrived())
			r.readUntil(t, next+"one")
			r.stillOpen(t)
			second.Open()
			if body, end := r.rest(t); !strings.HasSuffix(body, "onetwo") || end != cleanEnd {
				t.Errorf("%s, %q", end, body)
			}
		})
	})
}

// Headers: what is learned comes early, what is never replayed does not, and
// nothing of the backend's gets in late.
func TestEarlyHeaders(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, `header X-Outer outer
		header {
			X-Deferred deferred
			defer
		}`)
		learned := []string{
			"X-Frame-Options", "DENY", "Link", "</a.css>; rel=preload; as=style", "Content-Security-Policy", "img-src 'self'",
			"Etag", `"x"`, "Age", "3", "Cache-Control", "public, max-age=60",
		}
		eachProtocol(t, func(t *testing.T, v *visitor) {
			s.teach(t, v, "/", wholePage, append(learned, "X-Request-Id", "1")...)
			for i := range 2 { // an id that was the same each time is different now
				r, gate := s.early(t, v, "/", htmlPage(wholePage, append(learned, "X-Request-Id", "2", "X-Runtime", "3", "Server-Timing", "db;dur=1")...))
				gate.Open()
				r.rest(t)
				want := map[string]string{
					"X-Outer": "outer", "X-Deferred": "deferred", "X-Frame-Options": "DENY", "Link": learned[3],
					"Content-Security-Policy": "img-src 'self'", "Cache-Control": "private, no-cache", "Content-Type": "text/html; charset=utf-8",
					"Etag": "", "Age": "", "X-Runtime": "", "Server-Timing": "", "Via": "",
				}
				for name, value := range want {
					if got := strings.Join(r.Header[name], " | "); got != value {
						t.Errorf("visit %d: %s is %q, want %q", i, name, got, value)
					}
				}
			}
		})
	})
}

// A committed Content-Type names the charset that the document names.
func TestEarlyCharset(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, "")
		v := newVisitor(t, "h1")
		s.origin.Handle("/", testorigin.Header(http.StatusOK, "Content-Type", "text/html"), testorigin.Write(wholePage))
		for range 3 {
			s.visit(t, v, "/").rest(t)
		}
		r, gate := s.early(t, v, "/", []testorigin.Step{testorigin.Header(http.StatusOK, "Content-Type", "text/html"), testorigin.Write(wholePage)})
		if got := r.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
			t.Errorf("Content-Type is %q", got)
		}
		gate.Open()
		if body, end := r.rest(t); unpad(body) != wholePage || end != cleanEnd {
			t.Errorf("%s, %q", end, body)
		}
	})
}

// The first write is one that WebKit paints, and encode compresses.
func TestPaddingOnTheWire(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, "")
		v := newVisitor(t, "h1")
		s.teach(t, v, "/", wholePage)
		r, gate := s.early(t, v, "/", htmlPage(wholePage))
		if text, _ := r.soFar(); len(text) < 1024 {
			t.Errorf("%d bytes came early", len(text))
		}
		gate.Open()
		r.rest(t)
	})
}
