package module_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// A guard lets some visitors in, and answers all others itself.
type guard struct {
	name string
	// site are the directives of a site, in which APP stands for Headstart and
	// the backend, OTHER for Headstart and another backend, HEADSTART, BACKEND
	// and ELSE for these alone, and AUTH for the address of one that forward_auth
	// asks. Whatever it allows, pages under /open are for everybody.
	site     string
	insiders []lessonDress // anybody, if empty
	outsider lessonDress

	status int    // of the guard's answer, 0 for none
	part   string // of its body
	passes bool   // a backend is asked
}

// asOutsider is what most guards know outsiders by. A browser of that name is as
// clean as any other, so nothing but the guard keeps it from an early page.
var asOutsider = with("User-Agent", "Mozilla/5.0 (Outsider)")

// accessMatchers are what most guards use.
const accessMatchers = `
	@outsider {
		path /closed*
		header User-Agent *Outsider*
	}
	@insider {
		not {
			path /closed*
			header User-Agent *Outsider*
		}
	}
`

var guards = []guard{
	{name: "respond", site: `respond @outsider "keep out" 403
	APP`, outsider: asOutsider, status: 403, part: "keep out"},
	{
		name: "respond, by an expression", site: "@keep_out `path('/closed*') && header({'User-Agent': '*Outsider*'})`\n\trespond @keep_out 403\n\tAPP",
		outsider: asOutsider, status: 403,
	},
	{name: "abort", site: `abort @outsider
	APP`, outsider: asOutsider},
	{name: "error", site: `error @outsider "keep out" 403
	APP`, outsider: asOutsider, status: 403},
	{name: "error with a page", site: `error @outsider "keep out" 403
	APP
	handle_errors {
		respond "sorry: {err.message}"
	}`, outsider: asOutsider, status: 403, part: "sorry: keep out"},
	{name: "redir", site: `redir @outsider /login 302
	APP`, outsider: asOutsider, status: 302},
	{name: "basic_auth", site: `basic_auth @outsider {
		bob $2a$04$4YZRVq8VVqJ2BqsEwLhrb.uEzsJPoBKWUgQYMlLLN9lrc2S./gqdi
	}
	APP`, outsider: asOutsider, status: 401},
	{name: "forward_auth", site: `forward_auth /closed* AUTH {
		uri /verify
	}
	APP`, outsider: asOutsider, status: 401, part: "who are you?"},
	{name: "route", site: `route {
		respond @outsider 403
		APP
	}`, outsider: asOutsider, status: 403},
	{name: "the guard's handle block first", site: `handle @outsider {
		respond "keep out" 403
	}
	handle {
		APP
	}`, outsider: asOutsider, status: 403, part: "keep out"},
	{name: "the guarded handle block first", site: `handle @insider {
		APP
	}
	handle {
		respond "nothing here" 404
	}`, outsider: asOutsider, status: 404, part: "nothing here"},
	{name: "handle blocks with Headstart in both", site: `handle @outsider {
		OTHER
	}
	handle {
		APP
	}`, outsider: asOutsider, status: 200, part: "Another page", passes: true},
	{name: "a guard inside a handle block", site: `handle /closed* {
		respond @outsider 403
		APP
	}
	handle {
		APP
	}`, outsider: asOutsider, status: 403},
	{name: "a guard outside a handle block", site: `redir @outsider /login 303
	handle {
		APP
	}`, outsider: asOutsider, status: 303},
	{name: "a matcher of reverse_proxy", site: `HEADSTART
	reverse_proxy @insider BACKEND
	file_server`, outsider: asOutsider, status: 404},
	{name: "a matcher of another reverse_proxy", site: `HEADSTART
	reverse_proxy @outsider ELSE
	reverse_proxy BACKEND`, outsider: asOutsider, status: 200, part: "Another page", passes: true},
	{name: "a guard behind Headstart", site: `route {
		HEADSTART
		respond @outsider 403
		reverse_proxy BACKEND
	}`, outsider: asOutsider, status: 403},
	{name: "handle blocks behind Headstart", site: `route {
		HEADSTART
		handle @outsider {
			reverse_proxy ELSE
		}
		handle {
			reverse_proxy BACKEND
		}
	}`, outsider: asOutsider, status: 200, part: "Another page", passes: true},
	{name: "another backend by a variable", site: `vars backend BACKEND
	vars @outsider backend ELSE
	HEADSTART
	reverse_proxy {vars.backend}`, outsider: asOutsider, status: 200, part: "Another page", passes: true},
	{
		name: "by cookie", site: `@guest {
		path /closed*
		header Cookie *guest*
	}
	respond @guest 403
	APP`, insiders: slices.Concat(lessonClass(undressed), lessonClass(with("Cookie", "member=1"))),
		outsider: with("Cookie", "guest=1"), status: 403,
	},
	{name: "by address", site: `@elsewhere {
		path /closed*
		not client_ip 10.1.0.0/16
	}
	respond @elsewhere 403
	APP`, insiders: lessonClass(from("10.1.2.3")), outsider: from("10.2.2.3"), status: 403},
	{name: "by public address", site: `@elsewhere {
		path /closed*
		not client_ip 192.0.2.0/24 198.51.100.0/24 203.0.113.0/24
	}
	respond @elsewhere 403
	APP`, insiders: publicVisitors, outsider: from("233.252.0.1"), status: 403},
}

// publicVisitors are of as many networks, and use as many browsers, as it takes
// to teach a page in scope public.
var publicVisitors = []lessonDress{
	from("192.0.2.7"),
	from("198.51.100.7"),
	func(r *http.Request) {
		from("203.0.113.7")(r)
		with("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0")(r)
	},
}

// TestAccessControl lets those who are let in teach a page until it comes early,
// and makes sure that all others get the guard's answer, exactly as without
// Headstart.
func TestAccessControl(t *testing.T) {
	for _, g := range guards {
		t.Run(g.name, func(t *testing.T) {
			l := g.start(t, "")
			eachProtocol(t, func(t *testing.T, v *visitor) { g.check(t, l, v) })
		})
		t.Run(g.name+", encoded", func(t *testing.T) {
			g.check(t, g.start(t, "encode zstd gzip"), newVisitor(t, "h2"))
		})
	}
}

// start starts the guarded site twice, as <site> with Headstart and as <bare>
// without.
func (g guard) start(t *testing.T, outer string) *lesson {
	t.Helper()
	origin, other, auth := startOrigin(t), startOrigin(t), startOrigin(t)
	other.Handle("*", lessonHTML("<!doctype html><title>Another page</title>")...)
	auth.Handle("/verify", testorigin.Serve(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.UserAgent(), "Outsider") {
			http.Error(w, "who are you?", http.StatusUnauthorized)
		}
	}))
	site := func(name, headstart string) string {
		return "\nhttp://:<" + name + ">, https://example.test:<" + name + "_tls> {\n\tlog\n" + accessMatchers + "\t" + outer + "\n\t" +
			strings.NewReplacer(
				"APP", headstart+"reverse_proxy "+origin.Addr(),
				"OTHER", headstart+"reverse_proxy "+other.Addr(),
				"HEADSTART", headstart, "BACKEND", origin.Addr(), "ELSE", other.Addr(),
				"AUTH", auth.Addr(),
			).Replace(g.site) + "\n}\n"
	}
	return startLesson(t, origin, site("bare", "")+site("site", "headstart {\nmin_wait 0\n}\n"), lessonProxies)
}

// check checks a guard by one protocol.
func (g guard) check(t *testing.T, l *lesson, v *visitor) {
	open, closed := "/open/"+v.protocol, "/closed/"+v.protocol
	insiders := g.insiders
	if len(insiders) == 0 {
		insiders = lessonClass(undressed)
	}
	l.teach(t, v, "site", open, insiders...)
	l.early(t, v, "site", open, g.outsider) // where it is open, outsiders are served as well as others

	l.teach(t, v, "site", closed, insiders...)
	drain(t, l.origin)
	out := newVisitor(t, v.protocol) // a transport tries again if a connection of some age is cut
	want := answerTo(l.visit(t, out, "bare", closed, g.outsider))
	if want.Status != g.status || !strings.Contains(want.Body, g.part) || want.End.aborted() != (g.status == 0) {
		t.Fatalf("the guard itself: status %d, %s, %q", want.Status, want.End, want.Body)
	}
	for range 2 {
		x := l.visit(t, out, "site", closed, g.outsider)
		if diff := cmp.Diff(want, answerTo(x)); diff != "" {
			t.Errorf("not the guard's answer (-without headstart +with):\n%s", diff)
		}
		if level := x.headstart("level"); level != nil && level != "none" || g.passes && level == nil {
			t.Errorf("level %v", level)
		}
	}
	if seen := drain(t, l.origin); len(seen) > 0 {
		t.Errorf("the backend saw %v", seen)
	}
	l.early(t, v, "site", closed, insiders[0]) // as before
}

// accessAnswer is what a visitor sees of a response, and can compare.
type accessAnswer struct {
	Status int
	Header http.Header
	Body   string
	End    ending
}

func answerTo(x lessonVisit) accessAnswer {
	header := x.Header.Clone()
	header.Del("Date")
	header.Del("Alt-Svc") // names the site's port
	return accessAnswer{x.Status, header, x.body, x.end}
}

// TestSignedInTeachNothing checks that a page behind a login that Caddy itself
// asks for is never learned: there nobody is anonymous.
func TestSignedInTeachNothing(t *testing.T) {
	origin, auth := startOrigin(t), startOrigin(t)
	auth.Handle("/verify", testorigin.Header(http.StatusOK, "Remote-User", "bob"))
	site := func(name, guard string) string {
		return "\nhttp://:<" + name + "> {\n\tlog\n\t" + guard + "\n\theadstart {\n\t\tmin_wait 0\n\t}\n\treverse_proxy " + origin.Addr() + "\n}\n"
	}
	l := startLesson(t, origin, site("basic", `basic_auth {
		bob $2a$04$4YZRVq8VVqJ2BqsEwLhrb.uEzsJPoBKWUgQYMlLLN9lrc2S./gqdi
	}`)+site("forward", "forward_auth "+auth.Addr()+` {
		uri /verify
		copy_headers Remote-User
	}`))
	v := newVisitor(t, "h1")
	bob := func(r *http.Request) { r.SetBasicAuth("bob", "hiccup") }
	for _, path := range []string{"/basic", "/forward"} {
		l.serve(path, lessonHTML(lessonPage))
	}
	for range 2 * lessonVisits {
		l.plain(t, v, "basic", "/basic", lessonPage, "authorization", bob)
		l.plain(t, v, "forward", "/forward", lessonPage, "not_clean")
	}
	if x := l.visit(t, v, "basic", "/basic"); x.Status != http.StatusUnauthorized || x.body != "" {
		t.Errorf("without a password: status %d, %q", x.Status, x.body)
	}
}
