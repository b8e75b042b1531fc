package opening

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/request"
)

const (
	styled = top + css
	body   = "</head><body>"
	nav    = "<nav><a href=/>Home</a></nav>"
)

func newShellTrial() *trial {
	p := newTrial()
	p.rules.Shell = true
	return p
}

// see observes a document of which the first part of the body may be sent, too.
func see(document string, header ...string) *Observation {
	final := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	for i := 0; i < len(header); i += 2 {
		final.Add(header[i], header[i+1])
	}
	o, reason, _ := Observe(LearnHeaders(nil, final), []byte(document), true, Scope{Shell: Shell(final)})
	if reason != "" {
		panic(reason)
	}
	return o
}

// show gives the page an observation of each document.
func (p *trial) show(documents ...string) {
	for _, d := range documents {
		p.answer(Answer{Observation: see(d), Depth: -1})
	}
}

// What is observed of a body, and what keeps it from being observed.
func TestObserveBody(t *testing.T) {
	shell := Scope{Shell: true}
	nonce := "abcdefghijklmnopqrstuvwx"
	policy := http.Header{"Content-Security-Policy": {"script-src 'nonce-" + nonce + "'"}}
	tests := []struct {
		name     string
		document string
		header   http.Header
		cutOff   bool // more of the document follows
		what     Scope
		want     string // of the body
		bars     Reason
		cut      bool
	}{
		{name: "the head only", document: styled + body + nav + "</body></html>"},
		{name: "the body", document: styled + body + nav + "</body></html>", what: shell, want: body + nav},
		{name: "without end tags", document: styled + body + nav, what: shell, want: body + nav, cut: true},
		{name: "its beginning", document: styled + body + nav + "<p", cutOff: true, what: shell, want: body + nav},
		{name: "an implied end of the head", document: "<title>x</title><body>" + nav + "</body>", what: shell, want: "<body>" + nav},
		{name: "a head without end", document: styled, what: shell, cut: true},
		{name: "a head that is not understood", document: styled + "</x>" + body + nav, what: shell},
		{name: "up to an element", document: styled + body + nav + "<main>x</main></body>", what: Scope{true, []string{"main"}}, want: body + nav},
		{name: "up to an id", document: styled + body + nav + "<p id=top>x</p></body>", what: Scope{true, []string{"#top"}}, want: body + nav},
		{name: "up to a comment", document: styled + body + nav + "<!--headstart:stop--><p></p></body>", what: shell, want: body + nav},
		{name: "a comment in the head", document: styled + "<!--headstart:stop-->" + css + body + nav + "</body>", what: shell},
		{name: "the nonce", document: styled + body + "<script nonce=" + nonce + ">x</script></body>", header: policy, what: shell, want: body + "<script nonce=" + neutral[0][:len(nonce)] + ">x</script>"},
		{name: "another nonce", document: styled + body + "<script nonce=x>x</script></body>", header: policy, what: shell, want: body + "<script nonce=x>x</script>", bars: Nonce},
		{name: "another nonce behind what is observed", document: styled + body + "<script nonce=x>x</script></body>", header: policy},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
			maps.Copy(h, test.header)
			o, reason, cut := Observe(LearnHeaders(nil, h), []byte(test.document), !test.cutOff, test.what)
			if got := string(o.Body.Bytes); reason != "" || got != test.want || o.bars != test.bars || cut != test.cut {
				t.Errorf("%q, bars %q, cut %v, reason %q; want %q, %q, %v", got, o.bars, cut, reason, test.want, test.bars, test.cut)
			}
		})
	}
	o := see(styled + "<!--headstart:stop-->" + css + body)
	if got := o.Items[len(o.Items)-1]; len(o.Items) != 4 || string(got.Raw) != css || o.whole {
		t.Errorf("%d items, the last %s; the head is whole: %v", len(o.Items), got.Raw, o.whole)
	}
}

// What the backend asks of us by its header, which nobody is shown.
func TestHeadstartHeader(t *testing.T) {
	tests := []struct {
		values []string
		shell  bool
		reason Reason
	}{
		{nil, true, ""},
		{[]string{"no-shell"}, false, ""},
		{[]string{"x, No-Shell"}, false, ""},
		{[]string{"x", "y,no-shell ;"}, true, ""},
		{[]string{"no-store"}, true, NoStore},
		{[]string{"no-shell", "NO-STORE"}, false, NoStore},
		{[]string{"level=shell; no-store"}, true, ""},
	}
	for _, test := range tests {
		h := http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Headstart": test.values}
		for _, reason := range []Reason{Learnable(http.StatusOK, h, false), Committable(http.StatusOK, h)} {
			if Shell(h) != test.shell || reason != test.reason {
				t.Errorf("%q: shell %v, reason %q", test.values, Shell(h), reason)
			}
		}
		learned := LearnHeaders(nil, h)
		plain := LearnHeaders(http.Header{"Headstart": {"y"}}, http.Header{"Content-Type": {"text/html; charset=utf-8"}})
		if len(learned) != 1 || learned.Differs(plain, nil) != "" {
			t.Errorf("%q is learned: %v", test.values, learned)
		}
	}
	p := newShellTrial()
	for _, value := range []string{"no-shell", "x", "x"} {
		p.answer(Answer{Observation: see(styled+body+nav+"</body>", "Headstart", value), Depth: -1})
	}
	p.want(t, styled)
	p.show(styled + body + nav + "</body>")
	p.want(t, styled+body+nav)
}

// How far a page is sent, by what three responses were.
func TestShells(t *testing.T) {
	csrf := func(i int) string { return fmt.Sprintf("<meta name=csrf content=%d>", i) }
	title := func(i int) string { return fmt.Sprintf("<title>%d</title>", i) }
	same := func(s string) func(int) string { return func(int) string { return s } }
	tests := []struct {
		name  string
		page  func(i int) string
		rules func(*Rules)
		want  string
	}{
		{name: "a stable page", page: same(styled + body + nav + "<p>x</p></body></html>"), want: styled + body + nav + "<p>x</p>"},
		{name: "without shell", page: same(styled + body + nav + "</body>"), rules: func(r *Rules) { r.Shell = false }, want: styled},
		{name: "a text differs", page: func(i int) string { return fmt.Sprint(styled, body, nav, "<p>Hello, ", i, "</p></body>") }, want: styled + body + nav + "<p>"},
		{name: "a tag differs", page: func(i int) string { return fmt.Sprint(styled, body, nav, "<p id=", i, "></p></body>") }, want: styled + body + nav},
		{name: "the body tag differs", page: func(i int) string { return fmt.Sprint(styled, "</head><body class=", i, ">", nav, "</body>") }, want: styled},
		{name: "a link differs", page: func(i int) string { return fmt.Sprint(styled, body, nav, "<div><a href=", i, "></a></div></body>") }, want: styled + body + nav + "<div>"},
		{name: "one has no body", page: func(i int) string { return styled + []string{body + nav, body + nav, "</x>"}[i] }, want: styled},
		{name: "a stop", page: func(i int) string { return styled + []string{"", "", "<!--headstart:stop-->"}[i] + body + nav }, want: styled},
		{name: "a late title", page: func(i int) string { return styled + title(i) + body + nav }, want: styled + body + nav},
		{name: "a late title and a script", page: func(i int) string { return styled + title(i) + body + nav + "<script>x()</script>" }, want: styled + body + nav + "<script>x()</script>"},
		{name: "a late title that is read", page: func(i int) string {
			return styled + title(i) + body + nav + "<script>document.title</script>" + nav
		}, want: styled + body + nav},
		{name: "a title that is read", page: same(styled + title(1) + body + "<script>document.title</script>" + nav), want: styled + title(1) + body + "<script>document.title</script>" + nav},
		{name: "a late token", page: func(i int) string { return styled + csrf(i) + body + nav }, want: styled + body + nav},
		{name: "a late token and a script", page: func(i int) string { return styled + csrf(i) + body + nav + "<script>x()</script>" }, want: styled + body + nav},
		{name: "a late token and a script that waits", page: func(i int) string { return styled + csrf(i) + body + "<script src=a.js defer></script>" + nav }, want: styled + body + "<script src=a.js defer></script>" + nav},
		{name: "a late token and a handler", page: func(i int) string { return styled + csrf(i) + body + nav + "<p onclick=x()></p>" }, want: styled + body + nav},
		{name: "a late token and a handler of all", page: func(i int) string { return styled + csrf(i) + "</head><body onload=x()>" + nav }, want: styled},
		{name: "a token of one", page: func(i int) string { return styled + []string{csrf(0), "", ""}[i] + body + "<script>x()</script>" }, want: styled + body},
		{name: "an async script", page: same(styled + body + nav + "<script src=a.js async></script>" + nav), want: styled + body + nav},
		{name: "an early async script", page: same(styled + body + "<script src=a.js async></script>" + nav), rules: func(r *Rules) { r.EarlyAsync = true }, want: styled + body + "<script src=a.js async></script>" + nav},
		{name: "a late token and an early async script", page: func(i int) string {
			return styled + csrf(i) + body + "<script src=a.js async></script>" + nav
		}, rules: func(r *Rules) { r.EarlyAsync = true }, want: styled + body},
		{name: "an async script of the head", page: same(styled + "<script src=a.js async></script>" + body + nav), want: styled + body + nav},
		{name: "a late stylesheet", page: func(i int) string { return styled + fmt.Sprintf("<link rel=stylesheet href=%d.css>", i) + body + nav }, want: styled},
		{name: "a late script", page: func(i int) string { return styled + fmt.Sprintf("<script>%d</script>", i) + title(1) + body + nav }, want: styled},
		{name: "a class of html differs", page: func(i int) string {
			return fmt.Sprint("<!doctype html><html class=", i, "><head>", css, body, nav)
		}, want: "<!doctype html><html><head>" + css},
		{name: "an id of html differs", page: func(i int) string {
			return fmt.Sprint("<!doctype html><html id=", i, "><head>", css, body, nav)
		}, want: "<!doctype html><html><head>" + css + body + nav},
		{name: "nothing but a body", page: func(i int) string { return title(i) + "<body>" + nav }, want: "<body>" + nav},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newShellTrial()
			if test.rules != nil {
				test.rules(&p.rules)
			}
			for i := range 3 {
				p.show(test.page(i))
			}
			p.want(t, test.want)
			p.Cool() // made again from what is kept
			p.want(t, test.want)
			if got := string(p.plan().Early.Bytes); strings.ReplaceAll(got, "\n", "") != test.want {
				t.Errorf("written %s", strings.ReplaceAll(got, "\n", ""))
			}
		})
	}
}

// A crawler runs no script: it is sent a shell if that is allowed and nothing has to
// be moved into the head.
func TestCrawlerShell(t *testing.T) {
	late := func(i int) string { return fmt.Sprint(styled, "<title>", i, "</title>", body, nav) }
	attribute := func(i int) string { return fmt.Sprint("<html id=", i, ">", css, body, nav) }
	tests := []struct {
		name    string
		allowed bool
		page    func(i int) string
		want    string
	}{
		{"not allowed", false, func(int) string { return styled + body + nav }, styled},
		{"allowed", true, func(int) string { return styled + body + nav }, styled + body + nav},
		{"a late title", true, late, styled},
		{"a late attribute", true, attribute, "<html>" + css},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newShellTrial()
			p.rules.CrawlerShell = test.allowed
			for i := range 3 {
				p.show(test.page(i))
			}
			p.visit.Audience, p.visit.Learn = request.Crawler, false
			seq := p.plan().Expected
			for range 3 {
				p.answer(Answer{Depth: seq.Len(), Expected: seq})
			}
			p.want(t, test.want)
		})
	}
}

// Who is signed in gets what all share, to just before the own name, and what
// anonymous visitors were shown.
func TestSignedIn(t *testing.T) {
	p := newShellTrial()
	hello := func(name string) string { return styled + body + "<nav><p>Hello, " + name + "</p></nav><main>x</main>" }
	p.show(hello("stranger"), hello("stranger"), hello("stranger"))
	p.want(t, hello("stranger"))

	p.visit.Audience, p.visit.Learn = request.Returning, false
	steps := func(document string) int {
		seq := p.opening(variantKey{}).learned(p.rules).sequence
		return prefixIn(seq, see(document).Items, see(document).Body.Bytes)
	}
	answer := func(document string) {
		p.answer(Answer{Depth: steps(document), Expected: p.opening(variantKey{}).learned(p.rules).sequence})
	}
	for range 2 {
		answer(hello("Ada"))
		p.want(t, "[not_learned]")
	}
	answer(hello("Ada"))
	p.want(t, styled+body+"<nav><p>")
	for range 3 { // one who is shown no navigation
		answer(styled + body + "<main>x</main>")
	}
	p.want(t, styled+body)
	for range 3 { // one whose styled is another one
		answer(top + "<title>x</title>" + css + body + "<nav><p>")
	}
	p.want(t, styled+body+"<nav><p>")
	for range 3 {
		answer(styled + "</head><body class=in>")
	}
	p.want(t, styled)
}

// How far a shell goes changes often. What an audience has proved of it stays.
func TestShellGrows(t *testing.T) {
	p := newShellTrial()
	entries := func(n int) string { return styled + body + nav + strings.Repeat("<p>x</p>", n) + "<hr>" }
	p.show(entries(1), entries(2), entries(3))
	p.want(t, styled+body+nav+"<p>x</p>")
	p.visit.Audience, p.visit.Learn = request.Returning, false
	seq := p.plan().Expected
	for range 3 {
		p.answer(Answer{Depth: seq.Len(), Expected: seq})
	}
	returning := func(want string) {
		t.Helper()
		p.visit.Audience = request.Returning
		p.want(t, want)
		p.visit.Audience = request.Anonymous
	}
	returning(styled + body + nav + "<p>x</p>")
	p.show(entries(3)) // 2, 3 and 3
	p.want(t, styled+body+nav+"<p>x</p><p>x</p>")
	returning(styled + body + nav + "<p>x</p>")
	p.show(styled + body + "<hr>")
	p.want(t, styled+body)
	returning(styled + body)
	next := strings.ReplaceAll(entries(3), "a.css", "b.css")
	p.show(next, next, next) // a deploy: all is new
	p.want(t, next)
	returning("[not_learned]")
}

// A nonce in a body is one of the response, as those in the head are.
func TestBodyNonce(t *testing.T) {
	p := newShellTrial()
	page := func(nonce string) string { return styled + body + nav + "<script nonce=" + nonce + ">x()</script>" }
	for _, nonce := range []string{"abcdefghijklmnopqrstuv", "bbcdefghijklmnopqrstuv", "cbcdefghijklmnopqrstuv"} {
		p.answer(Answer{Observation: see(page(nonce), "Content-Security-Policy", "script-src 'nonce-"+nonce+"'"), Depth: -1})
	}
	plan := p.plan()
	if plan.Early == nil {
		t.Fatal(plan.Reason)
	}
	fresh := Fresh(plan.Nonces)
	early := plan.Early.Replace(plan.Nonces, fresh)
	if got := string(early.Sequence.Bytes); got != page(fresh[0]) {
		t.Errorf("compared with %s", got)
	}
	if got := strings.ReplaceAll(string(early.Bytes), "\n", ""); got != page(fresh[0]) {
		t.Errorf("sent %s", got)
	}
	if strings.Contains(string(plan.Early.Bytes), fresh[0]) || strings.Contains(string(plan.Early.Sequence.Bytes), fresh[0]) {
		t.Error("the opening itself is changed")
	}
}
