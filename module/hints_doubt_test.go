package module_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// opaque is a handler whose writer nobody can get past, and which takes the first status
// for the final one.
type opaque struct{}

func init() {
	caddy.RegisterModule(opaque{})
	httpcaddyfile.RegisterHandlerDirective("headstart_test_opaque", func(httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		return opaque{}, nil
	})
	httpcaddyfile.RegisterDirectiveOrder("headstart_test_opaque", httpcaddyfile.Before, "encode")
}

func (opaque) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.headstart_test_opaque", New: func() caddy.Module { return new(opaque) }}
}

func (opaque) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return next.ServeHTTP(&opaqueWriter{w: w}, r)
}

type opaqueWriter struct {
	w      http.ResponseWriter
	status int
}

func (w *opaqueWriter) Header() http.Header { return w.w.Header() }

func (w *opaqueWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		w.w.WriteHeader(status)
	}
}

func (w *opaqueWriter) Write(p []byte) (int, error) { return w.w.Write(p) }

// Behind a writer that would take a 103 for the final status, none is sent.
func TestHintsBehindAnOpaqueWriter(t *testing.T) {
	l := keysSite(t, "flush hints", "headstart_test_opaque")
	v := newVisitor(t, "h2")
	l.serve("/page", lessonHTML(lessonPage))
	for range lessonVisits + 1 {
		if x := l.visit(t, v, "site", "/page"); x.Status != http.StatusOK || len(x.Interim) > 0 || x.headstart("level") != "none" {
			t.Errorf("status %d, %v", x.Status, x.Interim)
		}
	}
	l.serve("/page", []testorigin.Step{testorigin.Header(http.StatusNotFound), testorigin.Write("gone")})
	if x := l.visit(t, v, "site", "/page"); x.Status != http.StatusNotFound {
		t.Errorf("status %d", x.Status)
	}
}

// links are the Link values of the one 103 response of a visit.
func (x lessonVisit) links() string {
	if len(x.Interim) == 0 {
		return ""
	}
	return strings.Join(x.Interim[0].Header["Link"], ", ")
}

// What outer handlers ask for goes out behind what the operator declares, each once, and
// not with off.
func TestHintsOfOuterHandlers(t *testing.T) {
	const mine, outer, page = "</mine.css>; rel=preload; as=style", "</outer.css>; rel=preload; as=style", "</lesson.css>; rel=preload; as=style"
	for _, test := range []struct{ name, option, outer, want string }{
		{"another", "", outer, outer + ", " + page},
		{"the same in other words", "", "<https://example.test/lesson.css>;rel=preload;as=style;fetchpriority=high", "<https://example.test/lesson.css>; rel=preload; as=style; fetchpriority=high"},
		{"declared first", "hints {\nmax 2\nadd \"" + mine + "\"\n}", outer, mine + ", " + outer},
		{"off", "hints off", outer, ""},
		{"off but for", "hints {\noff\nadd \"" + mine + "\"\n}", outer, mine},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := keysSite(t, "flush hints\n"+test.option, `header Link "`+test.outer+`"`)
			v := newVisitor(t, "h2")
			l.serve("/page", lessonHTML(lessonPage))
			for range lessonVisits {
				l.visit(t, v, "site", "/page")
			}
			if got := l.visit(t, v, "site", "/page").links(); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// What the operator declares is sent for pages that teach nothing, too, but not to who is
// turned away; and modules in a way that leaves an import map alone.
func TestDeclaredHints(t *testing.T) {
	l := keysSite(t, "flush hints\nhints {\nadd </m.js>;rel=modulepreload\n}")
	v := newVisitor(t, "h2")
	const plain, mapped = "</m.js>; rel=modulepreload", "</m.js>; rel=preload; as=script; crossorigin"
	check := func(path, want string) {
		t.Helper()
		if got := l.visit(t, v, "site", path).links(); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	for _, control := range []string{"private", "no-store"} {
		path := "/" + control
		l.serve(path, lessonHTML(lessonPage, "Cache-Control", control))
		check(path, mapped) // it may have an import map
		l.visit(t, v, "site", path)
		check(path, plain)
	}
	for path, script := range map[string]string{"/plain": "", "/mapped": `<script type="importmap">{}</script>`} {
		l.serve(path, lessonHTML(strings.Replace(lessonPage, "</head>", script+"</head>", 1)))
		for range lessonVisits {
			l.visit(t, v, "site", path)
		}
	}
	check("/plain", plain+", "+lessonHint)
	check("/mapped", mapped+", "+lessonHint)
	l.serve("/plain", []testorigin.Step{testorigin.Header(http.StatusForbidden), testorigin.Write("no")})
	l.visit(t, v, "site", "/plain")
	check("/plain", "")
}

// A response is looked at for what was hinted though the backend compresses: it is asked
// not to if encode stands outside, else it cannot be read, and nothing is hinted again.
func TestHintsOfABackendThatCompresses(t *testing.T) {
	var compressed bytes.Buffer
	z := gzip.NewWriter(&compressed)
	if _, err := z.Write([]byte(lessonPage)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	for _, outer := range []string{"encode", ""} {
		t.Run("behind "+outer, func(t *testing.T) {
			l := keysSite(t, "flush hints", outer)
			v := newVisitor(t, "h2")
			for i := range lessonVisits {
				path := fmt.Sprint("/", i)
				l.serve(path, lessonHTML(lessonPage))
				l.visit(t, v, "site", path)
			}
			l.serve("/unknown", []testorigin.Step{testorigin.Serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				body := []byte(lessonPage)
				if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
					w.Header().Set("Content-Encoding", "gzip")
					body = compressed.Bytes()
				}
				_, _ = w.Write(body) // the visitor may have left
			})})
			dress := []lessonDress{with("Cookie", "a=b"), with("Accept-Encoding", "gzip")}
			want := lessonHint
			for range 3 {
				if got := l.visit(t, v, "site", "/unknown", dress...).links(); got != want {
					t.Errorf("%q, want %q", got, want)
				}
				if outer == "" {
					want = ""
				}
			}
		})
	}
}

// What an unknown URL does not ask for is not hinted there again, and elsewhere it is.
func TestUnaskedOnUnknownURL(t *testing.T) {
	l := keysSite(t, "flush hints")
	v := newVisitor(t, "h2")
	for i := range lessonVisits {
		path := fmt.Sprint("/", i)
		l.serve(path, lessonHTML(lessonPage))
		l.visit(t, v, "site", path)
	}
	returning := with("Cookie", "a=b")
	l.serve("/odd", lessonHTML(strings.Replace(lessonPage, "/lesson.css", "/odd.css", 1)))
	l.serve("/other", lessonHTML(lessonPage))
	for _, step := range []struct{ path, want string }{{"/odd", lessonHint}, {"/odd", ""}, {"/other", lessonHint}, {"/odd", ""}} {
		if got := l.visit(t, v, "site", step.path, returning).links(); got != step.want {
			t.Errorf("%s: %q, want %q", step.path, got, step.want)
		}
	}
	l.serve("/odd", lessonHTML(lessonPage))
	l.visit(t, v, "site", "/odd", returning)
	if got := l.visit(t, v, "site", "/odd", returning).links(); got != lessonHint {
		t.Errorf("asked for again: %q", got)
	}
}

// A request for a download that no 103 response would start says nothing of it.
func TestOddRequestsForAssets(t *testing.T) {
	l := keysSite(t, "flush hints")
	v := newVisitor(t, "h2")
	l.serve("/page", lessonHTML(lessonPage))
	for range lessonVisits {
		l.visit(t, v, "site", "/page")
	}
	l.serve("/lesson.css", []testorigin.Step{testorigin.Header(http.StatusOK, "Content-Type", "text/css", "Cache-Control", "max-age=1000", "Vary", "Origin")})
	fetch := func(r *http.Request) {
		for _, name := range []string{"Sec-Fetch-Mode", "Sec-Fetch-Dest", "Upgrade-Insecure-Requests"} {
			r.Header.Del(name)
		}
	}
	for _, odd := range [][2]string{{"Origin", "https://evil.example"}, {"Authorization", "x"}, {"Range", "bytes=0-1"}} {
		l.visit(t, v, "site", "/lesson.css", fetch, with(odd[0], odd[1]))
		if got := l.visit(t, v, "site", "/page").links(); got != lessonHint {
			t.Errorf("with %s: %q", odd[0], got)
		}
	}
	l.visit(t, v, "site", "/lesson.css", fetch)
	if got := l.visit(t, v, "site", "/page").links(); got != "" {
		t.Errorf("hinted all the same: %q", got)
	}
}
