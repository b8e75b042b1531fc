package module

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/headstart-proxy/headstart/internal/csp"
	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// A benchCase is a kind of request, and what becomes of it.
type benchCase struct {
	name   string
	header http.Header
	flush  string // the option; "" is its default
	http2  bool   // 103 responses are sent
	cookie bool   // the page sets one, so it is observed or compared each time
	nonce  bool   // the page has a policy with one, another each time
	level  string
	// beyond is how many allocations a committed one has at most beyond those of next
	// alone: a few for each thing that must be there per request. A 103 response has a
	// header of its own, and with a nonce policy and opening are made for each.
	beyond float64
}

var benchCases = []benchCase{
	{name: "committed", header: chromeHeader, level: levelShell, beyond: 25},
	{name: "head", header: chromeHeader, flush: FlushHead, level: levelHead, beyond: 25},
	{name: "hints", header: chromeHeader, flush: FlushHints, http2: true, level: levelHints},
	{name: "hinted and committed", header: chromeHeader, http2: true, level: levelShell, beyond: 40},
	{name: "nonce", header: chromeHeader, nonce: true, level: levelShell, beyond: 70},
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
			beyond := site.beyond()
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
	// Buffers grow in other steps with smaller chunks, and pools lose one now and then, to
	// the garbage collector or the race detector.
	const regrown = 8
	for _, c := range benchCases {
		if c.name == "learning" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			few := testing.AllocsPerRun(100, newBenchSite(t, c, chunks(512)).headstart)
			many := testing.AllocsPerRun(100, newBenchSite(t, c, chunks(256)).headstart)
			if many > few+regrown {
				t.Errorf("%v allocations in 112 chunks, %v in 224", few, many)
			}
		})
	}
}

// A committed request allocates little that a plain one does not. Allocations are counted,
// so this is exact, whatever else the machine does.
func TestAllocationsBeyondPlain(t *testing.T) {
	if RaceDetector {
		t.Skip("SKIPPED: -race: sync.Pool drops at random what it is given, so allocations are not counted")
	}
	for _, c := range benchCases {
		if c.beyond == 0 {
			continue
		}
		if got := newBenchSite(t, c, chunks(32<<10)).beyond(); got > c.beyond {
			t.Errorf("%s: a request has %v allocations beyond those of a plain one, want %v at most", c.name, got, c.beyond)
		}
	}
}

// A benchSite sends one kind of request to the handler and to next alone.
type benchSite struct {
	handler *Handler
	next    caddyhttp.Handler
	request *http.Request
	server  *caddyhttp.Server
	writer  *discardWriter
}

// newBenchSite provisions a handler and teaches it the page.
func newBenchSite(tb testing.TB, c benchCase, body [][]byte) *benchSite {
	tb.Helper()
	next := writesPage(c, body)
	always := caddy.Duration(0)
	s := &benchSite{
		handler: &Handler{MinWait: &always, Flush: c.flush},
		next:    next,
		request: httptest.NewRequest(http.MethodGet, "http://example.test/page", nil),
		server:  new(caddyhttp.Server),
		writer:  &discardWriter{header: make(http.Header)},
	}
	if c.http2 {
		s.request.Proto, s.request.ProtoMajor, s.request.ProtoMinor = "HTTP/2.0", 2, 0
		known := serverPackages
		serverPackages = append(slices.Clone(known), packageOf(s.writer))
		tb.Cleanup(func() { serverPackages = known })
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

// beyond returns how many allocations the handler adds to those of next alone.
func (s *benchSite) beyond() float64 {
	return testing.AllocsPerRun(200, s.headstart) - testing.AllocsPerRun(200, s.plain)
}

// serve serves one request as Caddy's server would, and returns its level.
func (s *benchSite) serve(handler caddyhttp.MiddlewareHandler) any {
	clear(s.writer.header)
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
func writesPage(c benchCase, body [][]byte) caddyhttp.HandlerFunc {
	bodies, policies := [][][]byte{body}, [][]string{nil}
	if c.nonce {
		bodies, policies = withNonces(body)
	}
	round := 0
	return func(w http.ResponseWriter, _ *http.Request) error {
		round = (round + 1) % len(bodies)
		h := w.Header()
		h["Content-Type"] = []string{"text/html; charset=utf-8"}
		h["X-Content-Type-Options"] = []string{"nosniff"}
		h["X-Frame-Options"] = []string{"DENY"}
		h["Referrer-Policy"] = []string{"same-origin"}
		if c.cookie {
			h["Set-Cookie"] = []string{"session=1"}
		}
		if c.nonce {
			h["Content-Security-Policy"] = policies[round]
		}
		w.WriteHeader(http.StatusOK)
		control := http.NewResponseController(w)
		for _, chunk := range bodies[round] {
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

// withNonces returns a page with several nonces, in its head and in about every 4 KB of
// its body, and the policies with them. They are made beforehand, so that nothing is
// allocated for them per request.
func withNonces(body [][]byte) (bodies [][][]byte, policies [][]string) {
	const paragraph = "<p>What comes after the head.</p>\n"
	page := bytes.Join(body, nil)
	for range 64 { // more than a window of observations
		nonce := csp.Fresh(24)
		script := []byte("<script nonce=" + nonce + "></script>\n")
		with := bytes.ReplaceAll(page, []byte("<link "), []byte("<link nonce="+nonce+" "))
		for at := len(with) - len(paragraph); at > 0; at -= 4 << 10 {
			if i := bytes.LastIndex(with[:at], []byte(paragraph)); i > 0 {
				with = slices.Concat(with[:i], script, with[i+len(paragraph):])
			}
		}
		bodies = append(bodies, slices.Collect(slices.Chunk(with, len(body[0]))))
		policies = append(policies, []string{"style-src 'nonce-" + nonce + "'; script-src 'nonce-" + nonce + "'"})
	}
	return bodies, policies
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
	return slices.Collect(slices.Chunk([]byte(b.String()), size))
}

// A discardWriter keeps only the header, and can be flushed.
type discardWriter struct{ header http.Header }

func (w *discardWriter) Header() http.Header         { return w.header }
func (w *discardWriter) WriteHeader(int)             {}
func (w *discardWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *discardWriter) FlushError() error           { return nil }
