package module_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/domtest"
	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// putsRight is how the script begins that moves what came late into the head.
const putsRight = `<script data-headstart>` + recovery.Prefix

// learn lets visitors load a page whose responses differ, the first of them n.
func (s *earlySite) learn(t *testing.T, v *visitor, path string, page func(n int) string, n int, namesAndValues ...string) {
	t.Helper()
	for i := range teachers {
		s.origin.Handle(path, htmlPage(page(n+i))...)
		if body, end := s.visit(t, v, path, namesAndValues...).rest(t); body != page(n+i) || end != cleanEnd {
			t.Fatalf("while learning: %s, %q", end, unpad(body))
		}
	}
}

// held sends a navigation whose answer waits at a gate, and returns when the visitor
// has all that is to come early, and nothing more.
func (s *earlySite) held(t *testing.T, v *visitor, path, early string, answer []testorigin.Step, namesAndValues ...string) (*reply, *testorigin.Gate) {
	t.Helper()
	gate := testorigin.NewGate()
	s.origin.Handle(path, append([]testorigin.Step{testorigin.Wait(gate)}, answer...)...)
	r := s.visit(t, v, path, namesAndValues...)
	await(t, "the request at the backend", gate.Arrived())
	if got := unpad(r.readUntil(t, early[max(len(early)-20, 0):])); got != early {
		t.Fatalf("early bytes are %q, want %q", got, early)
	}
	r.stillOpen(t)
	return r, gate
}

// joins takes in the end of a held response, which must be the backend's page by its
// outcome, and returns what came behind the early bytes.
func (s *earlySite) joins(t *testing.T, r *reply, path, early, page, outcome string) (late string) {
	t.Helper()
	body, end := r.rest(t)
	entries := s.c.logs.own(t, 1, path)
	if got := entries[len(entries)-1]["outcome"]; got != outcome || end != cleanEnd {
		t.Errorf("%s, %v, want %s: %q", end, got, outcome, unpad(body))
	}
	if err := domtest.Check([]byte(page), []byte(body), outcome, recovery.Prefix); err != nil && !errors.Is(err, domtest.ErrNotParsed) {
		t.Error(err)
	}
	return strings.TrimPrefix(unpad(body), early)
}

// The parts of a page. The script is at the end of its head.
const (
	bodyHead = doctype + `<html lang="en"><head><meta charset="utf-8"><link rel="stylesheet" href="/a.css"><script defer src="/a.js"></script>`
	bodyNav  = "</head>\n<body class=\"x\"><header><nav><a href=\"/\">Home</a> &amp; <a href='/new'>New</a></nav></header>\n"
	bodyMain = "<main><h1>News</h1><p>x</main><footer>y</footer>"
	bodyEnd  = "</body></html>\n"
)

// shellPages are pages whose responses differ, or not.
var shellPages = []struct {
	name    string
	page    func(n int) string
	early   string // all that comes early
	late    string // how the rest begins, with %d for the visit
	outcome string
}{
	{
		"nothing", func(int) string { return bodyHead + "<title>A</title>" + bodyNav + bodyMain + bodyEnd },
		bodyHead + "<title>A</title>" + bodyNav + bodyMain, bodyEnd, "exact",
	},
	{
		"nothing, and no end tags", func(int) string { return bodyHead + bodyNav + bodyMain },
		bodyHead + bodyNav + bodyMain, "", "exact",
	},
	{
		"a title", func(n int) string {
			return bodyHead + fmt.Sprintf("<title>Visit %d</title>", n) + bodyNav + bodyMain + bodyEnd
		},
		bodyHead + bodyNav + bodyMain, "<title>Visit %d</title>" + putsRight, "merged",
	},
	{
		"a title and a token", func(n int) string {
			return bodyHead + fmt.Sprintf("<title>Visit %d</title><meta name=\"csrf-token\" content=\"%d\">", n, n) + bodyNav + bodyMain + bodyEnd
		},
		bodyHead + bodyNav + bodyMain, "<title>Visit %d</title><meta name=\"csrf-token\" content=\"%[1]d\">" + putsRight, "merged",
	},
	{
		"an attribute of html", func(n int) string {
			return strings.Replace(bodyHead, `lang="en"`, fmt.Sprintf(`id="n%d" lang="en"`, n), 1) + bodyNav + bodyMain + bodyEnd
		},
		bodyHead + bodyNav + bodyMain, `<html id="n%d" lang="en">`, "merged",
	},
	{
		"a text", func(n int) string {
			return bodyHead + bodyNav + fmt.Sprintf("<main><h1>Hello, %d</h1></main>", n) + bodyEnd
		},
		bodyHead + bodyNav + "<main><h1>", "Hello, %d</h1></main>" + bodyEnd, "exact",
	},
	{
		"an attribute", func(n int) string {
			return bodyHead + bodyNav + fmt.Sprintf("<main><img src=/i><a href='?%d'>x</a></main>", n) + bodyEnd
		},
		bodyHead + bodyNav + "<main><img src=/i>", "<a href='?%d'>x</a></main>" + bodyEnd, "exact",
	},
	{
		"a title and a text", func(n int) string {
			return bodyHead + fmt.Sprintf("<title>Visit %d</title>", n) + bodyNav + fmt.Sprintf("<main><b>Hello, %d</b></main>", n) + bodyEnd
		},
		bodyHead + bodyNav + "<main>", "<title>Visit %d</title>" + putsRight, "merged",
	},
	{
		"the class of the body", func(n int) string {
			return strings.Replace(bodyHead+bodyNav, `class="x"`, fmt.Sprintf(`class="x%d"`, n), 1) + bodyMain + bodyEnd
		},
		bodyHead, "</head>", "exact",
	},
}

// The visitor has the page up to what differs before the backend answers, and in the
// end the backend's page, in any chunks.
func TestShell(t *testing.T) {
	for _, outer := range []string{"", "encode gzip"} {
		s := startEarly(t, shell, outer)
		eachProtocol(t, func(t *testing.T, v *visitor) {
			for i, test := range shellPages {
				t.Run(outer+" "+test.name, func(t *testing.T) {
					path := fmt.Sprintf("/%s/%d", v.protocol, i)
					s.learn(t, v, path, test.page, 0)
					for n := 3; n < 5; n++ {
						page := test.page(n)
						answer := htmlPage(page)
						if n == 4 {
							answer = []testorigin.Step{testorigin.Header(200, htmlHeader(nil)...), testorigin.Bytewise(page)}
						}
						r, gate := s.held(t, v, path, test.early, answer)
						gate.Open()
						late := s.joins(t, r, path, test.early, page, test.outcome)
						want := test.late
						if strings.Contains(want, "%") {
							want = fmt.Sprintf(want, n)
						}
						if !strings.HasPrefix(late, want) {
							t.Errorf("what comes late is %q, want %q …", late, want)
						}
						// What was not sent early is passed on to the byte.
						_, body, _ := strings.Cut(test.early, "</script>")
						if _, rest, ok := strings.Cut(page, body); body != "" && (!ok || !strings.HasSuffix(late, rest)) {
							t.Errorf("what comes late is %q, want … %q", late, rest)
						}
					}
				})
			}
		})
	}
}

// Below the level, nothing of the body comes early.
func TestFlushHeadSendsNoBody(t *testing.T) {
	s := startEarly(t, head, "")
	eachProtocol(t, func(t *testing.T, v *visitor) {
		for i, test := range shellPages {
			path := fmt.Sprintf("/%s/%d", v.protocol, i)
			s.learn(t, v, path, test.page, 0)
			early, _, _ := strings.Cut(test.early, "</head>")
			r, gate := s.held(t, v, path, early, htmlPage(test.page(3)))
			gate.Open()
			body, end := r.rest(t)
			if err := domtest.Check([]byte(test.page(3)), []byte(body), "merged", recovery.Prefix); err != nil || end != cleanEnd {
				t.Errorf("%s: %v", end, err)
			}
		}
	})
}
