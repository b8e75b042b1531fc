package module_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dom "golang.org/x/net/html"

	"github.com/headstart-proxy/headstart/internal/domtest"
	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// A surprise is an answer that a commit did not foresee.
type surprise struct {
	name    string
	answer  []testorigin.Step
	outcome string
	end     ending // cleanEnd, or anything else for an abort
	has     string // what the visitor must have got; pageRest stands for what is left at the level
	lacks   string // what must not be there
}

// bodySurprises are those that end otherwise where a part of the body was sent.
var bodySurprises = map[string]struct{ outcome, has string }{
	"503 with a page that begins alike":  {"failed", "<title>Oops</title>"},
	"500 with the very page":             {"failed", noIndexed + "<script data-headstart>"},
	"404 with the same head":             {"failed", noIndexed + "<script data-headstart>"},
	"a document that ends with its head": {"reloaded", reloads}, // it has no body tag
}

// at returns the surprise as it is at a level.
func (test surprise) at(at level) surprise {
	test.has, test.lacks = strings.ReplaceAll(test.has, pageRest, at.rest()), strings.ReplaceAll(test.lacks, pageRest, at.rest())
	if other, ok := bodySurprises[test.name]; ok && at == shell {
		test.outcome, test.has = other.outcome, other.has
		if other.outcome == "reloaded" {
			test.end, test.lacks = anyAbort, at.rest()
		}
	}
	return test
}

// errorTexts are what the body of an error page may say: the backend's, the site's,
// a short one, or that of the very page.
var errorTexts = regexp.MustCompile(`^(own page|site & error 50\d|5\d\d [A-Z][A-Za-z ]+The page could not be loaded. Please try again later.|What is newx & y)\s*$`)

// shown returns the text of a page when its scripts have run.
func shown(t *testing.T, page string) string {
	t.Helper()
	tree, err := domtest.Parse([]byte(page))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := domtest.Repair(tree, recovery.Prefix); err != nil {
		t.Errorf("%v: %q", err, page)
	}
	var text strings.Builder
	for n := range tree.Descendants() {
		if n.Type == dom.TextNode && n.Parent.Data != "title" && n.Parent.Data != "script" {
			text.WriteString(n.Data)
		}
	}
	return strings.TrimSpace(text.String())
}

const (
	anyAbort  = ending("any abort")
	reloads   = `({"cookie":"`
	noIndexed = `<meta name="robots" content="noindex">`
	secret    = "not for this document"
)

// answers200 is a page with other headers.
func answers200(namesAndValues ...string) []testorigin.Step {
	return htmlPage(wholePage, namesAndValues...)
}

// withStatus is an answer with a body that must not be shown as it is.
func withStatus(status int, namesAndValues ...string) []testorigin.Step {
	return []testorigin.Step{testorigin.Header(status, namesAndValues...), testorigin.Write(secret)}
}

// bare is an answer that can have no body.
func bare(status int, namesAndValues ...string) []testorigin.Step {
	return []testorigin.Step{testorigin.Header(status, namesAndValues...)}
}

func redirectTo(location string, namesAndValues ...string) []testorigin.Step {
	return withStatus(http.StatusFound, append(namesAndValues, "Location", location)...)
}

// errorDoc is a backend's error page.
func errorDoc(status int, body string, namesAndValues ...string) []testorigin.Step {
	return []testorigin.Step{testorigin.Header(status, htmlHeader(namesAndValues)...), testorigin.Write(body)}
}

const (
	ownErrorPage   = doctype + "<html><head><title>Oops</title></head><body>own page</body></html>"
	sharedHeadPage = doctype + `<html lang="en"><head><meta charset="utf-8"><link rel="stylesheet" href="/a.css">` +
		`<title>Oops</title></head><body>own page</body></html>`
)

var surprises = []surprise{
	// 429, 5xx and no answer: an error page as a complete document.
	{"500 with a page", errorDoc(500, ownErrorPage), "failed", cleanEnd, "</head><body>own page", reloads},
	{"429 with a page", errorDoc(429, ownErrorPage), "failed", cleanEnd, "</head><body>own page", reloads},
	{
		"503 with a page that begins alike", errorDoc(503, sharedHeadPage), "failed", cleanEnd,
		"<title>Oops</title>" + noIndexed, reloads,
	},
	{"500 with the very page", errorDoc(500, wholePage), "failed", cleanEnd, noIndexed + pageRest, reloads},
	{"500 with a cookie", errorDoc(500, ownErrorPage, "Set-Cookie", "a=b"), "failed", cleanEnd, noIndexed, "own page"},
	{"500 that protects otherwise", errorDoc(500, ownErrorPage, "X-Frame-Options", "DENY"), "failed", cleanEnd, noIndexed, "own page"},
	{"500 in plain text", withStatus(500, "Content-Type", "text/plain"), "failed", cleanEnd, noIndexed, secret},
	{"500 compressed", errorDoc(500, ownErrorPage, "Content-Encoding", "gzip"), "failed", cleanEnd, noIndexed, "own page"},
	{"503 without a page", bare(503, htmlHeader([]string{"Content-Length", "0"})...), "failed", cleanEnd, "</html>", reloads},
	{"503 with Retry-After", errorDoc(503, ownErrorPage, "Retry-After", "60"), "failed", cleanEnd, "own page", reloads},
	{"499 of the backend's own", errorDoc(499, ownErrorPage), "reloaded", anyAbort, reloads, "own page"},
	{"closed before the header", []testorigin.Step{testorigin.TakeOver(), testorigin.Close()}, "failed", cleanEnd, noIndexed, reloads},
	{"reset before the header", []testorigin.Step{testorigin.TakeOver(), testorigin.Abort()}, "failed", cleanEnd, noIndexed, reloads},
	{"no HTTP", []testorigin.Step{testorigin.TakeOver(), testorigin.Write("hello\r\n\r\n"), testorigin.Close()}, "failed", cleanEnd, noIndexed, "hello"},
	{"header timed out", []testorigin.Step{testorigin.Hang()}, "failed", cleanEnd, noIndexed, reloads},

	// What asks for the plain answer.
	{"Set-Cookie", answers200("Set-Cookie", "a=b"), "reloaded", anyAbort, reloads, pageRest},
	{"Clear-Site-Data", answers200("Clear-Site-Data", `"*"`), "reloaded", anyAbort, reloads, pageRest},
	{"Refresh", answers200("Refresh", "5"), "reloaded", anyAbort, reloads, pageRest},
	{"Content-Disposition", answers200("Content-Disposition", "attachment"), "reloaded", anyAbort, reloads, pageRest},
	{"401", withStatus(401, "Www-Authenticate", "Basic"), "reloaded", anyAbort, reloads, secret},
	{"421", withStatus(421), "reloaded", anyAbort, reloads, secret},
	{"425", withStatus(425), "reloaded", anyAbort, reloads, secret},
	{"204", bare(204), "reloaded", anyAbort, reloads, secret},
	{"205", bare(205), "reloaded", anyAbort, reloads, secret},
	{"206", withStatus(206), "reloaded", anyAbort, reloads, secret},
	{"304", bare(304), "reloaded", anyAbort, reloads, secret},
	{"201", errorDoc(201, wholePage), "reloaded", anyAbort, reloads, pageRest},
	{"another type", []testorigin.Step{testorigin.Header(200, "Content-Type", "text/plain; charset=utf-8"), testorigin.Write(wholePage)}, "reloaded", anyAbort, reloads, pageRest},
	{"another charset", []testorigin.Step{testorigin.Header(200, "Content-Type", "text/html; charset=iso-8859-1"), testorigin.Write(wholePage)}, "reloaded", anyAbort, reloads, pageRest},
	{"no type", []testorigin.Step{testorigin.Header(200), testorigin.Write(wholePage)}, "reloaded", anyAbort, reloads, pageRest},
	{"a coding", answers200("Content-Encoding", "gzip"), "reloaded", anyAbort, reloads, pageRest},
	{"a protective header more", answers200("X-Frame-Options", "DENY"), "reloaded", anyAbort, reloads, pageRest},
	{"a policy", answers200("Content-Security-Policy", "default-src 'none'"), "reloaded", anyAbort, reloads, pageRest},
	{"no-store", answers200("Cache-Control", "no-store"), "reloaded", anyAbort, reloads, pageRest},
	{"trailers", answers200("Trailer", "X-Sum"), "reloaded", anyAbort, reloads, pageRest},

	// Redirects.
	{"redirect", redirectTo("/login?next=1"), "redirected", anyAbort, `/login?next=1"})</script>`, secret},
	{"redirect to another site", redirectTo("https://b.example/x"), "redirected", anyAbort, `"https://b.example/x"`, secret},
	{"redirect with markup", redirectTo("/a?</script><script>alert(1)</script>"), "redirected", anyAbort, `({"url":`, "<script>alert"},
	{"redirect with a cookie", redirectTo("/login", "Set-Cookie", "a=b"), "reloaded", anyAbort, reloads, "/login"},
	{"redirect to itself", redirectTo("#part"), "reloaded", anyAbort, reloads, "#part"},
	{"redirect to a script", redirectTo("javascript:alert(1)"), "reloaded", anyAbort, reloads, "alert"},
	{"redirect to an app", redirectTo("app://open"), "reloaded", anyAbort, reloads, "app:"},
	{"redirect with userinfo", redirectTo("https://a:b@c.example/"), "reloaded", anyAbort, reloads, "c.example"},
	{"redirect to nowhere", withStatus(http.StatusFound), "reloaded", anyAbort, reloads, secret},

	// Other 4xx.
	{"404 with the same head", errorDoc(404, wholePage), "failed", cleanEnd, noIndexed + pageRest, reloads},
	{"404 with another page", errorDoc(404, ownErrorPage), "reloaded", anyAbort, reloads, "own page"},
	{"404 in plain text", withStatus(404, "Content-Type", "text/plain"), "reloaded", anyAbort, reloads, secret},

	// 200 with another document.
	{"another title", htmlPage(strings.Replace(wholePage, "A page", "B page", 1)), "repaired", cleanEnd, `({"edits":[{"over":{"tag":"title"`, reloads},
	{"another meta", htmlPage(strings.Replace(wholePage, "<title>", "<meta name=x><title>", 1)), "merged", cleanEnd, "<meta name=x>", reloads},
	{"another script", htmlPage(strings.Replace(wholePage, "<link ", "<script>x</script><link ", 1)), "reloaded", anyAbort, reloads, pageRest},
	{"a shorter document", htmlPage(pageHead[:len(pageHead)-3]), "reloaded", anyAbort, reloads, pageRest},
	{"a document that ends with its head", htmlPage(strings.TrimSuffix(pageHead, "<title>A page</title>")), "repaired", cleanEnd, `({"edits":`, reloads},
	{"an empty document", bare(200, htmlHeader([]string{"Content-Length", "0"})...), "reloaded", anyAbort, reloads, pageRest},

	// It dies inside the body.
	{"reset inside the head", append(htmlPage(pageHead[:60]), testorigin.Abort()), "aborted", anyAbort, "", reloads},
	{"reset inside the body", append(htmlPage(pageHead+"</head>\n<body>"), testorigin.Abort()), "aborted", anyAbort, "", reloads},
	{"reset behind the opening", append(htmlPage(strings.TrimSuffix(wholePage, shellRest)+"x"), testorigin.Abort()), "aborted", anyAbort, "", reloads},
	{"a short Content-Length", append(htmlPage(wholePage, "Content-Length", "9999"), testorigin.Close()), "aborted", anyAbort, "", reloads},
	{"closed inside a chunk", []testorigin.Step{
		testorigin.TakeOver(), testorigin.Write("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + pageHead[:9]), testorigin.Close(),
	}, "aborted", anyAbort, "", reloads},

	// What is no surprise.
	{"103 too late", append([]testorigin.Step{testorigin.Informational(103, "Link", "</b.css>; rel=preload")}, htmlPage(wholePage)...), "exact", cleanEnd, pageRest, reloads},
	{"harmless headers", answers200("X-Request-Id", "1", "Link", "</b>; rel=preload"), "exact", cleanEnd, pageRest, reloads},
	{"a laxer Cache-Control", answers200("Cache-Control", "public, max-age=3600"), "exact", cleanEnd, pageRest, reloads},
	{"a trailer unannounced", append(htmlPage(wholePage), testorigin.Trailer("X-Sum", "1")), "exact", cleanEnd, pageRest, reloads},
}

// Every answer, on every protocol, with and without encode and handle_errors,
// ends as the table says: well, or so that everybody can see that it did not.
func TestSurprises(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		const errors = `handle_errors {
			respond "site & error {err.status_code}"
		}`
		for _, site := range []struct {
			name, outer, after string
			protocols          []string
		}{
			{"plain", "", "", protocols},
			{"encode and handle_errors", "encode gzip", errors, protocols},
			{"encode", "encode zstd", "", []string{"h2"}},
			{"handle_errors", "", errors, []string{"h1"}},
		} {
			t.Run(site.name, func(t *testing.T) {
				s := startSurprises(t, at, site.outer, site.after)
				for _, protocol := range site.protocols {
					t.Run(protocol, func(t *testing.T) {
						for i, test := range surprises {
							t.Run(test.name, func(t *testing.T) {
								v := newVisitor(t, protocol)
								test.run(t, s, v, fmt.Sprintf("/%s/%d", protocol, i), site.after != "")
							})
						}
					})
				}
			})
		}
	})
}

// startSurprises starts a site whose proxy does not wait for a header for long.
func startSurprises(t *testing.T, at level, outer, after string) *earlySite {
	t.Helper()
	const proxy = "{\ntransport http {\nresponse_header_timeout 1s\n}\n}"
	return startSite(t, at, outer, "flush "+string(at), proxy, after)
}

func (test surprise) run(t *testing.T, s *earlySite, v *visitor, path string, handlesErrors bool) {
	test = test.at(s.level)
	s.teach(t, v, path, wholePage)
	r, gate := s.early(t, v, path, test.answer)
	gate.Open()
	marker := ""
	if test.outcome == "reloaded" || test.outcome == "redirected" {
		// The response stays open until the visitor has left. TestLingerEnds
		// shows what happens to one who does not.
		r.readUntil(t, "</noscript>")
		r.stillOpen(t)
		if test.outcome == "reloaded" {
			marker = r.marker(t)
		}
		r.resp.Body.Close()
	}
	body, end := r.rest(t)
	body = unpad(body)
	late := s.late(t, body)
	if clean := test.end == cleanEnd; clean == end.aborted() {
		t.Errorf("ended with %q, want %q", end, test.end)
	}
	if !strings.Contains(late, test.has) {
		t.Errorf("%q lacks %q", late, test.has)
	}
	if test.lacks != "" && strings.Contains(late, test.lacks) {
		t.Errorf("%q has %q", late, test.lacks)
	}
	if strings.Count(body, "<link ") != 1 && test.outcome != "reloaded" {
		t.Errorf("the stylesheet comes more than once: %q", body)
	}
	if test.outcome == "failed" {
		if !strings.HasSuffix(strings.TrimSpace(late), "</html>") {
			t.Errorf("not a complete document: %q", late)
		}
		if !strings.Contains(late, noIndexed) {
			t.Errorf("%q may be indexed", late)
		}
		text := shown(t, body)
		if !errorTexts.MatchString(text) || handlesErrors && strings.Contains(text, "try again") {
			t.Errorf("the visitor sees %q", text)
		}
	}
	if got := s.logged(t, 4, path).field("headstart", "outcome"); got != test.outcome {
		t.Errorf("outcome %v, want %s", got, test.outcome)
	}
	visits := 4
	if marker != "" && !strings.HasSuffix(marker, "none") { // of an answer that was none, nothing is parked
		test.collect(t, s, v, path, marker)
		visits += 2
	}

	// The next visit is not committed after a surprise, but for a head that was right, and
	// brings the truth.
	s.origin.Handle(path, htmlPage(wholePage)...)
	if body, end := s.visit(t, v, path).rest(t); unpad(body) != wholePage || end != cleanEnd {
		t.Errorf("the next visit: %s, %q", end, body)
	}
	entry := s.logged(t, visits+1, path)
	level := entry.field("headstart", "level")
	want := !slices.Contains([]string{"reloaded", "redirected", "failed", "aborted"}, test.outcome)
	if test.outcome == "reloaded" && bodySurprises[test.name].outcome == "reloaded" {
		want = true
	}
	if committed(level) != want {
		t.Errorf("the next visit has level %v (%v), committed should be %v", level, entry.field("headstart", "reason"), want)
	}
}

// collect is the reload: it gets what a plain request would have got.
func (test surprise) collect(t *testing.T, s *earlySite, v *visitor, path, marker string) {
	t.Helper()
	s.origin.Handle(path, test.answer...)
	plain := s.visit(t, v, path, "Cache-Control", "no-cache") // a hard reload
	want, wantEnd := plain.rest(t)
	s.origin.Handle(path, testorigin.Header(http.StatusTeapot))
	r := s.visit(t, v, path, "Cookie", marker)
	got, gotEnd := r.rest(t)
	if got != want || gotEnd.aborted() != wantEnd.aborted() || r.Status != plain.Status {
		t.Errorf("the reload gets %d, %q, %s; want %d, %q, %s", r.Status, got, gotEnd, plain.Status, want, wantEnd)
	}
	for _, name := range []string{"Set-Cookie", "Content-Type", "Content-Security-Policy", "Location", "Cache-Control", "X-Frame-Options"} {
		sniffed := name == "Content-Type" && plain.Header[name] == nil // by net/http, or not, if the backend gives none
		if diff := cmp.Diff(plain.Header[name], r.Header[name]); diff != "" && !sniffed {
			t.Errorf("%s (-plain +reload): %s", name, diff)
		}
	}
}
