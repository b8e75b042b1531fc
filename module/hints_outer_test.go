package module_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// outerHandlers stand outside Headstart: each by itself, and all together.
var outerHandlers = map[string]string{
	"encode":               "encode gzip",
	"header, immediate":    "header X-Outer one",
	"header, to set":       "header >X-Outer one",
	"header, to add":       "header +X-Outer one {\n\t\tdefer\n\t}",
	"header, to take away": "header {\n\t\t-Server\n\t\t-Via\n\t}",
	"push":                 "push",
	"push, of a file":      "push /pushed.css",
	"templates":            "templates",
	"all":                  "encode gzip\n\theader +X-Outer one {\n\t\tdefer\n\t}\n\theader X-Other two\n\tpush\n\ttemplates",
	"handle_errors":        "handle_errors {\n\t\trespond \"sorry: {err.status_code}\"\n\t}",
	"encode and handle_errors": "encode gzip\n\theader +X-Outer one {\n\t\tdefer\n\t}\n\t" +
		"handle_errors {\n\t\theader X-Sorry yes\n\t\trespond \"sorry: {err.status_code}\"\n\t}",
}

// What outer handlers make of a response behind a 103 is what they make of it without
// Headstart, whether the backend answers, refuses or breaks down. The 103 itself is not
// for them.
func TestHintsBehindOuterHandlers(t *testing.T) {
	own103 := testorigin.Informational(http.StatusEarlyHints, "Link", "</other.css>; rel=preload; as=style")
	answers := map[string][]testorigin.Step{
		"a page":                    wireCookies(wirePage),
		"an empty page":             {testorigin.Header(http.StatusOK, "Content-Type", "text/html; charset=utf-8", "Content-Length", "0")},
		"an error of the backend":   {testorigin.Header(http.StatusInternalServerError, "Content-Type", "text/html; charset=utf-8"), testorigin.Write("no")},
		"no answer":                 {testorigin.Abort()},
		"an answer without a body":  {testorigin.Header(http.StatusNoContent)},
		"a page that breaks off":    {testorigin.Header(http.StatusOK, "Content-Type", "text/html; charset=utf-8"), testorigin.Write(lessonHead), testorigin.Abort()},
		"a page that pushes itself": wireCookies(wirePage, "Link", "</own.css>; rel=preload; as=style"),
	}
	for what, answer := range maps.Clone(answers) { // it is swallowed, as if there were none
		answers[what+" behind a 103"] = append([]testorigin.Step{own103}, answer...)
	}
	for name, outer := range outerHandlers {
		t.Run(name, func(t *testing.T) {
			l := wireSites(t, outer)
			spoken := []string{"h1", "h2"}
			if name == "all" {
				spoken = protocols
			}
			for _, protocol := range spoken {
				v := newVisitor(t, protocol)
				for what, answer := range answers {
					if v.protocol == "h3" && strings.Contains(what, "breaks off") {
						continue // what was sent may get lost with the reset (RFC 9000 section 3.3)
					}
					path := "/" + v.protocol + "/" + slug(what)
					l.learn(t, v, "on", path, wireCookies(wirePage))
					l.serve(path, answer)
					got := l.visit(t, newVisitor(t, v.protocol), "on", path)
					if diff := cmp.Diff(hinting(lessonHint, lateHint), got.Interim); diff != "" {
						t.Errorf("%s, %s: interim responses (-want +got):\n%s", protocol, what, diff)
					}
					l.serve(path, answers[strings.TrimSuffix(what, " behind a 103")])
					want := l.visit(t, newVisitor(t, v.protocol), "bare", path)
					if diff := cmp.Diff(answerTo(want), answerTo(got)); diff != "" {
						t.Errorf("%s, %s (-without Headstart +with):\n%s", protocol, what, diff)
					}
					for _, field := range []string{"status", "size", "resp_headers"} {
						if diff := cmp.Diff(loggedField(want, field), loggedField(got, field)); diff != "" {
							t.Errorf("%s: %s in the access log (-without Headstart +with):\n%s", what, field, diff)
						}
					}
					if _, ok := got.log["duration"].(float64); !ok {
						t.Errorf("%s: duration %v in the access log", what, got.log["duration"])
					}
				}
			}
		})
	}
}

// loggedField is a field of the access log, without what differs between any two responses.
func loggedField(x lessonVisit, name string) any {
	v := x.log.field(name)
	if header, ok := v.(map[string]any); ok {
		header = maps.Clone(header)
		delete(header, "Date")
		delete(header, "Alt-Svc") // names the site's port
		return header
	}
	return v
}

// In front of a commit, too: what outer handlers add to a response is there once.
func TestCommitBehindOuterHandlers(t *testing.T) {
	want := map[string]http.Header{
		"encode":               {"Content-Encoding": {"gzip"}, "Vary": {"Accept-Encoding"}, "Server": {"Caddy"}},
		"header, immediate":    {"X-Outer": {"one"}, "Server": {"Caddy"}},
		"header, to set":       {"X-Outer": {"one"}, "Server": {"Caddy"}},
		"header, to add":       {"X-Outer": {"one"}, "Server": {"Caddy"}},
		"header, to take away": {},
		"push":                 {"Server": {"Caddy"}},
		"handle_errors":        {"Server": {"Caddy"}},
	}
	for name, more := range want {
		t.Run(name, func(t *testing.T) {
			l := wireSites(t, outerHandlers[name])
			eachProtocol(t, func(t *testing.T, v *visitor) {
				path := "/" + v.protocol
				l.learn(t, v, "on", path, lessonHTML(wirePage))
				x := l.visit(t, v, "on", path)
				header := wireHeader(v.protocol, http.Header{"Cache-Control": {"private, no-cache"}, "Link": {lateHint}})
				maps.Copy(header, more)
				want := preamble{hinting(lessonHint, lateHint), http.StatusOK, header}
				if diff := cmp.Diff(want, preambleOf(x.reply)); diff != "" || x.headstart("level") != "shell" {
					t.Errorf("(-want +got):\n%slevel %v", diff, x.headstart("level"))
				}
			})
		})
	}
}

// Caddy's own metrics have one response for each request.
func TestHintsInCaddysMetrics(t *testing.T) {
	l := wireSites(t, "encode gzip", "metrics")
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		l.learn(t, v, "on", path, wireCookies(wirePage))
		counted := func(site string) map[string]float64 {
			before := l.metrics(t)
			if x := l.visit(t, v, site, path); (len(x.Interim) == 1) != (site == "on") {
				t.Fatalf("%s: %v", site, x.Interim)
			}
			counted := make(map[string]float64)
			for series, value := range l.metrics(t) {
				name, labels, _ := strings.Cut(series, "{")
				if !strings.HasPrefix(name, "caddy_http_") || !strings.Contains(labels, `code="`) || !strings.HasSuffix(name, "_count") && !strings.HasSuffix(name, "_total") {
					continue
				}
				if strings.Contains(labels, `code="103"`) {
					t.Errorf("%s: %v", series, value)
				}
				if value != before[series] && !strings.Contains(labels, `handler="metrics"`) {
					_, code, _ := strings.Cut(labels, `code="`)
					code, _, _ = strings.Cut(code, `"`)
					counted[name+" "+code] += value - before[series]
				}
			}
			return counted
		}
		want, got := counted("bare"), counted("on")
		if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
			t.Errorf("%v (-without Headstart +with):\n%s", got, diff)
		}
	})
}

func init() {
	caddy.RegisterModule(pushRecorder{})
	httpcaddyfile.RegisterHandlerDirective("headstart_test_pusher", func(httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		return pushRecorder{}, nil
	})
}

// pushRecorder is the Caddyfile directive headstart_test_pusher, for use in a route: a
// handler whose writer can push, as far as those behind it know. No client of these tests
// takes what a server pushes.
type pushRecorder struct{}

// pushes are the targets that were pushed.
var pushes struct {
	mu   sync.Mutex // protects list
	list []string
}

// pushed returns them, and forgets them.
func pushed() (list []string) {
	pushes.mu.Lock()
	defer pushes.mu.Unlock()
	list, pushes.list = pushes.list, nil
	return list
}

func (pushRecorder) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.headstart_test_pusher", New: func() caddy.Module { return new(pushRecorder) }}
}

func (pushRecorder) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return next.ServeHTTP(pushingWriter{&caddyhttp.ResponseWriterWrapper{ResponseWriter: w}}, r)
}

type pushingWriter struct {
	*caddyhttp.ResponseWriterWrapper
}

func (pushingWriter) Push(target string, _ *http.PushOptions) error {
	pushes.mu.Lock()
	defer pushes.mu.Unlock()
	pushes.list = append(pushes.list, target)
	return nil
}

// The directive push sends what the final response's Link header names, as it does
// without Headstart, and nothing when the 103 response goes out.
func TestHintsArePushedByNobody(t *testing.T) {
	origin := startOrigin(t)
	var sites strings.Builder
	for name, ours := range map[string]string{"bare": "", "site": "headstart {\n\t\t\tmin_wait 0\n\t\t}"} {
		fmt.Fprintf(&sites, `
http://:<%s>, https://example.test:<%[1]s_tls> {
	log
	route {
		headstart_test_pusher
		push
		%s
		reverse_proxy %s
	}
}
`, name, ours, origin.Addr())
	}
	l := startLesson(t, origin, sites.String())
	for _, protocol := range []string{"h2", "h3"} {
		v := newVisitor(t, protocol)
		path := "/" + protocol
		l.learn(t, v, "site", path, wireCookies(wirePage, "Link", "</own.css>; rel=preload; as=style"))
		pushed()
		l.visit(t, v, "bare", path)
		want := pushed()
		a := l.awaitHint(t, v, "site", path)
		if got := pushed(); len(got) > 0 {
			t.Errorf("pushed with the 103 response: %q", got)
		}
		a.gate.Open()
		l.end(t, path, await(t, "the answer", a.final))
		if got := pushed(); !slices.Equal(got, want) || len(want) != 1 {
			t.Errorf("pushed %q, without Headstart %q", got, want)
		}
	}
}
