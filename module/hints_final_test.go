package module_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// The Link header of a committed response names what the page asks for behind what was
// sent of it: once, and nothing that the opening holds or the backend's own header says.
func TestLinkOfCommit(t *testing.T) {
	// Behind a value that differs, a script that runs at once is not sent early.
	page := func(n int) string {
		return fmt.Sprintf(`%s<meta name="csrf-token" content="%d"><link rel="stylesheet" href="/early.css"><script src="/sync.js"></script>`+
			`<link rel="stylesheet" href="/late.css"><link rel="preload" as="font" href="/a.woff2" crossorigin>`+
			`<link rel="stylesheet" href="/wide.css" media="(min-width: 9px)"><link rel="stylesheet" href="/lesson.css">%s`, lessonHead, n, lessonTail)
	}
	const (
		sync = "</sync.js>; rel=preload; as=script"
		late = "</late.css>; rel=preload; as=style"
		font = "</a.woff2>; rel=preload; as=font; crossorigin"
		wide = `</wide.css>; rel=preload; as=style; media="(min-width: 9px)"`
	)
	for _, test := range []struct {
		name string
		link []string // of the backend's header
		want []string
	}{
		{"none of the backend", nil, []string{sync, late, font, wide}},
		{"another of the backend", []string{otherHint}, []string{otherHint, sync, late, font, wide}},
		{"the backend's, of the same", []string{late, otherHint + ", " + font}, []string{late, otherHint + ", " + font, sync, wide}},
		{"the backend's, of what comes early", []string{lessonHint}, []string{lessonHint, sync, late, font, wide}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := keysSite(t, "")
			eachProtocol(t, func(t *testing.T, v *visitor) {
				path := "/" + v.protocol
				var header []string
				for _, link := range test.link {
					header = append(header, "Link", link)
				}
				n := 0
				for range lessonVisits {
					n++
					l.serve(path, lessonHTML(page(n), header...))
					l.visit(t, v, "site", path)
				}
				l.serve(path, lessonHTML(page(n+1), header...))
				r, gate := l.held(t, v, "site", path)
				if diff := cmp.Diff(test.want, r.Header["Link"]); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				r.readUntil(t, "/early.css")
				if early, _ := r.soFar(); strings.Contains(early, "/sync.js") || strings.Contains(early, "/late.css") {
					t.Errorf("what is named comes early, too: %q", unpad(early))
				}
				gate.Open()
				x := l.end(t, path, r)
				if !strings.Contains(x.body, fmt.Sprintf(`content="%d"`, n+1)) || strings.Count(x.body, "/sync.js") != 1 {
					t.Errorf("%q", unpad(x.body))
				}
			})
		})
	}
}

// A Link that needs the nonce of the page's policy has the one of this response, which
// no other has. Before the policy is here it has none.
func TestNonceOfLink(t *testing.T) {
	l := keysSite(t, "")
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		used := make(map[string]bool)
		serve := func() {
			nonce := nonceForms["hex"]()
			used[nonce] = true
			l.serve(path, lessonHTML(lessonHead+`<script async src="/late.js" nonce="`+nonce+`"></script>`+lessonTail,
				"Content-Security-Policy", "script-src 'nonce-"+nonce+"'"))
		}
		for range lessonVisits {
			serve()
			l.visit(t, v, "site", path)
		}
		for range 3 {
			serve()
			x := l.visit(t, v, "site", path)
			nonces := noncesIn(x.Header)
			if len(nonces) != 1 || used[nonces[0]] {
				t.Fatalf("nonces %q of the policy, used %v", nonces, used)
			}
			used[nonces[0]] = true
			if diff := cmp.Diff([]string{lateHint + "; nonce=" + nonces[0]}, x.Header["Link"]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var want []interim
			if v.protocol != "h1" {
				want = hinting(lessonHint, lateHint)
			}
			if diff := cmp.Diff(want, x.Interim); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	})
}

// A page that is not committed keeps its Link header, byte for byte.
func TestLinkOfOthersPasses(t *testing.T) {
	l := wireSites(t, "")
	const odd = `</a.css>;rel="preload" ; as=style;nopush,</b>; rel=next`
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		l.learn(t, v, "on", path, wireCookies(wirePage, "Link", odd))
		x := l.visit(t, v, "on", path)
		if diff := cmp.Diff([]string{odd}, x.Header["Link"]); diff != "" || x.Status != http.StatusOK {
			t.Errorf("(-want +got):\n%s", diff)
		}
		want := hinting(lessonHint, "</a.css>; rel=preload; as=style", lateHint)
		if diff := cmp.Diff(want, x.Interim); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// What an outer handler asks for is hinted first, and stays in the final response.
func TestLinkOfOuterHandlers(t *testing.T) {
	l := wireSites(t, `header Link "</outer.css>; rel=preload; as=style"`)
	const outer = "</outer.css>; rel=preload; as=style"
	eachProtocol(t, func(t *testing.T, v *visitor) {
		for path, answer := range map[string][]testorigin.Step{"/hinted/": wireCookies(wirePage), "/committed/": lessonHTML(wirePage)} {
			path += v.protocol
			l.learn(t, v, "on", path, answer)
			x := l.visit(t, v, "on", path)
			want := []string{outer}
			if strings.HasPrefix(path, "/committed") {
				want = append(want, lateHint)
			}
			if diff := cmp.Diff(want, x.Header["Link"]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
			if diff := cmp.Diff(hinting(outer, lessonHint, lateHint), x.Interim); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		}
	})
}
