package module_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/testorigin"
	"github.com/headstart-proxy/headstart/module"
)

// Deferred header operations read what inner handlers change, and nothing locks
// it: they are done before the inner handlers begin. The race detector sees it
// if they are not.
func TestDeferredHeaders(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		for _, outer := range []string{"", "encode gzip"} {
			s := startEarly(t, at, outer+`
		header {
			-X-Powered-By
			X-Id {http.request.uuid}
			X-Took {http.request.duration}
			X-Path {http.request.uri.path}
			X-Level {http.headstart.level}
		}`)
			eachProtocol(t, func(t *testing.T, v *visitor) {
				s.teach(t, v, "/", wholePage)
				for range 20 {
					r := s.visit(t, v, "/")
					if body, end := r.rest(t); unpad(body) != wholePage || end != cleanEnd {
						t.Fatalf("%s, %q", end, unpad(body))
					}
					if r.Header.Get("X-Level") != string(at) || r.Header.Get("X-Id") == "" {
						t.Fatalf("%v", r.Header)
					}
				}
			})
		}
	})
}

// An outer handler that makes an early response one that caches keep: it is cut
// if it fails, and was the last.
func TestDeferredCacheControl(t *testing.T) {
	for name, directive := range map[string]string{
		"set":      `header >Cache-Control "public, max-age=600"`,
		"in place": `header >Cache-Control "private, no-cache" "public, max-age=600"`,
	} {
		t.Run(name, func(t *testing.T) {
			eachLevel(t, func(t *testing.T, at level) {
				s := startEarly(t, at, directive)
				v := newVisitor(t, "h2")
				s.teach(t, v, "/", wholePage)
				r, gate := s.early(t, v, "/", errorDoc(http.StatusServiceUnavailable, ownErrorPage))
				gate.Open()
				if body, end := r.rest(t); !end.aborted() {
					t.Errorf("%s, %q", end, unpad(body))
				}
				s.neverAgain(t, v, "/", "cache_control")
			})
		})
	}
}

// An outer handler that holds responses back.
func TestBufferingHandler(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, "templates")
		v := newVisitor(t, "h2")
		s.teach(t, v, "/", wholePage)
		if body, end := s.visit(t, v, "/").rest(t); unpad(body) != wholePage || end != cleanEnd {
			t.Errorf("%s, %q", end, unpad(body))
		}
		s.neverAgain(t, v, "/", "buffered")
	})
}

// neverAgain teaches another page, and checks that it is not sent early.
func (s *earlySite) neverAgain(t *testing.T, v *visitor, path, reason string) {
	t.Helper()
	path += "other"
	s.teach(t, v, path, wholePage)
	if body, end := s.visit(t, v, path).rest(t); body != wholePage || end != cleanEnd {
		t.Errorf("%s, %q", end, body)
	}
	if got := s.c.logs.access(t, 4, path)[3].field("headstart", "reason"); got != reason {
		t.Errorf("reason %v, want %s", got, reason)
	}
}

// A body without an end, behind an answer that leads the visitor away, is not
// waited for.
func TestEndlessBodyAfterSurprise(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		t.Cleanup(module.SetMaxLinger(time.Millisecond))
		s := startEarly(t, at, "encode gzip")
		eachProtocol(t, func(t *testing.T, v *visitor) {
			for name, dress := range map[string][]string{
				"browser": nil,
				"crawler": {"User-Agent", "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)"},
			} {
				path := fmt.Sprintf("/%s/%s", v.protocol, name)
				s.origin.Handle(path, htmlPage(wholePage)...)
				for range 3 {
					s.visit(t, v, path, dress...).rest(t)
				}
				r, gate := s.early(t, v, path, append(answers200("Set-Cookie", "a=b"), testorigin.Hang()), dress...)
				gate.Open()
				if _, end := r.rest(t); !end.aborted() {
					t.Errorf("%s: %s", name, end)
				}
			}
		})
	})
}

// Two handlers that are in each other's way: the outer one has the request.
func TestNestedHandlers(t *testing.T) {
	s := startEarly(t, shell, "headstart /never*\n\troute {\n\t\theadstart {\n\t\t\tmin_wait 0\n\t\t}\n\t}")
	v := newVisitor(t, "h1")
	s.teach(t, v, "/", wholePage)
	r, gate := s.early(t, v, "/", htmlPage(wholePage))
	gate.Open()
	if body, end := r.rest(t); unpad(body) != wholePage || end != cleanEnd {
		t.Errorf("%s, %q", end, unpad(body))
	}
	if n := strings.Count(fmt.Sprint(s.c.logs.access(t, 4, "/")[3]), "outcome"); n != 1 {
		t.Errorf("%d outcomes", n)
	}
}
