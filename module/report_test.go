package module_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// reportFields are all fields of the access log, and with http.headstart. in
// front the names of the placeholders.
var reportFields = []string{
	"level", "reason", "audience", "crawler", "outcome", "backend_status",
	"early_ms", "backend_header_ms", "backend_body_ms", "saved_ms",
}

// reportSite starts a site with Headstart. Visitors who are led away see that
// only in the log here, so nothing has to wait for them.
func reportSite(t *testing.T, directives string) *lesson {
	t.Helper()
	origin := startOrigin(t)
	return startLesson(t, origin, reloadSite("site", directives, "reverse_proxy "+origin.Addr()))
}

// said is what the access log says of a visit, the times replaced by a word if
// they fit each other.
func said(t *testing.T, x lessonVisit) map[string]any {
	t.Helper()
	fields, _ := x.log["headstart"].(map[string]any)
	out := maps.Clone(fields)
	at := make(map[string]float64)
	for _, name := range []string{"early_ms", "backend_header_ms", "backend_body_ms", "saved_ms"} {
		ms, there := fields[name].(float64)
		if !there {
			continue
		}
		at[name], out[name] = ms, "a time"
		if ms <= 0 && name != "saved_ms" {
			t.Errorf("%s is %v", name, ms)
		}
	}
	if body, there := at["backend_body_ms"]; there && body < at["backend_header_ms"] {
		t.Errorf("the body is there before the header: %v", fields)
	}
	saved, there := at["saved_ms"]
	if there && math.Abs(saved-(at["backend_header_ms"]-at["early_ms"])) > 0.002 { // each is rounded to a microsecond
		t.Errorf("saved_ms does not fit: %v", fields)
	}
	return out
}

// TestAccessLog checks what the access log says of each kind of visit.
func TestAccessLog(t *testing.T) {
	l := reportSite(t, "")
	ok := lessonHTML(lessonPage)
	committed := func(outcome string, status float64) map[string]any {
		return map[string]any{
			"level": "shell", "audience": "anonymous", "outcome": outcome, "backend_status": status,
			"early_ms": "a time", "backend_header_ms": "a time", "backend_body_ms": "a time", "saved_ms": "a time",
		}
	}
	without := func(m map[string]any, names ...string) map[string]any {
		for _, name := range names {
			delete(m, name)
		}
		return m
	}
	none := func(audience, reason string) map[string]any {
		m := without(committed("", 200), "outcome", "early_ms", "saved_ms")
		m["level"], m["audience"], m["reason"] = "none", audience, reason
		return m
	}
	of := func(crawler string, m map[string]any) map[string]any {
		m["crawler"] = crawler
		return m
	}
	tests := []struct {
		name   string
		taught bool
		dress  lessonDress
		answer []testorigin.Step
		want   map[string]any
	}{
		{name: "program", dress: func(r *http.Request) { r.Header = http.Header{} }, answer: ok, want: map[string]any{
			"level": "none", "reason": "not_navigation",
		}},
		{name: "upload", dress: func(r *http.Request) { r.Method = http.MethodPost }, answer: ok, want: map[string]any{
			"level": "none", "reason": "method",
		}},
		{name: "not clean", dress: with("X-Original-Url", "/admin"), answer: ok, want: map[string]any{
			"level": "none", "reason": "not_clean", "audience": "anonymous",
		}},
		{name: "learning", dress: undressed, answer: ok, want: none("anonymous", "not_learned")},
		{name: "returning", taught: true, dress: with("Cookie", "a=b"), answer: ok, want: none("returning", "not_learned")},
		{
			name: "crawler", taught: true, dress: with("User-Agent", "Mozilla/5.0 (compatible; Googlebot/2.1)"), answer: ok,
			want: of("googlebot", none("crawler", "not_learned")),
		},
		{
			name: "another bot", dress: func(r *http.Request) { r.Header = http.Header{"User-Agent": {"FooBot/1.0"}} }, answer: ok,
			want: of("other", map[string]any{"level": "none", "reason": "not_navigation"}),
		},
		{name: "exact", taught: true, dress: undressed, answer: ok, want: committed("exact", 200)},
		{
			name: "reloaded", taught: true, dress: undressed,
			answer: lessonHTML(lessonPage, "Set-Cookie", "a=b"), want: committed("reloaded", 200),
		},
		{
			name: "redirected", taught: true, dress: undressed,
			answer: []testorigin.Step{testorigin.Header(302, "Location", "/login")}, want: without(committed("redirected", 302), "backend_body_ms"),
		},
		{
			name: "failed", taught: true, dress: undressed,
			answer: []testorigin.Step{testorigin.Header(503), testorigin.Write("sorry")}, want: committed("failed", 503),
		},
		{
			name: "aborted", taught: true, dress: undressed,
			answer: append(slices.Clone(ok), testorigin.Close()), want: committed("aborted", 200),
		},
		{
			name: "refused", taught: true, dress: undressed, answer: []testorigin.Step{testorigin.Abort()},
			want: without(committed("failed", 502), "backend_header_ms", "backend_body_ms", "saved_ms"),
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			path := "/" + strings.ReplaceAll(tc.name, " ", "-")
			v := newVisitor(t, "h1")
			if tc.taught {
				l.teach(t, v, "site", path)
			}
			gate := testorigin.NewGate()
			l.serve(path, append([]testorigin.Step{testorigin.Wait(gate)}, tc.answer...))
			replies := make(chan *reply, 1)
			go func() { replies <- l.begin(t, v, "site", path, []lessonDress{tc.dress}) }()
			await(t, "the request at the backend", gate.Arrived())
			if tc.want["level"] == "shell" {
				r := await(t, "the early response", replies)
				r.readUntil(t, lessonMark)
				replies <- r
			}
			gate.Open()
			x := l.end(t, path, await(t, "the response", replies))
			if diff := cmp.Diff(tc.want, said(t, x)); diff != "" {
				t.Errorf("not as expected (-want +got):\n%s", diff)
			}
			if tc.want["level"] == "shell" && x.log["status"] != 200.0 {
				t.Errorf("status %v", x.log["status"])
			}
		})
	}

	t.Run("canceled", func(t *testing.T) {
		v := newVisitor(t, "h1")
		l.teach(t, v, "site", "/canceled")
		ctx, leave := context.WithCancel(t.Context())
		r, _ := l.held(t, v, "site", "/canceled", func(r *http.Request) { *r = *r.WithContext(ctx) })
		leave()
		x := l.end(t, "/canceled", r)
		want := without(committed("canceled", 0), "backend_status", "backend_header_ms", "backend_body_ms", "saved_ms")
		if diff := cmp.Diff(want, said(t, x)); diff != "" {
			t.Errorf("not as expected (-want +got):\n%s", diff)
		}
	})
}

// TestPlaceholders checks that log_append sees all placeholders, and header
// those that are known when the header is written.
func TestPlaceholders(t *testing.T) {
	var appends strings.Builder
	for _, name := range reportFields {
		fmt.Fprintf(&appends, "log_append my_%[1]s {http.headstart.%[1]s}\n", name)
	}
	l := reportSite(t, appends.String()+`
	header >X-Early "<{http.headstart.level}> <{http.headstart.reason}> <{http.headstart.audience}>"
	header {
		X-Deferred {http.headstart.level}
		defer
	}`)
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		l.serve(path, lessonHTML(lessonPage))
		check := func(x lessonVisit, early, deferred string) {
			t.Helper()
			if got := x.Header.Get("X-Early"); got != early {
				t.Errorf("X-Early is %q, want %q", got, early)
			}
			if got := x.Header.Get("X-Deferred"); got != deferred {
				t.Errorf("X-Deferred is %q, want %q", got, deferred)
			}
			for _, name := range reportFields {
				want, got := x.headstart(name), x.log["my_"+name]
				if want == nil && (got == nil || got == "") {
					continue
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("the placeholder %s is %v, the access log has %v", name, got, want)
				}
			}
		}
		check(l.visit(t, v, "site", path, func(r *http.Request) { r.Header = http.Header{} }), "<none> <not_navigation> <>", "none")
		for range lessonVisits {
			check(l.visit(t, v, "site", path), "<none> <not_learned> <anonymous>", "none")
		}
		check(l.early(t, v, "site", path), "<shell> <> <anonymous>", "shell")
	})
}

// TestOwnLog checks the line that Headstart itself logs, for debugging.
func TestOwnLog(t *testing.T) {
	l := reportSite(t, "")
	v := newVisitor(t, "h1")
	l.teach(t, v, "site", "/page")
	l.serve("/page", lessonHTML(lessonPage, "X-Frame-Options", "DENY"))
	l.visit(t, v, "site", "/page?token=secret")
	l.visit(t, v, "site", "/page")

	own := func(e logEntry) bool { return e["logger"] == "http.handlers.headstart" }
	entries := l.logs.wait(t, l.seen["/page"], own)
	for _, e := range entries {
		if e["msg"] != "handled" || e["level"] == nil || e["host"] != host || e["uri"] != "/page" {
			t.Errorf("an entry is %v", e)
		}
	}
	last := entries[len(entries)-1]
	if last["outcome"] != "reloaded" || last["surprise"] == "" || last["flushed"].(float64) < float64(len(lessonHead)) {
		t.Errorf("the entry of a surprise is %v", last)
	}
	if extra := len(l.logs.find(own)) - len(entries); extra != 0 {
		t.Errorf("%d entries too many", extra)
	}
}

// TestLogsAreDiscreet checks that nothing of a page and nothing that a visitor
// keeps to itself gets into any log.
func TestLogsAreDiscreet(t *testing.T) {
	const secret = "hush-hush"
	l := reportSite(t, "")
	v := newVisitor(t, "h1")
	page := strings.NewReplacer("For those", secret+" for those", "The lesson", secret).Replace(lessonPage)
	html := func(header ...string) []testorigin.Step { return lessonHTML(page, header...) }
	dresses := []lessonDress{
		undressed, with("Cookie", "session="+secret), with("Cookie", "headstart="+secret), with("Authorization", "Bearer "+secret),
	}
	answers := map[string][]testorigin.Step{
		"/exact":   html(),
		"/cookie":  html("Set-Cookie", "session="+secret),
		"/failed":  {testorigin.Header(503, "Content-Type", "text/html"), testorigin.Write(page)},
		"/missing": {testorigin.Header(404, "Content-Type", "text/html; charset=utf-8"), testorigin.Write(page)},
		"/another": lessonHTML("<!doctype html><title>" + secret + "</title>"),
		"/cut":     append(html(), testorigin.Close()),
		"/refused": {testorigin.Abort()},
		// Caddy itself logs other headers, and URLs, so in these only
		// Headstart's own entries count.
		"/own/redirect": {testorigin.Header(302, "Location", "/?token="+secret)},
		"/own/differs":  html("X-Secret", secret),
		"/own/csp":      html("Content-Security-Policy", "script-src 'nonce-"+secret+"'"),
	}
	for path, answer := range answers {
		l.serve(path, html())
		for range lessonVisits {
			l.visit(t, v, "site", path)
		}
		if x := l.visit(t, v, "site", path); x.headstart("level") != "shell" {
			t.Fatalf("%s was not learned: %v", path, x.log)
		}
		l.serve(path, answer)
		for _, d := range dresses {
			l.visit(t, newVisitor(t, "h1"), "site", path, d)
		}
		if strings.HasPrefix(path, "/own/") {
			l.visit(t, v, "site", path+"?token="+secret)
		}
	}
	for _, e := range l.logs.find(func(logEntry) bool { return true }) {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		all := string(text)
		if e["logger"] != "http.handlers.headstart" && strings.Contains(all, "/own/") {
			fields, _ := json.Marshal(e["headstart"])
			all = string(fields)
		}
		if strings.Contains(all, secret) {
			t.Errorf("a log entry tells the secret: %s", all)
		}
	}
}
