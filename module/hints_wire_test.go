package module_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// wirePage asks for a stylesheet, which is sent early when the page is committed, and
// for an async script, which never is.
const (
	wirePage = lessonHead + `<script async src="/late.js"></script>` + lessonTail
	lateHint = "</late.js>; rel=preload; as=script"
)

// wireCookies is an answer that keeps its page from being committed: that it has hints
// is all that can be done for it.
func wireCookies(page string, namesAndValues ...string) []testorigin.Step {
	return lessonHTML(page, append([]string{"Set-Cookie", "first=visit"}, namesAndValues...)...)
}

// learn lets browsers teach a page, one in each dress, or as many as it takes if none
// is given.
func (l *lesson) learn(t *testing.T, v *visitor, site, path string, answer []testorigin.Step, dresses ...lessonDress) {
	t.Helper()
	if len(dresses) == 0 {
		dresses = lessonClass(undressed)
	}
	l.serve(path, answer)
	for _, dress := range dresses {
		if x := l.visit(t, v, site, path, dress); x.Status != http.StatusOK {
			t.Fatalf("teaching %s: status %d", path, x.Status)
		}
	}
}

// A preamble is what a visitor gets of a response before its body.
type preamble struct {
	Interim []interim // as they are
	Status  int
	Header  http.Header // but for the date, and the port in Alt-Svc
}

func preambleOf(r *reply) preamble {
	header := comparableHeader(r.Header)
	if r.Header["Date"] != nil {
		header["Date"] = []string{"…"}
	}
	return preamble{r.Interim, r.Status, header}
}

// hinting is a 103 response that holds nothing but Link.
func hinting(links ...string) []interim {
	return []interim{{http.StatusEarlyHints, http.Header{"Link": links}}}
}

// wireHeader is the header of a response by some protocol: what all have, and more.
func wireHeader(protocol string, more http.Header) http.Header {
	header := http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Date": {"…"}}
	if protocol == "h2" {
		header["Alt-Svc"] = []string{`h3=":port"; ma=2592000`}
	}
	maps.Copy(header, more)
	return header
}

// wireSites are a site for each value of early_hints, and one without Headstart.
func wireSites(t *testing.T, outer string, globalOptions ...string) *lesson {
	t.Helper()
	origin := startOrigin(t)
	var text strings.Builder
	for _, name := range []string{"bare", "auto", "on", "off"} {
		ours := ""
		if name != "bare" {
			ours = "headstart {\n\t\tmin_wait 0\n\t\tearly_hints " + name + "\n\t}"
		}
		fmt.Fprintf(&text, "\nhttp://:<%s>, https://example.test:<%[1]s_tls> {\n\tlog\n\t%s\n\t%s\n\treverse_proxy %s\n}\n", name, outer, ours, origin.Addr())
	}
	return startLesson(t, origin, text.String(), globalOptions...)
}

// All of a 103 response and of the header behind it: for a page that is only hinted, and
// for one that is committed.
func TestHintsOnTheWire(t *testing.T) {
	l := wireSites(t, "")
	eachProtocol(t, func(t *testing.T, v *visitor) {
		for site, hinted := range map[string][]string{"auto": {"h2", "h3"}, "on": protocols, "off": nil} {
			t.Run("early_hints "+site, func(t *testing.T) {
				var hints []interim
				if slices.Contains(hinted, v.protocol) {
					hints = hinting(lessonHint, lateHint)
				}
				path := "/" + v.protocol + "/" + site
				l.learn(t, v, site, path, wireCookies(wirePage))
				x := l.visit(t, v, site, path)
				// reverse_proxy names Caddy in Via, and takes Server away.
				want := preamble{hints, http.StatusOK, wireHeader(v.protocol, http.Header{"Set-Cookie": {"first=visit"}, "Via": {"1.1 Caddy"}})}
				if diff := cmp.Diff(want, preambleOf(x.reply)); diff != "" || x.body != wirePage {
					t.Errorf("hinted only (-want +got):\n%s%q", diff, x.body)
				}
				want.Interim = nil
				if diff := cmp.Diff(want, preambleOf(l.visit(t, v, "bare", path).reply)); diff != "" {
					t.Errorf("without Headstart (-want +got):\n%s", diff)
				}

				path += "/committed"
				l.learn(t, v, site, path, lessonHTML(wirePage))
				x = l.visit(t, v, site, path)
				want = preamble{hints, http.StatusOK, wireHeader(v.protocol, http.Header{"Cache-Control": {"private, no-cache"}, "Link": {lateHint}, "Server": {"Caddy"}})}
				if diff := cmp.Diff(want, preambleOf(x.reply)); diff != "" || x.headstart("level") != "shell" {
					t.Errorf("committed (-want +got):\n%slevel %v", diff, x.headstart("level"))
				}
			})
		}
	})
}

// rawNavigation is a browser's request as it stands on the wire.
func rawNavigation(t *testing.T, path, version string) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/%s\r\nHost: %s\r\n", path, version, host)
	if err := browserHeader.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String() + "\r\n"
}

// The bytes of HTTP/1.1, if that is wanted. HTTP/1.0 knows neither 103 nor the chunks of
// a response whose length is not known (RFC 9110 section 15.2).
func TestHintsInBytes(t *testing.T) {
	l := wireSites(t, "")
	v := newVisitor(t, "h1")
	const (
		hints    = "HTTP/1.1 103 Early Hints\r\nLink: " + lessonHint + "\r\nLink: " + lateHint + "\r\n\r\n"
		ordinary = " 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nSet-Cookie: first=visit\r\nVia: 1.1 Caddy\r\n"
		early    = " 200 OK\r\nCache-Control: private, no-cache\r\nContent-Type: text/html; charset=utf-8\r\nLink: " + lateHint + "\r\nServer: Caddy\r\n"
		chunked  = "Transfer-Encoding: chunked\r\n\r\n"
	)
	for _, test := range []struct {
		path    string
		answer  []testorigin.Step
		version string
		want    string // up to the body, without the date
	}{
		{"/hinted", wireCookies(wirePage), "1.1", hints + "HTTP/1.1" + ordinary + chunked},
		{"/committed", lessonHTML(wirePage), "1.1", hints + "HTTP/1.1" + early + chunked},
		{"/hinted", wireCookies(wirePage), "1.0", "HTTP/1.0" + ordinary + "\r\n"},
		{"/committed", lessonHTML(wirePage), "1.0", "HTTP/1.0 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nVia: 1.1 Caddy\r\n\r\n"},
	} {
		t.Run(test.path+" by HTTP/"+test.version, func(t *testing.T) {
			l.learn(t, v, "on", test.path, test.answer)
			conn := dialRaw(t, l.addr(t, "on"))
			conn.send(t, rawNavigation(t, test.path, test.version))
			all := conn.readUntil(t, "</html>")
			got, body, _ := strings.Cut(all, "\r\n\r\n")
			if interim := got; strings.Contains(interim, " 103 ") {
				got, body, _ = strings.Cut(body, "\r\n\r\n")
				got = interim + "\r\n\r\n" + got
			}
			// Caddy writes what it keeps of a header in the order of the names.
			if diff := cmp.Diff(test.want, dateLine.ReplaceAllString(got+"\r\n", "")+"\r\n"); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			l.seen[test.path]++
			logged := l.logs.access(t, l.seen[test.path], test.path)[l.seen[test.path]-1]
			if test.version == "1.1" {
				return
			}
			if body != wirePage || logged.field("headstart", "level") != "none" || logged.field("headstart", "reason") != "protocol" {
				t.Errorf("%v: %q", logged.field("headstart"), body)
			}
		})
	}
}

// A policy that says what may be fetched goes with the values; what else it says does
// not, nor one with a nonce.
func TestPolicyOfHints(t *testing.T) {
	const policy = "Content-Security-Policy"
	for _, test := range []struct{ outer, backend, want string }{
		{"", "default-src 'self'; frame-ancestors 'none'; style-src 'self'; upgrade-insecure-requests", "default-src 'self'; style-src 'self'"},
		{"", "frame-ancestors 'none'", ""},
		{"", "script-src 'nonce-bm9uY2U1'; style-src 'self'", ""},
		{"header " + policy + " \"img-src 'self'; base-uri 'none'\"", "", "img-src 'self'"},
	} {
		t.Run(test.outer+test.backend, func(t *testing.T) {
			l := keysSite(t, "", test.outer)
			v := newVisitor(t, "h2")
			answer := wireCookies(wirePage)
			if test.backend != "" {
				answer = wireCookies(wirePage, policy, test.backend)
			}
			l.learn(t, v, "site", "/", answer)
			want := hinting(lessonHint, lateHint)
			if test.want != "" {
				want[0].Header[policy] = []string{test.want}
			}
			if diff := cmp.Diff(want, l.visit(t, v, "site", "/").Interim); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// An awaited visit is one whose 103 response is here, while the backend waits at a gate.
type awaited struct {
	hint  interim
	gate  *testorigin.Gate
	final <-chan *reply
}

// awaitHint begins a visit, and returns when the visitor has read a 103 response, and the
// backend waits.
func (l *lesson) awaitHint(t *testing.T, v *visitor, site, path string) awaited {
	t.Helper()
	gate := testorigin.NewGate()
	l.origin.Handle(path, append([]testorigin.Step{testorigin.Wait(gate)}, l.pages[path]...)...)
	hints := make(chan interim, 16)
	req := navigate(t, v.url(t, l.caddyServer, site, path))
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints <- interim{code, http.Header(h).Clone()}
			return nil
		},
	}))
	final := make(chan *reply, 1)
	go func() { final <- v.send(t, req) }()
	a := awaited{await(t, "a 103 response", hints), gate, final}
	await(t, "the request at the backend", gate.Arrived())
	l.origin.Handle(path, l.pages[path]...)
	return a
}

// The visitor has the 103 response before the backend has said anything, and in front of
// a commit the opening, too.
func TestHintsComeFirst(t *testing.T) {
	for _, outer := range []string{"", "encode gzip", "templates", "header >X-Deferred one"} {
		t.Run("behind "+outer, func(t *testing.T) {
			l := wireSites(t, outer)
			eachProtocol(t, func(t *testing.T, v *visitor) {
				path := "/" + v.protocol
				l.learn(t, v, "on", path, wireCookies(wirePage))
				a := l.awaitHint(t, v, "on", path)
				if diff := cmp.Diff(hinting(lessonHint, lateHint), []interim{a.hint}); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				select {
				case r := <-a.final:
					t.Errorf("status %d before the backend answers", r.Status)
				default:
				}
				a.gate.Open()
				if x := l.end(t, path, await(t, "the answer", a.final)); x.Status != http.StatusOK || x.body != wirePage || len(x.Interim) != 1 {
					t.Errorf("status %d, %v, %q", x.Status, x.Interim, x.body)
				}

				if outer == "templates" {
					return // it holds responses back: a page is not committed for long
				}
				path += "/committed"
				l.learn(t, v, "on", path, lessonHTML(wirePage))
				a = l.awaitHint(t, v, "on", path)
				r := await(t, "the header", a.final)
				r.readUntil(t, lessonMark)
				if len(r.Interim) != 1 || r.Status != http.StatusOK {
					t.Errorf("status %d, %v", r.Status, r.Interim)
				}
				r.stillOpen(t)
				a.gate.Open()
				if x := l.end(t, path, r); x.end != cleanEnd || !strings.HasSuffix(x.body, "</html>") {
					t.Errorf("%s, %q", x.end, x.body)
				}
			})
		})
	}
}
