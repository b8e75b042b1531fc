package module

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// A benchCase is a kind of request, and what becomes of it.
type benchCase struct {
	name   string
	header http.Header
	cookie bool // the page sets one, so it is observed or compared each time
	level  string
}

var benchCases = []benchCase{
	{name: "committed", header: chromeHeader, level: levelShell},
	{name: "ineligible", header: http.Header{"Accept": {"*/*"}, "User-Agent": {"curl/8.14.1"}}, level: levelNone},
	{name: "comparing", header: withHeader(chromeHeader, "Cookie", "a=b"), cookie: true, level: levelNone},
	{name: "learning", header: chromeHeader, cookie: true, level: levelNone},
}

// chromeHeader is what a Chrome sends whose user typed a URL.
var chromeHeader = testorigin.Navigation()

func withHeader(h http.Header, name, value string) http.Header {
	h = h.Clone()
	h.Set(name, value)
	return h
}

// BenchmarkHandler shows what the handler adds to next alone, which writes a
// page of 56 KB in 32 KB chunks, as reverse_proxy does. beyond/op is how many
// allocations it adds; the time is that of both.
func BenchmarkHandler(b *testing.B) {
	for _, c := range benchCases {
		b.Run(c.name, func(b *testing.B) {
			site := newBenchSite(b, c, chunks(32<<10))
			beyond := testing.AllocsPerRun(200, site.headstart) - testing.AllocsPerRun(200, site.plain)
			b.ReportAllocs()
			for b.Loop() {
				site.headstart()
			}
			b.ReportMetric(beyond, "beyond/op")
		})
	}
	b.Run("plain", func(b *testing.B) {
		site := newBenchSite(b, benchCases[0], chunks(32<<10))
		b.ReportAllocs()
		for b.Loop() {
			site.plain()
		}
	})
}

// Nothing is allocated per chunk, neither after the splice nor while looking on.
// What is observed in full is kept, and is not among the cases.
func TestAllocationsPerChunk(t *testing.T) {
	for _, c := range benchCases {
		if c.name == "learning" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			few := testing.AllocsPerRun(100, newBenchSite(t, c, chunks(512)).headstart)
			many := testing.AllocsPerRun(100, newBenchSite(t, c, chunks(256)).headstart)
			if many > few {
				t.Errorf("%v allocations in 112 chunks, %v in 224", few, many)
			}
		})
	}
}

// A benchSite sends one kind of request to the handler and to next alone.
type benchSite struct {
	handler *Handler
	next    caddyhttp.Handler
	request *http.Request
	server  *caddyhttp.Server
	writer  discardWriter
}

// newBenchSite provisions a handler and teaches it the page.
func newBenchSite(tb testing.TB, c benchCase, body [][]byte) *benchSite {
	tb.Helper()
	always := caddy.Duration(0)
	s := &benchSite{
		handler: &Handler{MinWait: &always},
		next:    writesPage(c.cookie, body),
		request: httptest.NewRequest(http.MethodGet, "http://example.test/page", nil),
		server:  new(caddyhttp.Server),
		writer:  make(discardWriter),
	}
	s.request.RequestURI = "/page"
	s.request.RemoteAddr = "127.0.0.1:40000"
	s.request.Header = c.header

	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	tb.Cleanup(cancel)
	if err := s.handler.Provision(ctx); err != nil {
		tb.Fatal(err)
	}
	s.handler.logger = zap.NewNop()
	tb.Cleanup(func() {
		if err := s.handler.Cleanup(); err != nil {
			tb.Error(err)
		}
	})

	teacher := *s
	teacher.request = s.request.Clone(context.Background())
	teacher.request.Header = chromeHeader
	for range 4 {
		teacher.headstart()
	}
	if level := s.serve(s.handler); level != c.level {
		tb.Fatalf("the level is %v, want %s", level, c.level)
	}
	return s
}

func (s *benchSite) headstart() { s.serve(s.handler) }

func (s *benchSite) plain() { s.serve(nil) }

// serve serves one request as Caddy's server would, and returns its level.
func (s *benchSite) serve(handler caddyhttp.MiddlewareHandler) any {
	clear(s.writer)
	repl := caddy.NewReplacer()
	r := caddyhttp.PrepareRequest(s.request, repl, s.writer, s.server)
	var err error
	if handler == nil {
		err = s.next.ServeHTTP(s.writer, r)
	} else {
		err = handler.ServeHTTP(s.writer, r, s.next)
	}
	if err != nil {
		panic(err)
	}
	level, _ := repl.Get("http.headstart.level")
	return level
}

// writesPage is a handler that writes a page in chunks, and flushes each.
func writesPage(cookie bool, body [][]byte) caddyhttp.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) error {
		h := w.Header()
		h["Content-Type"] = []string{"text/html; charset=utf-8"}
		h["X-Content-Type-Options"] = []string{"nosniff"}
		h["X-Frame-Options"] = []string{"DENY"}
		h["Referrer-Policy"] = []string{"same-origin"}
		if cookie {
			h["Set-Cookie"] = []string{"session=1"}
		}
		w.WriteHeader(http.StatusOK)
		control := http.NewResponseController(w)
		for _, chunk := range body {
			if _, err := w.Write(chunk); err != nil {
				return err
			}
			if err := control.Flush(); err != nil {
				return err
			}
		}
		return nil
	}
}

// chunks returns a page of 56 KB with a head of about 2 KB, in chunks of a size.
func chunks(size int) [][]byte {
	var b strings.Builder
	b.WriteString("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>A page</title>\n")
	for i := range 20 {
		fmt.Fprintf(&b, "<link rel=\"stylesheet\" href=\"/static/part-%d.css\" integrity=\"sha256-%040d=\">\n", i, i)
	}
	b.WriteString("</head>\n<body>\n")
	for b.Len() < 56<<10 {
		b.WriteString("<p>What comes after the head.</p>\n")
	}
	page := []byte(b.String())
	var list [][]byte
	for len(page) > 0 {
		n := min(size, len(page))
		list, page = append(list, page[:n]), page[n:]
	}
	return list
}

// A discardWriter keeps only the header, and can be flushed.
type discardWriter http.Header

func (w discardWriter) Header() http.Header         { return http.Header(w) }
func (w discardWriter) WriteHeader(int)             {}
func (w discardWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w discardWriter) FlushError() error           { return nil }
