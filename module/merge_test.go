package module_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/domtest"
	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// A mergePage is a page whose responses differ.
type mergePage struct {
	name string
	// page returns the n-th response.
	page func(n int) string
	// early is what must be there before the backend answers, late what must not.
	early, late []string
	links       int // Link values
}

var mergePages = []mergePage{
	{
		"a title", func(n int) string {
			return fmt.Sprintf(doctype+`<html><head><title>Visit %d</title><link rel="stylesheet" href="/a.css"><script src="/a.js"></script></head><body>%d</body></html>`, n, n)
		},
		[]string{"/a.css", "/a.js"},
		[]string{"<title>"},
		0,
	},
	{
		"a token before the stylesheets", func(n int) string {
			return fmt.Sprintf(doctype+`<html><head><meta name="csrf-token" content="%d"><link rel="stylesheet" href="/a.css"><script type="module" src="/a.js"></script></head><body>%d</body></html>`, n, n)
		},
		[]string{"/a.css", "/a.js"},
		[]string{"csrf-token"},
		0,
	},
	{
		"an attribute of html", func(n int) string {
			return fmt.Sprintf(doctype+`<html id="n%d" lang="en"><head><link rel="stylesheet" href="/a.css"><script src="/a.js"></script></head><body>%d</body></html>`, n, n)
		},
		[]string{"/a.css", "/a.js", `lang="en"`},
		[]string{`id="n`},
		0,
	},
	{
		"an async script", func(n int) string {
			return fmt.Sprintf(doctype+`<html><head><script async src="/b.js"></script><link rel="stylesheet" href="/a.css"><title>%d</title></head><body>%d</body></html>`, n, n)
		},
		[]string{"/a.css"},
		[]string{"/b.js"},
		1,
	},
	{
		"an inline script with an id", func(n int) string {
			return fmt.Sprintf(doctype+`<html><head><meta charset="utf-8"><script>id = %d</script><link rel="stylesheet" href="/a.css"></head><body>%d</body></html>`, n, n)
		},
		[]string{"<meta charset"},
		[]string{"/a.css"},
		1,
	},
}

// What can be sent early is there before the backend answers; in the end the page
// is the backend's, in any chunks, compressed or not.
func TestMerged(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		for _, outer := range []string{"", "encode gzip"} {
			s := startEarly(t, at, outer)
			eachProtocol(t, func(t *testing.T, v *visitor) {
				for i, test := range mergePages {
					t.Run(outer+" "+test.name, func(t *testing.T) {
						path := fmt.Sprintf("/%s/%d", v.protocol, i)
						for n := range 3 {
							s.origin.Handle(path, htmlPage(test.page(n))...)
							s.visit(t, v, path).rest(t)
						}
						for n, answer := range [][]testorigin.Step{
							htmlPage(test.page(3)),
							{testorigin.Header(http.StatusOK, htmlHeader(nil)...), testorigin.Bytewise(test.page(4))},
						} {
							test.visit(t, s, v, path, n+3, answer)
						}
					})
				}
			})
		}
	})
}

func (test mergePage) visit(t *testing.T, s *earlySite, v *visitor, path string, n int, answer []testorigin.Step) {
	t.Helper()
	gate := testorigin.NewGate()
	s.origin.Handle(path, append([]testorigin.Step{testorigin.Wait(gate)}, answer...)...)
	r := s.visit(t, v, path)
	await(t, "the request at the backend", gate.Arrived())
	early := ""
	for _, mark := range test.early {
		early = r.readUntil(t, mark)
	}
	for _, mark := range test.late {
		if strings.Contains(early, mark) {
			t.Errorf("%s came early: %q", mark, unpad(early))
		}
	}
	if got := len(r.Header["Link"]); got != test.links {
		t.Errorf("Link %q, want %d", r.Header["Link"], test.links)
	}
	gate.Open()
	body, end := r.rest(t)
	outcome, _ := s.c.logs.access(t, n+1, path)[n].field("headstart", "outcome").(string)
	if end != cleanEnd || outcome != "merged" && outcome != "exact" {
		t.Fatalf("%s, %s", outcome, end)
	}
	err := domtest.Check([]byte(test.page(n)), []byte(body), outcome, recovery.Prefix)
	if err != nil && !errors.Is(err, domtest.ErrNotParsed) {
		t.Error(err)
	}
}

// Async scripts are sent where they stand if the operator says so.
func TestEarlyAsync(t *testing.T) {
	page := doctype + `<html><head><script async src="/b.js"></script><link rel="stylesheet" href="/a.css"></head><body></body></html>`
	origin := startOrigin(t)
	s := &earlySite{startCaddy(t, `
https://example.test:<site_tls> {
	headstart {
		min_wait 0
		early_async
	}
	reverse_proxy `+origin.Addr()+`
}
`), origin, shell}
	v := newVisitor(t, "h2")
	s.teach(t, v, "/", page)
	gate := testorigin.NewGate()
	s.origin.Handle("/", append([]testorigin.Step{testorigin.Wait(gate)}, htmlPage(page)...)...)
	r := s.visit(t, v, "/")
	await(t, "the request at the backend", gate.Arrived())
	if early := r.readUntil(t, "/a.css"); !strings.Contains(early, "/b.js") || len(r.Header["Link"]) != 0 {
		t.Errorf("early %q, Link %q", unpad(early), r.Header["Link"])
	}
	gate.Open()
	if body, end := r.rest(t); unpad(body) != page || end != cleanEnd {
		t.Errorf("%s, %q", end, unpad(body))
	}
}
